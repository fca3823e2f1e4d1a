"""The outbox: messages wait in the store until a mail server, or the mail folder, has them.

A worker claims a message with a lease and commits, sends it with no transaction open, and marks
it. A worker that dies in between leaves a lease that runs out, so a message goes at least once,
always with the same Message-ID.
"""

import logging
import os
import secrets
import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flask import current_app, render_template
from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.orm import aliased

from . import clock, languages, links
from .extensions import db, writing
from .models import Draft, OutboxMessage, Submission

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
SMTP_TIMEOUT = 30.0
"""Seconds for each answer of a mail server."""
MOST_ATTEMPTS = 16
"""With the waits below, a mail server may be away for about two days."""
MOST_GIVEN_UP = 20
"""Messages that staff are shown at once."""


class Refused(Exception):
    """The mail server will never take this message."""


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a minute, then twice as long, at most 6 hours."""
    return min(timedelta(minutes=2 ** (attempts - 1)), timedelta(hours=6))


def deliver_due(stopped: Callable[[], bool] = lambda: False) -> int:
    """Sends every message that is due, one by one, until `stopped` says so; how many were sent."""
    sent = 0
    while not stopped() and (message := _claim()) is not None:
        sent += _deliver(message)
    return sent


def _claim() -> OutboxMessage | None:
    """The next message that is due, leased to this worker."""
    now = clock.now()
    with writing() as session:
        message = session.scalars(
            select(OutboxMessage)
            .where(
                OutboxMessage.due_at <= now,
                OutboxMessage.sent_at.is_(None),
                OutboxMessage.failed_at.is_(None),
            )
            .order_by(OutboxMessage.due_at, OutboxMessage.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if message is None:
            return None
        message.attempts += 1
        message.due_at = now + LEASE
        session.flush()
        session.expunge(message)
    return message


def _deliver(claimed: OutboxMessage) -> bool:
    """Sends a claimed message and marks how that went."""
    error: Exception | None = None
    try:
        send(as_email(claimed))
    except Exception as failure:  # whatever it is, the messages behind this one go on
        error = failure
        db.session.rollback()
        log.warning("message %s not sent: %s", claimed.id, type(failure).__name__)
    this = update(OutboxMessage).where(OutboxMessage.id == claimed.id)
    with writing() as session:  # of one that was deleted meanwhile this changes nothing
        session.execute(this.values(_fared(error, claimed.attempts)))
    return error is None


def _fared(error: Exception | None, attempts: int) -> dict[str, Any]:
    """What to note of a message after that attempt."""
    now = clock.now()
    if error is None:
        return {"sent_at": now, "last_error": None}
    said = f"{type(error).__name__}: {error}"[:500]
    if isinstance(error, Refused) or attempts >= MOST_ATTEMPTS:
        return {"failed_at": now, "last_error": said}
    return {"due_at": now + wait_after(attempts), "last_error": said}


def queue_message(
    template: str, name: str, recipient: str, subject: str, context: dict[str, Any], **about: Any
) -> None:
    """Queues a message within the caller's transaction, in the language that is spoken now.

    `template` is what its texts in `email/` are called, `name` what is its own in its Message-ID,
    `about` its submission or draft.
    """
    config = current_app.config
    db.session.add(
        OutboxMessage(
            message_id=f"<{name}@{urlsplit(config['PUBLIC_URL']).hostname}>",
            recipient=recipient,
            subject=f"{config['PROGRAM_NAME']}: {languages.words(subject)}",
            text=render_template(f"email/{template}.txt", **context),
            html=render_template(f"email/{template}.html", **context),
            **about,
        )
    )


def lately(recipient: str, within: timedelta) -> Select[int]:
    """How many messages for an address were queued within the last time."""
    return select(func.count()).where(
        OutboxMessage.created_at > clock.now() - within,
        func.lower(OutboxMessage.recipient) == recipient.lower(),
    )


def queue_again(message: OutboxMessage) -> None:
    """Queues a copy under a Message-ID of its own, so that how the first one fared stays known."""
    host = message.message_id.partition("@")[2]
    name = message.message_id.strip("<>").partition("@")[0].split("+")[0]
    db.session.add(
        OutboxMessage(
            submission_id=message.submission_id,
            message_id=f"<{name}+{secrets.token_hex(4)}@{host}",
            recipient=message.recipient,
            subject=message.subject,
            text=message.text,
            html=message.html,
        )
    )


def waits(message: OutboxMessage) -> bool:
    """Whether this message, or a copy of it, is still to be sent."""
    unsent = OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None)
    same = (
        OutboxMessage.submission_id == message.submission_id,
        OutboxMessage.recipient == message.recipient,
        OutboxMessage.subject == message.subject,
    )
    return db.session.scalar(select(OutboxMessage.id).where(*unsent, *same).limit(1)) is not None


def as_email(message: OutboxMessage) -> EmailMessage:
    """The message as it travels: plain text and HTML, its link in place."""
    config = current_app.config
    text, html = message.text, message.html
    if message.draft_id is not None:
        link = links.resume_url(db.session.get_one(Draft, message.draft_id))
        db.session.rollback()
        text, html = text.replace(links.PLACE, link), html.replace(links.PLACE, link)
    elif message.submission_id is not None and links.UPDATE_PLACE in text:
        link = links.update_url(db.session.get_one(Submission, message.submission_id))
        db.session.rollback()
        text, html = (part.replace(links.UPDATE_PLACE, link) for part in (text, html))
    email = EmailMessage(policy=SMTP)
    email["From"] = config["MAIL_FROM"]
    email["To"] = message.recipient
    email["Subject"] = message.subject
    email["Date"] = format_datetime(message.created_at)
    email["Message-ID"] = message.message_id
    email["Auto-Submitted"] = "auto-generated"  # RFC 3834
    if config["PROGRAM_EMAIL"]:
        email["Reply-To"] = config["PROGRAM_EMAIL"]
    email.set_content(text, cte="quoted-printable")
    email.add_alternative(html, subtype="html", cte="quoted-printable")
    return email


def send(email: EmailMessage) -> None:
    """Hands a message to the mail server of `SMTP_URL`; without one, to a file.

    Raises `Refused` where trying again cannot help, `OSError` or `SMTPException` where it can.
    """
    url = current_app.config["SMTP_URL"]
    if not url:
        _write_file(email)
        return
    with _mail_server(url) as server:
        try:
            server.send_message(email)
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            _raise_if_final(code, text, refused)
        except smtplib.SMTPDataError as refused:
            _raise_if_final(refused.smtp_code, refused.smtp_error, refused)


def greet() -> None:
    """Signs in to the mail server, and sends nothing. Raises what a message would meet."""
    if url := current_app.config["SMTP_URL"]:
        with _mail_server(url) as server:
            server.noop()


def _raise_if_final(code: int, text: bytes | str, error: smtplib.SMTPException) -> None:
    """RFC 5321, 4.2.1: 4yz may pass later, 5yz will not.

    Only for the recipient and the text: any other refusal is about our own settings, and the
    message can go once they are right.
    """
    if code >= 500:
        raise Refused(f"{code} {text!r}") from error
    raise error


@contextmanager
def _mail_server(url: str) -> Iterator[smtplib.SMTP]:
    """A signed-in connection, by `smtp://user:password@host:587?starttls=1` or `smtps://…`."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "localhost", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=SMTP_TIMEOUT, context=secure
        )
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=SMTP_TIMEOUT)
    try:
        if parse_qs(parts.query).get("starttls") == ["1"]:
            server.starttls(context=secure)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
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


@dataclass(frozen=True, slots=True)
class Queue:
    """How many messages wait, how long the oldest has, and how many were given up."""

    waiting: int
    oldest: timedelta
    given_up: int


def queue() -> Queue:
    """What is not sent."""
    waits = OutboxMessage.failed_at.is_(None)
    waiting, oldest, given_up = db.session.execute(
        select(
            func.count().filter(waits),
            func.min(OutboxMessage.created_at).filter(waits),
            func.count().filter(~waits),
        ).where(OutboxMessage.sent_at.is_(None))
    ).one()
    return Queue(waiting, clock.now() - oldest if oldest else timedelta(), given_up)


def unsent() -> list[OutboxMessage]:
    """What waits or was given up, in the order of its queuing."""
    query = select(OutboxMessage).where(OutboxMessage.sent_at.is_(None))
    return list(db.session.scalars(query.order_by(OutboxMessage.id)))


def given_up() -> list[Submission]:
    """The submissions about which a message could not be sent, nor again: the newest first."""
    again = aliased(OutboxMessage)
    sent_again = exists().where(
        again.submission_id == OutboxMessage.submission_id,
        again.recipient == OutboxMessage.recipient,
        again.subject == OutboxMessage.subject,
        again.id > OutboxMessage.id,
    )
    query = (
        select(Submission)
        .join(OutboxMessage)
        .where(OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_not(None), ~sent_again)
    )
    newest_first = query.order_by(OutboxMessage.id.desc()).limit(MOST_GIVEN_UP)
    return list(dict.fromkeys(db.session.scalars(newest_first)))


def retry(ids: Sequence[int] = ()) -> int:
    """Makes what could not be sent due now, those of these ids or all; how many."""
    wanted = [OutboxMessage.sent_at.is_(None), OutboxMessage.last_error.is_not(None)]
    if ids:
        wanted.append(OutboxMessage.id.in_(ids))
    again = {"due_at": clock.now(), "failed_at": None, "attempts": 0}
    with writing() as session:
        changed = session.execute(update(OutboxMessage).where(*wanted).values(again))
        return int(changed.rowcount)  # type: ignore[attr-defined]
