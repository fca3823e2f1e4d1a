"""E-mail: build messages, and send them to the mail server or write them to files."""

import os
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from flask import current_app

from .. import clock
from ..config import MailServer, parse_mail_server

SMTP_TIMEOUT_SECONDS = 30.0
"""Timeout of each reply of a mail server."""
MAX_SMTP_ANSWERS = 24
"""Replies that one message waits for at most: three ways to sign in are tried, and a host may have
several addresses."""


class PermanentFailure(Exception):
    """The mail server will never accept this message."""


def build_email(
    message_id: str, recipient: str, subject: str, text: str, html: str
) -> EmailMessage:
    """Return a message in plain text and HTML, dated now."""
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
    """Send a message to the mail server of `SMTP_URL`, or write it to a file if that is empty.

    `check` is called once the server is ready, and raises if the message must not be sent. Raise
    `PermanentFailure` if a retry cannot help, `OSError` or `SMTPException` if it can.
    """
    target = parse_mail_server(current_app.config["SMTP_URL"])
    if target is None:
        check()
        _write_file(email)
        return
    with _mail_server(target) as server:
        check()
        try:
            server.send_message(email)
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            _raise_permanent(code, text, refused)
        except smtplib.SMTPDataError as refused:
            _raise_permanent(refused.smtp_code, refused.smtp_error, refused)


def check_connection() -> None:
    """Sign in to the mail server without sending; raise the errors of `send`."""
    if target := parse_mail_server(current_app.config["SMTP_URL"]):
        with _mail_server(target) as server:
            server.noop()


def _raise_permanent(code: int, text: bytes | str, error: smtplib.SMTPException) -> None:
    """Raise `PermanentFailure` for a 5yz reply (RFC 5321, 4.2.1), else the error itself.

    Only for the recipient and the data: other errors concern our own settings, which can be fixed.
    """
    if code >= 500:
        raise PermanentFailure(f"{code} {text!r}") from error
    raise error


@contextmanager
def _mail_server(target: MailServer) -> Iterator[smtplib.SMTP]:
    """Connect and sign in to a mail server."""
    place, secure = (target.host, target.port), ssl.create_default_context()
    if target.tls:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            *place, timeout=SMTP_TIMEOUT_SECONDS, context=secure
        )
    else:
        server = smtplib.SMTP(*place, timeout=SMTP_TIMEOUT_SECONDS)
    try:
        if target.starttls:
            server.starttls(context=secure)
        if target.username:
            server.login(target.username, target.password)
        server.ehlo_or_helo_if_needed()
        yield server
    finally:
        with suppress(OSError, smtplib.SMTPException):  # the message's result is known
            server.quit()
        server.close()


def mail_folder() -> Path:
    """Return the folder of messages if there is no mail server."""
    return Path(current_app.config["INSTANCE_PATH"]) / "mail"


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
