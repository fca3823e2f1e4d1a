"""Tests of the HTTP server: slow clients, and the end of a server that is busy."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from flask import Flask, request

from wizard.ops import server
from wizard.ops.server import Server, bind_sockets

pytestmark = pytest.mark.one_store
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"


class Program:
    """A program whose answers wait until `proceed`; and its server, in a thread."""

    def __init__(self) -> None:
        self.proceed = threading.Event()
        self.begun: list[str] = []
        flask = Flask("program")
        flask.config.update(MAX_CONTENT_LENGTH=1000, TRUSTED_PROXIES=0)
        flask.add_url_rule("/", view_func=self.answer, methods=["GET", "POST"])
        flask.add_url_rule("/long", view_func=lambda: (b"x" * 100_000 for _ in range(1000)))
        (bound,) = bind_sockets("127.0.0.1", 0)
        self.port = bound.getsockname()[1]
        self.server = Server(flask, [bound])
        self.thread = threading.Thread(target=self.server.run)

    def answer(self) -> str:
        self.begun.append(request.method)
        assert self.proceed.wait(30)
        return request.get_data(as_text=True) or "ok"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def get(self) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.headers["Connection"]


@contextmanager
def running_program():
    """Serve the program inside the block."""
    program = Program()
    program.thread.start()
    try:
        yield program
    finally:
        program.proceed.set()
        program.server.stop()
        program.thread.join(30)
        assert not program.thread.is_alive()


def wait_until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("not in time")


@pytest.mark.parametrize("sent", [b"GE", HEAD, HEAD + b"\r\n12345"], ids=["line", "head", "body"])
def test_request_that_arrives_too_slowly_is_cut_off(monkeypatch, sent):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(server, "SWEEP_SECONDS", 0.1)
    with running_program() as program, program.connect() as slow, program.connect() as idle:
        slow.sendall(sent)
        slow.settimeout(0.1)
        with suppress(ConnectionError):
            while True:
                with suppress(TimeoutError):
                    if slow.recv(1) == b"":
                        break
                slow.sendall(b"E" if sent == b"GE" else b"")  # slow, but never silent
        program.proceed.set()
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")  # it had nothing to send before
        assert idle.recv(100).startswith(b"HTTP/1.1 200")


def test_reader_that_stops_reading_is_cut_off(monkeypatch):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(server, "SWEEP_SECONDS", 0.1)
    with running_program() as program:
        readers = [program.connect() for _ in range(server.THREADS)]
        for each in readers:
            each.sendall(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        program.proceed.set()
        assert program.get()[0] == 200  # every thread was waiting for a reader
        for each in readers:
            each.close()


def test_connections_are_served_after_others_closed():
    """File descriptors are used again."""
    with running_program() as program:
        program.proceed.set()
        for _ in range(5):
            waiting = [program.connect() for _ in range(50)]
            for each in waiting[::2]:
                each.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for each in waiting[::2]:
                assert each.recv(100).startswith(b"HTTP/1.1 200")
            for each in waiting:
                each.close()
        assert program.get()[0] == 200


def test_pipelined_requests_are_all_answered():
    with running_program() as program, program.connect() as client:
        program.proceed.set()
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        got = b""
        while got.count(b"HTTP/1.1 200") < 20:
            got += client.recv(65536)


def test_request_that_arrives_during_another_is_answered_at_once():
    with running_program() as program, program.connect() as browser:
        for number in range(1, 20, 2):
            program.proceed.clear()
            browser.sendall(GET)
            wait_until(lambda: len(program.begun) == number)  # noqa: B023
            browser.sendall(GET)
            wait_until(lambda: program.server.sockets.early)
            program.proceed.set()
            began, received = time.monotonic(), b""
            while received.count(b"\r\n\r\nok") < 2:
                received += browser.recv(1000)
            assert time.monotonic() - began < 0.9  # the loop looks once a second in any case


def test_loop_sleeps_when_a_thread_has_sent_all():
    with running_program() as program, program.connect() as browser:
        program.proceed.set()
        wakes: list[int] = []
        program.server.wake, wake = lambda: wakes.append(1), program.server.wake
        for _ in range(10):
            browser.sendall(GET)
            while not browser.recv(1000).endswith(b"ok"):
                pass
            wait_until(lambda: not any(each.requests for each in program.server.sockets.channels))
        program.server.wake = wake
        assert not wakes


def test_server_is_serving_until_the_last_answer():
    with running_program() as program, ThreadPoolExecutor(6) as clients:
        wait_until(lambda: not program.server.is_serving)
        answers = [clients.submit(program.get) for _ in range(6)]
        wait_until(lambda: len(program.begun) == server.THREADS)
        assert program.server.is_serving
        program.proceed.set()
        assert {each.result()[0] for each in answers} == {200}
        wait_until(lambda: not program.server.is_serving)


def test_stop_answers_requests_that_wait_for_a_thread():
    with running_program() as program, ThreadPoolExecutor(12) as clients:
        answers = [clients.submit(program.get) for _ in range(12)]
        wait_until(lambda: len(program.begun) == server.THREADS)
        wait_until(lambda: len(program.server.server.task_dispatcher.queue) == 8)
        program.server.stop()
        wait_until(lambda: not program.server.sockets.listeners)
        with pytest.raises(ConnectionRefusedError):
            program.connect()
        program.proceed.set()
        assert {each.result() for each in answers} <= {(200, None), (200, "close")}


def test_stop_answers_request_on_open_connection_and_closes_it(monkeypatch):
    monkeypatch.setattr(server, "LINGER_SECONDS", 20)
    with running_program() as program, program.connect() as kept, program.connect() as begun:
        program.proceed.set()
        kept.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        lines = kept.makefile("rb")
        assert b"Connection" not in b"".join(iter(lines.readline, b"\r\n"))
        assert lines.read(2) == b"ok"
        begun.sendall(HEAD + b"\r\n12345")
        wait_until(lambda: any(each.is_unfinished for each in program.server.sockets.channels))
        program.server.stop()
        kept.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"Connection: close" in lines.read()
        begun.sendall(b"67890")
        answer = begun.makefile("rb").read()
        assert b"Connection: close" in answer and answer.endswith(b"1234567890")


def test_stop_without_connections_ends_at_once():
    began = time.monotonic()
    with running_program():
        pass
    assert time.monotonic() - began < server.LINGER_SECONDS + server.UNFINISHED_SECONDS
