"""E-mail: a message with its headers, handed to the mail server or written to a file."""

import os
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from flask import current_app

from .. import clock

SMTP_TIMEOUT_SECONDS = 30.0
"""Seconds for each answer of a mail server."""
MAX_SMTP_ANSWERS = 24
"""How often one message waits for its server at most: three ways to sign in are tried, and a host
may have several addresses."""


class PermanentFailure(Exception):
    """The mail server will never take this message."""


def build_email(
    message_id: str, recipient: str, subject: str, text: str, html: str
) -> EmailMessage:
    """Return a message in plain text and HTML with its headers, dated now."""
    config = current_app.config
    email = EmailMessage(policy=SMTP)
    email["From"] = config["MAIL_FROM"]
    email["To"] = recipient
    email["Subject"] = subject
    email["Date"] = format_datetime(clock.now())
    email["Message-ID"] = message_id
    email["Auto-Submitted"] = "auto-generated"  # RFC 3834
    if config["PROGRAM_EMAIL"]:
        email["Reply-To"] = config["PROGRAM_EMAIL"]
    email.set_content(text, cte="quoted-printable")
    email.add_alternative(html, subtype="html", cte="quoted-printable")
    return email


def send(email: EmailMessage, check: Callable[[], None] = lambda: None) -> None:
    """Hands a message to the mail server of `SMTP_URL`; without one, to a file.

    `check` is called once the server is ready, and may raise: a message that was deleted meanwhile
    must not go. Raises `Refused` where trying again cannot help, `OSError` or `SMTPException` where
    it can.
    """
    url = current_app.config["SMTP_URL"]
    if not url:
        check()
        _write_file(email)
        return
    with _mail_server(url) as server:
        check()
        try:
            server.send_message(email)
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            _raise_permanent(code, text, refused)
        except smtplib.SMTPDataError as refused:
            _raise_permanent(refused.smtp_code, refused.smtp_error, refused)


def check_connection() -> None:
    """Signs in to the mail server, and sends nothing. Raises what a message would meet."""
    if url := current_app.config["SMTP_URL"]:
        with _mail_server(url) as server:
            server.noop()


def _raise_permanent(code: int, text: bytes | str, error: smtplib.SMTPException) -> None:
    """RFC 5321, 4.2.1: 4yz may pass later, 5yz will not.

    Only for the recipient and the text: any other refusal is about our own settings, and the
    message can go once they are right.
    """
    if code >= 500:
        raise PermanentFailure(f"{code} {text!r}") from error
    raise error


@contextmanager
def _mail_server(url: str) -> Iterator[smtplib.SMTP]:
    """A signed-in connection, by `smtp://user:password@host:587?starttls=1` or `smtps://…`."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "localhost", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=SMTP_TIMEOUT_SECONDS, context=secure
        )
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=SMTP_TIMEOUT_SECONDS)
    try:
        if parse_qs(parts.query).get("starttls") == ["1"]:
            server.starttls(context=secure)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.ehlo_or_helo_if_needed()
        yield server
    finally:
        with suppress(OSError, smtplib.SMTPException):  # the message is taken, or not, by now
            server.quit()
        server.close()


def mail_folder() -> Path:
    """Where messages are written when there is no mail server."""
    return Path(current_app.config["INSTANCE_PATH"]) / "mail"


def _write_file(email: EmailMessage) -> None:
    """One `.eml` file a message, named by its Message-ID, so that a second sending is no second
    file."""
    mail_folder().mkdir(parents=True, exist_ok=True)
    name = email["Message-ID"].strip("<>").split("@")[0]
    unfinished = mail_folder() / f".{name}.part"
    unfinished.write_bytes(email.as_bytes())
    os.replace(unfinished, mail_folder() / f"{name}.eml")
