"""One server and two: stopped, beset by slow clients, with a wrong clock, beside another one."""

import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.conftest import load_case, missing
from tests.faults.browser import Browser, Typist, held, hidden, stored
from tests.integration.test_mail import Inbox, mail_server  # noqa: F401
from tests.server import serving
from tests.walk import form_data
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.slow

SLOW = 200


def test_a_server_that_is_told_to_stop_ends_the_requests_under_way(database_url, tmp_path):
    with ExitStack() as stack:
        server = stack.enter_context(serving(database_url, tmp_path))
        typist = Typist(server, seed=1)
        with held(database_url):
            saving = threading.Thread(target=typist.save)
            saving.start()
            time.sleep(1)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1)
        saving.join()
        assert typist.statuses[0] in (200, 303)
        assert server.process.wait(timeout=30) == 0
        typist.look()
        assert typist.lost == 0


def test_two_hundred_slow_clients_keep_nobody_waiting(database_url, tmp_path):
    with serving(database_url, tmp_path) as server, ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(SLOW)
        ]
        post = b"POST /respond/ HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\na="
        for number, client in enumerate(slow):
            client.sendall(post if number % 2 else b"GET /respond/ HTT")
        typist = Typist(server, seed=1)
        for client in slow:
            client.sendall(b"b")
        assert {typist.save() for _ in range(10)} <= {200, 303}
        typist.look()
        assert typist.lost == 0


@pytest.fixture
def faketime():
    """The library that gives a process a clock of its own."""
    found = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if found is None:
        missing("faketime")
    return found


@pytest.mark.parametrize("off", ["+1d", "-1d"])
def test_a_clock_that_is_a_day_off_and_set_right_loses_nothing(
    database_url, tmp_path, faketime, off
):
    with serving(database_url, tmp_path) as server:
        server.stop()
        server.start("env", f"LD_PRELOAD={faketime}", f"FAKETIME={off}", "DONT_FAKE_MONOTONIC=1")
        browser = Browser(server)
        path = browser.start("agency")
        data = browser.hidden(f"{path}/organization")
        typed = [("organization_name", "Orlando"), ("city", "Orlando"), ("state", "FL")]
        server.stop()
        server.start()
        status, location, page = browser.open("POST", f"{path}/organization", [*data, *typed])
        if status == 400:  # the session is of a day to come: what was typed is to be confirmed
            assert "Nothing that you typed is lost" in page and 'value="Orlando"' in page
            again = hidden(page)
            status, location, _ = browser.open("POST", f"{path}/organization", [*again, *typed])
        assert (status, location) == (303, f"{path}/contact")


class Spread(Browser):
    """Somebody whose every request reaches another server than the one before."""

    def __init__(self, *servers) -> None:
        super().__init__(servers[0])
        self.servers = servers

    def open(self, method: str, path: str, data: list | None = None) -> tuple[int, str, str]:
        self.server = self.servers[self.servers.index(self.server) - 1]
        return super().open(method, path, data)

    def commit(self, case: dict) -> str:
        """Answers the whole form; the path of the receipt."""
        path = self.start(case["organization_kind"])
        status, name = 303, "organization"
        while name != "done":
            page = f"{path}/{name}"
            data = [
                (key, each)
                for key, typed in form_data(COMMITMENT.steps[name], case).items()
                for each in (typed if isinstance(typed, list) else [typed])
            ]
            status, location, _ = self.open("POST", page, [*self.hidden(page), *data])
            assert status == 303
            name = location.rsplit("/", 1)[1]
        return f"{path}/done"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_servers_are_one_program(database_url, tmp_path, redis, mail_server):  # noqa: F811
    inbox = Inbox()
    settings = {
        "RATELIMIT_STORAGE_URI": redis.url,
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "SMTP_URL": f"smtp://127.0.0.1:{mail_server(inbox)}",
    }
    with (
        serving(database_url, tmp_path / "one", **settings) as one,
        serving(database_url, tmp_path / "other", **settings) as other,
    ):
        for _ in range(5):
            for name in ("agency", "partner"):
                person = Spread(one, other)
                status, _, receipt = person.open("GET", person.commit(load_case(name)))
                assert status == 200
        references = [row["reference"] for row in stored(one, "submission")]
        assert len(references) == 10 and references[-1] in receipt
        for _ in range(100):
            if all(row["sent_at"] for row in stored(one, "message")):
                break
            time.sleep(0.1)
        arrived = Counter(message_from_bytes(each)["Message-ID"] for each in inbox.messages)
        assert len(arrived) == 10 and set(arrived.values()) == {1}

        person, answered = Spread(one, other), []
        token = person.hidden("/respond/")[0]
        while 429 not in answered:
            data = [token, ("organization_kind", "agency")]
            answered.append(person.open("POST", "/respond/", data)[0])
        assert 10 + answered.count(303) == 120  # as many as one server allows by itself

        redis.process.kill()
        redis.process.wait()
        assert person.start("agency")  # each limits by itself now, and turns nobody away
