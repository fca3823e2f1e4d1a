"""Stop a server, keep it busy with slow clients, and run two of them."""

import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack
from email import message_from_bytes

import pytest

from tests.complete_form import form_data
from tests.conftest import load_case
from tests.faults.browser import Browser, Typist, locked_drafts, stored_rows
from tests.mail_server import Inbox
from tests.server import running_server
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.slow
SLOW = 200


def test_sigterm_finishes_running_requests(database_url, tmp_path):
    with ExitStack() as stack:
        server = stack.enter_context(running_server(database_url, tmp_path))
        typist = Typist(server, seed=1)
        with locked_drafts(database_url):
            saving = threading.Thread(target=typist.save)
            saving.start()
            time.sleep(1)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1)
        saving.join()
        assert typist.statuses[0] in (200, 303)
        assert server.process.wait(timeout=30) == 0
        typist.compare_with_database()
        assert typist.lost == 0


def test_slow_clients_block_nobody(database_url, tmp_path):
    with running_server(database_url, tmp_path) as server, ExitStack() as stack:
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
        typist.compare_with_database()
        assert typist.lost == 0


class AlternatingBrowser(Browser):
    """Send every request to another server than the one before."""

    def __init__(self, *servers) -> None:
        super().__init__(servers[0])
        self.servers = servers

    def open(self, method: str, path: str, data: list | None = None) -> tuple[int, str, str]:
        self.server = self.servers[self.servers.index(self.server) - 1]
        return super().open(method, path, data)

    def complete_form(self, case: dict) -> str:
        """Fill in the whole form; return the path of the receipt."""
        path = self.start(case["organization_kind"])
        status, name = 303, "organization"
        while name != "done":
            page = f"{path}/{name}"
            data = [
                (key, each)
                for key, typed in form_data(COMMITMENT.steps[name], case).items()
                for each in (typed if isinstance(typed, list) else [typed])
            ]
            status, location, _ = self.open("POST", page, [*self.hidden_fields(page), *data])
            assert status == 303
            name = location.rsplit("/", 1)[1]
        return f"{path}/done"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_processes_share_limits_and_store(database_url, tmp_path, redis, mail_server):
    inbox = Inbox()
    settings = {
        "RATELIMIT_STORAGE_URI": redis.url,
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "SMTP_URL": f"smtp://127.0.0.1:{mail_server(inbox)}",
    }
    with (
        running_server(database_url, tmp_path / "one", **settings) as one,
        running_server(database_url, tmp_path / "other", **settings) as other,
    ):
        for _ in range(5):
            for name in ("agency", "partner"):
                person = AlternatingBrowser(one, other)
                status, _, receipt = person.open("GET", person.complete_form(load_case(name)))
                assert status == 200
        references = [row["reference"] for row in stored_rows(one, "submission")]
        assert len(references) == 10 and references[-1] in receipt
        for _ in range(100):
            if all(row["sent_at"] for row in stored_rows(one, "message")):
                break
            time.sleep(0.1)
        arrived = Counter(message_from_bytes(each)["Message-ID"] for each in inbox.messages)
        assert len(arrived) == 10 and set(arrived.values()) == {1}

        person, answered = AlternatingBrowser(one, other), []
        token = person.hidden_fields("/respond/")[0]
        while 429 not in answered:
            data = [token, ("organization_kind", "agency")]
            answered.append(person.open("POST", "/respond/", data)[0])
        assert 10 + answered.count(303) == 120  # as many as one server allows by itself

        redis.process.kill()
        redis.process.wait()
        assert person.start("agency")  # each limits by itself now, and turns nobody away
