"""Stop a server, keep it busy with slow clients, and run two of them."""

import re
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack
from email import message_from_bytes

import pytest

from tests.conftest import load_case
from tests.faults.browser import Browser, Typist, locked_drafts, stored_rows
from tests.integration.ops.test_mistakes import process_of, run_command
from tests.mail_server import DrippingServer, Inbox
from tests.server import Server, running_server

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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_long_address_or_header_is_refused_unread(database_url, tmp_path):
    with running_server(database_url, tmp_path) as server:
        for line in ("GET /commitments?" + "a&" * 20_000, "GET / HTTP/1.1\r\nX: " + "a" * 40_000):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
                client.sendall(f"{line}\r\n\r\n".encode())
                assert client.recv(12) == b"HTTP/1.0 431"


class AlternatingBrowser(Browser):
    """Send every request to another server than the one before."""

    def __init__(self, *servers) -> None:
        super().__init__(servers[0])
        self.servers = servers

    def open(self, method: str, path: str, data: list | None = None) -> tuple[int, str, str]:
        self.server = self.servers[self.servers.index(self.server) - 1]
        return super().open(method, path, data)


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
        assert len(references) == 10
        assert sum(reference in receipt for reference in references) == 1
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


def submit(server) -> None:
    """Submit a complete form, so that a message waits."""
    browser = Browser(server)
    path, authorized = browser.prepare_submission(load_case("partner"))
    assert browser.open("POST", f"{path}/review", authorized)[0] == 303


@pytest.mark.long
@pytest.mark.parametrize(
    ("slow", "reply", "pause_seconds"),
    [
        (b"greeting", b"220 " + b"x" * 500, 2),
        (b"RCPT", b"250-ok\r\n" * 500, 0.5),
        (b"message", b"250 kept\r\n", 8),
        (b"message", b"2" * 500, 12),
        (b"QUIT", b"221 " + b"x" * 500, 2),
    ],
    ids=["greeting", "recipient", "message", "half a reply", "quit"],
)
def test_sigterm_ends_within_40_seconds_while_mail_server_drips(
    sqlite_url, tmp_path, mail_server, slow, reply, pause_seconds
):
    dripping = DrippingServer(slow, reply, pause_seconds)
    server = Server(sqlite_url, tmp_path, SMTP_URL=dripping.url)
    server.start()
    try:
        submit(server)
        assert dripping.dripping.wait(30)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=60) == 0
        assert time.monotonic() - began < 40
    finally:
        server.process.kill()
        dripping.close()
    inbox = Inbox()
    settings = {"WIZARD_SMTP_URL": f"smtp://127.0.0.1:{mail_server(inbox)}"}
    assert run_command(tmp_path, "outbox", "retry", **settings).returncode == 0
    assert run_command(tmp_path, "outbox", "deliver", **settings).returncode == 0
    assert dripping.accepted + len(inbox.messages) == 1
    assert all(row["sent_at"] for row in stored_rows(server, "message"))


def start_command(folder, *command, until: str, **options):
    """Start a command; return its process once its line with `until` on standard error has come.

    With `PYTHONPROFILEIMPORTTIME` Python writes a line when a module is imported.
    """
    process = process_of(folder, *command, PYTHONPROFILEIMPORTTIME="1", **options)
    started = subprocess.Popen(
        **process,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.PIPE,
        # A shell that starts the tests in the background lets them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in started.stderr:
        if re.search(rf"{until}$", line.rstrip()):
            return started
    raise AssertionError(until)


@pytest.mark.parametrize(
    ("command", "until", "wait_seconds"),
    [
        (["serve"], "wizard.forms.flow", 0),
        (["db", "upgrade"], "wizard.apply", 0),
        (["staff", "list"], "wizard.web.languages", 0),
        (["serve"], "wizard", 0),
        (["serve"], "drafts deleted: .*", 0),
        (["db", "upgrade"], "wizard", 2),
        (["outbox", "deliver", "--watch"], "wizard", 3),
        (["restore", "-"], "wizard", 3),
    ],
)
def test_interrupt_ends_command_quietly(sqlite_url, tmp_path, command, until, wait_seconds):
    port = str(Server(sqlite_url, tmp_path).port)
    with sqlite3.connect(tmp_path / "wizard.sqlite", isolation_level=None) as store:
        if command == ["db", "upgrade"]:
            store.execute("BEGIN IMMEDIATE")  # it waits
        process = start_command(tmp_path, *command, until=until, WIZARD_PORT=port)
        time.sleep(wait_seconds)
        process.send_signal(signal.SIGINT)
        with process:
            said = process.stderr.read()
        assert process.returncode == 130
    store.close()
    assert [line for line in said.splitlines() if "import time:" not in line] == []


@pytest.mark.parametrize("module", ["wizard", "tools.demo"])
@pytest.mark.parametrize("until", ["werkzeug.exceptions", "flask.app", "sqlalchemy", "wizard.ops"])
def test_interrupt_while_python_imports_ends_quietly(tmp_path, module, until):
    """What Python imports for itself comes before the first line of the program."""
    process = start_command(tmp_path, until=until, module=module)
    process.send_signal(signal.SIGINT)
    with process:
        said = process.stderr.read()
    assert process.returncode == 130
    assert [line for line in said.splitlines() if "import time:" not in line] == []


def test_second_server_on_a_store_is_told(sqlite_url, tmp_path):
    with running_server(sqlite_url, tmp_path) as first:
        second = Server(sqlite_url, tmp_path)
        until = f".*WARNING Another process serves .* {tmp_path}/wizard.sqlite. .*"
        process = start_command(tmp_path, "serve", until=until, WIZARD_PORT=str(second.port))
        process.send_signal(signal.SIGTERM)
        with process:
            process.stderr.read()
        same_port = run_command(tmp_path, "serve", WIZARD_PORT=str(first.port))
        assert same_port.returncode == 1
        assert "Another process serves" in same_port.stderr
        assert "Address already in use" in same_port.stderr.splitlines()[-1]


def test_files_are_private_whatever_the_umask(tmp_path):
    folder = tmp_path / "new"
    subprocess.run(**process_of(folder, "db", "upgrade"), check=True, umask=0)
    server = Server(f"sqlite:///{folder}/wizard.sqlite", folder)
    server.start("sh", "-c", 'umask 0; exec "$@"', "sh")
    submit(server)
    for _ in range(100):
        if list(folder.glob("mail/*.eml")):
            break
        time.sleep(0.1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    server.stop()
    assert {"wizard.sqlite", "secret_key", "mail"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
