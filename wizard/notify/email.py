"""E-mail: build messages, and send them to the mail server or write them to files."""

import errno
import os
import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import closing, suppress
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from pathlib import Path
from socket import socket
from typing import Any

from flask import current_app

from .. import clock
from ..config import MailServer, parse_mail_server
from .mail_errors import PermanentFailure, join_answer

SMTP_TIMEOUT_SECONDS = 30.0
"""Timeout of each reply of a mail server, however slowly it comes."""
MAX_SMTP_ANSWERS = 24
"""Replies that one message waits for at most: three ways to sign in are tried, and a host may have
several addresses."""


class _Lines:
    """The lines that a mail server sends, read until `deadline`; at the end, what came of one.

    A file of the socket would wait anew for each byte.
    """

    def __init__(self, source: socket) -> None:
        self.source, self.received, self.deadline = source, b"", 0.0

    def readline(self, limit: int) -> bytes:
        """Return the next line. Raise `TimeoutError` if nothing of it came in time."""
        while b"\n" not in self.received and len(self.received) < limit:
            self.source.settimeout(max(self.deadline - time.monotonic(), 0.001))
            try:
                received = self.source.recv(4096)
            except TimeoutError:
                if not self.received:
                    raise
                break
            if not received:
                break
            self.received += received
        self.source.settimeout(SMTP_TIMEOUT_SECONDS)
        end = self.received.find(b"\n") + 1 or limit
        line, self.received = self.received[:end], self.received[end:]
        return line

    def close(self) -> None:
        """Leave the socket open: smtplib closes it."""


class _Connection(smtplib.SMTP):
    """A connection that sends no command once `stopped` returns True."""

    file: Any

    def __init__(self, stopped: Callable[[], bool], *place: Any, **options: Any) -> None:
        self.stopped = stopped
        super().__init__(*place, **options)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command. Raise `SMTPServerDisconnected` if the program stops."""
        if self.stopped():
            raise smtplib.SMTPServerDisconnected("the program was stopped")
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and the text of a reply."""
        self.file = self.file or _Lines(self.sock)  # type: ignore[arg-type]
        self.file.deadline = time.monotonic() + SMTP_TIMEOUT_SECONDS
        return super().getreply()


class _SecureConnection(_Connection, smtplib.SMTP_SSL):
    """The same over TLS."""


class _Address(UnstructuredHeader, BaseHeader):
    """A header that holds a web address: on one line and as it is, or no mail program finds it."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header as it is sent."""
        return f"{self.name}: {self}{policy.linesep}"


HEADERS = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", _Address)


def build_email(
    message_id: str, recipient: str, subject: str, text: str, html: str, unsubscribe_url: str = ""
) -> EmailMessage:
    """Return a message in plain text and HTML, dated now.

    A mail program offers to unsubscribe by one click at the `unsubscribe_url` (RFC 8058).
    """
    config = current_app.config
    email = EmailMessage(policy=SMTP.clone(header_factory=HEADERS))
    email["From"] = config["MAIL_FROM"]
    email["To"] = recipient
    email["Subject"] = subject
    email["Date"] = format_datetime(clock.now())
    email["Message-ID"] = message_id
    email["Auto-Submitted"] = "auto-generated"  # RFC 3834
    if config["PROGRAM_EMAIL"]:
        email["Reply-To"] = config["PROGRAM_EMAIL"]
    if unsubscribe_url:
        email["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        email["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    email.set_content(text, cte="quoted-printable")
    email.add_alternative(html, subtype="html", cte="quoted-printable")
    return email


class Mailer:
    """Sends messages to the mail server of `SMTP_URL` over one connection, opened with the first,
    or writes them to files if that is empty. Once `stopped` returns True it sends nothing."""

    def __init__(self, stopped: Callable[[], bool] = lambda: False) -> None:
        self.stopped = stopped
        self.target = parse_mail_server(current_app.config["SMTP_URL"])
        self.server: smtplib.SMTP | None = None

    def send(self, email: EmailMessage, check: Callable[[], None] = lambda: None) -> None:
        """Send a message.

        `check` is called once the server is ready, and raises if the message must not be sent.
        Raise `PermanentFailure` if a retry cannot help, `OSError` or `SMTPException` if it can.
        """
        if self.target is None:
            check()
            _write_file(email)
            return
        if not self._is_ready():
            self.close()
            self.server = _connect(self.target, self.stopped)
        check()
        try:
            self.server.send_message(email)  # type: ignore[union-attr]
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            _raise_permanent(code, text, refused)
        except smtplib.SMTPDataError as refused:
            if not str(refused.smtp_code).startswith("2"):  # the first digit says yes, if no more
                _raise_permanent(refused.smtp_code, refused.smtp_error, refused)

    def _is_ready(self) -> bool:
        """Return True if the server takes another message over the same connection."""
        with suppress(OSError, smtplib.SMTPException):
            return self.server is not None and self.server.rset()[0] == 250
        return False

    def close(self) -> None:
        """End the connection."""
        if self.server is not None:
            with suppress(OSError, smtplib.SMTPException):  # the results are known
                self.server.quit()
            self.server.close()
            self.server = None


def check_connection() -> None:
    """Sign in to the mail server without sending; raise the errors of `send`."""
    if target := parse_mail_server(current_app.config["SMTP_URL"]):
        with closing(_connect(target, lambda: False)) as server:
            server.noop()


def _raise_permanent(code: int, text: bytes | str, error: smtplib.SMTPException) -> None:
    """Raise `PermanentFailure` for a 5yz reply (RFC 5321, 4.2.1), else the error itself.

    Only for the recipient and the data: other errors concern our own settings, which can be fixed.
    """
    if code >= 500:
        raise PermanentFailure(join_answer(code, text)) from error
    raise error


def _connect(target: MailServer, stopped: Callable[[], bool]) -> smtplib.SMTP:
    """Connect and sign in to a mail server."""
    secure = ssl.create_default_context()
    options = {"timeout": SMTP_TIMEOUT_SECONDS, **({"context": secure} if target.tls else {})}
    connect = _SecureConnection if target.tls else _Connection
    server = connect(stopped, target.host, target.port, **options)
    try:
        if target.starttls:
            server.starttls(context=secure)
        if target.username:
            server.login(target.username, target.password)
        server.ehlo_or_helo_if_needed()
    except BaseException:
        server.close()
        raise
    return server


def mail_folder() -> Path:
    """Return the folder of messages if there is no mail server."""
    return Path(current_app.config["INSTANCE_PATH"]) / "mail"


def check_folder() -> None:
    """Raise `OSError` if no message can be written to the folder of messages."""
    folder = next(each for each in (mail_folder(), *mail_folder().parents) if each.exists())
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "It is not a folder", str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "It cannot be written to", str(folder))


def remove_file(message_id: str) -> None:
    """Remove the file of a message, if there is one."""
    _file_of(message_id).unlink(missing_ok=True)


def _file_of(message_id: str) -> Path:
    return mail_folder() / f"{message_id.strip('<>').split('@')[0]}.eml"


def _write_file(email: EmailMessage) -> None:
    """Write an `.eml` file named by the Message-ID, so that a repeated delivery adds no file."""
    mail_folder().mkdir(parents=True, exist_ok=True)
    file = _file_of(email["Message-ID"])
    unfinished = file.with_name(f".{file.stem}.part")
    unfinished.write_bytes(email.as_bytes())
    os.replace(unfinished, file)
