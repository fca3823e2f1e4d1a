"""Serve with two processes: one dies, all are replaced, all are stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from email import message_from_bytes
from threading import Event, Thread

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import load_case
from tests.faults.browser import Browser, assert_nothing_lost, stored_rows, typists_at_work
from tests.mail_server import Inbox
from tests.server import SERVE, Server

SECRET_KEY = "0123456789abcdef0123456789abcdef"


class TwoProcesses(Server):
    """A server with two processes, and what it wrote."""

    def start(self, *before: str) -> None:
        """Start the processes and wait until they respond."""
        self.folder.mkdir(exist_ok=True)
        self.log = (self.folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", *SERVE],
            cwd=self.root,
            env=self._environment(),
            stdout=self.log,
            stderr=subprocess.STDOUT,
            # A shell that starts the tests in the background lets them ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self._await_response()
        wait_until(lambda: "Open http" in self.said())

    def said(self) -> str:
        """Return everything written so far."""
        return (self.folder / "log").read_text()

    def processes(self) -> set[int]:
        """Return the ids of the processes that serve."""
        return {each.pid for each in psutil.Process(self.process.pid).children()}


@pytest.fixture
def server(database_url, tmp_path):
    made = TwoProcesses(database_url, tmp_path / "two", WORKERS="2", SECRET_KEY=SECRET_KEY)
    yield made
    if made.process and made.process.poll() is None:
        made.stop()
    made.log.close()


pytestmark = pytest.mark.slow


def wait_until(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("not in time")


@contextmanager
def visitors(server, most_failures: int = 0):
    """Let four visitors request pages inside the block; assert that each request is answered."""
    ended, answers = Event(), Counter()

    def visit() -> None:
        while not ended.is_set():
            try:
                answers[Browser(server).open("GET", "/respond/")[0]] += 1
            except OSError as error:
                answers[type(error).__name__] += 1

    threads = [Thread(target=visit) for _ in range(4)]
    for each in threads:
        each.start()
    yield answers
    wait_until(lambda: answers[200] > 5)
    ended.set()
    for each in threads:
        each.join()
    del answers[200]
    assert sum(answers.values()) <= most_failures, answers


def test_process_that_dies_is_replaced(server):
    server.start()
    first, second = server.processes()
    with visitors(server, most_failures=4):  # those that it was answering
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(server.processes() - {first, second}) == 1)
    assert second in server.processes()
    assert "a process ended with status -9" in server.said()


def test_killed_process_loses_no_save(server):
    server.start()
    with typists_at_work(server) as typists:
        for _ in range(3):
            before = server.processes()
            os.kill(min(before), signal.SIGKILL)
            wait_until(lambda before=before: len(server.processes() - before) == 1)
            time.sleep(2)
    assert_nothing_lost(typists)


def test_reload_replaces_every_process_and_loses_no_request(server):
    server.start()
    before = server.processes()
    with visitors(server):
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(server.processes()) == 2 and not server.processes() & before)
    assert server.said().count("Open http") == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_stop_answers_requests_in_progress_and_is_quiet(server, number, status):
    server.start()
    waiting = []
    for _ in range(20):  # they have begun
        client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        client.sendall(b"GET /questions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: clo")
        waiting.append(client)
    time.sleep(1)
    server.process.send_signal(number)
    for client in waiting:
        client.sendall(b"se\r\n\r\n")
    for client in waiting:
        with client:
            assert client.makefile("rb").read().startswith(b"HTTP/1.1 200")
    assert server.process.wait(timeout=30) == status
    lines = [line for line in server.said().splitlines() if " INFO request " not in line]
    assert [line for line in lines if re.search("Traceback|ERROR", line)] == []
    assert sum("Open http" in line for line in lines) == 1


def test_processes_end_with_the_first_one(server):
    server.start()
    others = server.processes()
    server.kill()
    wait_until(lambda: not any(map(psutil.pid_exists, others)))


def test_messages_arrive_once_and_daily_jobs_run_in_one_process(server, mail_server):
    inbox = Inbox()
    server.settings["WIZARD_SMTP_URL"] = f"smtp://127.0.0.1:{mail_server(inbox)}"
    server.start()
    for _ in range(8):  # more to one address would wait
        browser = Browser(server)
        path, authorized = browser.prepare_submission(load_case("partner"))
        assert browser.open("POST", f"{path}/review", authorized)[0] == 303
    wait_until(lambda: all(row["sent_at"] for row in stored_rows(server, "message")))
    arrived = Counter(message_from_bytes(each)["Message-ID"] for each in inbox.messages)
    assert len(arrived) == 8 and set(arrived.values()) == {1}
    assert server.said().count("drafts deleted: 0") == 1


def test_daily_jobs_pass_to_another_process(server):
    server.start()
    wait_until(lambda: "drafts deleted: 0" in server.said())
    for each in server.processes():  # one of them has the jobs
        os.kill(each, signal.SIGKILL)
        wait_until(lambda each=each: each not in server.processes())
        wait_until(lambda: len(server.processes()) == 2)
    wait_until(lambda: server.said().count("drafts deleted: 0") > 1)


def test_metrics_count_the_requests_of_all_processes(server):
    server.start()
    for _ in range(40):
        assert Browser(server).open("GET", "/respond/")[0] == 200
    text = Browser(server).open("GET", "/metrics")[2]
    shown = {
        sample.labels["step"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "wizard_steps_total" and sample.labels["event"] == "entered"
    }
    assert sum(shown.values()) == 40
    assert "wizard_store_up 1" in text


def test_process_that_cannot_start_ends_the_server(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server.settings["WIZARD_PORT"] = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", *SERVE],
            cwd=server.root,
            env=server._environment() | server.settings,
            capture_output=True,
            text=True,
        )
    server.log = taken
    assert ended.returncode == 1
    assert "Address already in use" in ended.stderr.splitlines()[-1]
