"""An SMTP server for tests, and a program with a message to send."""

import socket
import threading
from contextlib import suppress

from sqlalchemy import select

from tests.complete_form import complete_form
from tests.conftest import load_case
from wizard.db.engine import db
from wizard.db.models import MailMessage
from wizard.notify import outbox


class Inbox:
    """An SMTP handler that keeps messages, or refuses recipients with the given answers."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.messages: list[bytes] = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.messages.append(envelope.content)
        return "250 OK"


class DrippingServer:
    """A mail server whose reply to one command comes a byte at a time."""

    REPLIES = {b"EHLO": b"250 here", b"DATA": b"354 go on", b"QUIT": b"221 bye"}

    def __init__(self, slow: bytes, reply: bytes, pause_seconds: float) -> None:
        self.slow, self.reply, self.pause_seconds = slow, reply, pause_seconds
        self.dripping, self.closed = threading.Event(), threading.Event()
        self.accepted = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self.closed.set()
        self.listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self.closed.is_set():
                connection, _ = self.listener.accept()
                with suppress(OSError), connection:
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        self._answer(connection, b"greeting", b"220 here")
        for line in lines:
            command = line[:4].upper().strip()
            self._answer(connection, command, self.REPLIES.get(command, b"250 ok"))
            if command == b"DATA":
                while lines.readline() not in (b".\r\n", b""):
                    pass
                self.accepted += 1
                self._answer(connection, b"message", b"250 kept")

    def _answer(self, connection: socket.socket, command: bytes, reply: bytes) -> None:
        if command != self.slow:
            connection.sendall(reply + b"\r\n")
            return
        self.dripping.set()
        for byte in self.reply:
            connection.sendall(bytes([byte]))
            self.closed.wait(self.pause_seconds)


def app_with_message(make_app, url: str, until: str = "done"):
    """Return a program with one message waiting."""
    app = make_app(SMTP_URL=url, MAIL_FROM="Program <program@example.gov>")
    complete_form(app.test_client(), load_case("agency"), until=until)
    return app


def only_message(app) -> MailMessage:
    """Return the only queued message."""
    with app.app_context():
        return db.session.scalars(select(MailMessage)).one()


def deliver_messages(app) -> int:
    """Send the messages that are due; return how many were sent."""
    with app.app_context():
        return outbox.deliver_due()
