"""The outbox: messages wait in the store until a mail server, or the mail folder, has them.

A message is its kind, recipient, language and what it is about; `register` says how a kind is
drawn, which happens when a message goes. A worker claims a message with a lease and commits, draws
and sends it with no transaction open, and marks it. A worker that dies in between leaves a lease
that runs out, so a message goes at least once, always with the same Message-ID.
"""

import logging
import os
import secrets
import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flask import current_app, render_template
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from . import clock, languages, links
from .extensions import db, is_sqlite, reading, writing
from .models import Draft, Message, OutboxMessage, Submission

log = logging.getLogger(__name__)

AnyMessage = Message | OutboxMessage
Table = type[Message] | type[OutboxMessage]
TABLES: tuple[Table, ...] = (OutboxMessage, Message)
"""Where messages wait; the first is only emptied (`OutboxMessage`)."""
SMTP_TIMEOUT = 30.0
"""Seconds for each answer of a mail server."""
MAX_SMTP_ANSWERS = 24
"""How often one message waits for its server at most: three ways to sign in are tried, and a host
may have several addresses."""
LEASE = timedelta(seconds=SMTP_TIMEOUT * MAX_SMTP_ANSWERS)
MOST_ATTEMPTS = 16
"""With the waits below, a mail server may be away for about two days."""
MOST_GIVEN_UP = 20
"""Messages that staff are shown at once."""


class Refused(Exception):
    """The mail server will never take this message."""


class LeaseLost(Exception):
    """The message was deleted, or claimed by another worker."""


# Kinds


@dataclass(frozen=True, slots=True)
class Kind:
    """How the messages of a kind are drawn; the subject may hold `%(reference)s`."""

    subject: str
    template: str
    context: Callable[[Message], dict[str, Any]]


KINDS: dict[str, Kind] = {}


def register(
    name: str, subject: str, context: Callable[[Message], dict[str, Any]], template: str = ""
) -> None:
    """Say how a kind of message is drawn: `email/<template>.txt` and `.html` with its context.

    `template` is the kind's name unless it is given.
    """
    KINDS[name] = Kind(subject, template or name, context)


def subject_of(message: AnyMessage) -> str:
    """Return the subject of a message in the current language; of a kind not known, its code."""
    if isinstance(message, OutboxMessage):
        return message.subject
    kind = KINDS.get(message.kind)
    if kind is None:
        return message.kind
    about = db.session.get(Submission, message.submission_id) if message.submission_id else None
    subject = languages.words(kind.subject) % {"reference": about.reference if about else ""}
    return f"{current_app.config['PROGRAM_NAME']}: {subject}"


def _texts(message: AnyMessage) -> tuple[str, str, str]:
    """Draw a message: its subject, plain text and HTML."""
    if isinstance(message, OutboxMessage):
        return _stored_texts(message)
    kind = KINDS[message.kind]
    with languages.speaking(message.language):
        context = kind.context(message)
        text, html = (
            render_template(f"email/{kind.template}.{form}", **context) for form in ("txt", "html")
        )
        return subject_of(message), text, html


def submission_of(message: Message) -> Submission:
    """Return what a message is about. Raise `Refused` once its answers were deleted.

    Its messages go with the answers, but a process of the version before knows none of these.
    """
    submission = db.session.get_one(Submission, message.submission_id)
    if submission.erased_at is not None:
        raise Refused("The answers were deleted on request.")
    return submission


def _stored_texts(message: OutboxMessage) -> tuple[str, str, str]:
    """Return the texts that the version before drew, with the link where its placeholder is."""
    place, link = "[[update link]]", ""
    if message.draft_id is not None:
        place = "[[resume link]]"
        link = links.resume_url(db.session.get_one(Draft, message.draft_id))
    elif place in message.text:
        link = links.update_url(db.session.get_one(Submission, message.submission_id))
    return message.subject, message.text.replace(place, link), message.html.replace(place, link)


# Queuing


def queue_message(
    kind: str,
    recipient: str,
    language: str,
    name: str,
    delay: timedelta = timedelta(),
    **about: Any,
) -> None:
    """Queue a message within the caller's transaction.

    `name` is what is its own in its Message-ID, `about` is its submission or draft.
    """
    host = urlsplit(current_app.config["PUBLIC_URL"]).hostname
    db.session.add(
        Message(
            message_id=f"<{name}@{host}>",
            kind=kind,
            recipient=recipient,
            language=language,
            next_attempt_at=clock.now() + delay,
            **about,
        )
    )


def queue_again(message: AnyMessage) -> None:
    """Queue another message of the same kind; the first keeps how it fared."""
    name = message.message_id.strip("<>").partition("@")[0].split("+")[0]
    submission = db.session.get_one(Submission, message.submission_id)
    queue_message(
        message.kind,
        message.recipient,
        getattr(message, "language", submission.language),
        f"{name}+{secrets.token_hex(4)}",
        submission_id=submission.id,
    )


def count_recent(recipient: str, within: timedelta, about: str) -> int:
    """Count the messages for an address about drafts (`draft_id`) or submissions.

    Whoever else asks about the address waits until this transaction ends: two at once would count
    the same. SQLite has one writer anyway.
    """
    if not is_sqlite():
        lock = func.pg_advisory_xact_lock(func.hashtext(recipient.lower()))
        db.session.execute(select(lock))
    since = clock.now() - within
    return sum(
        db.session.scalars(recent_count(table, recipient, since, about)).one() for table in TABLES
    )


def recent_count(table: Table, recipient: str, since: datetime, about: str) -> Select[int]:
    """Query: the number of messages for an address in one table."""
    return select(func.count()).where(
        table.created_at > since,
        func.lower(table.recipient) == recipient.lower(),
        getattr(table, about).is_not(None),
    )


# Sending


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a minute, then twice as long, at most 6 hours."""
    return min(timedelta(minutes=2 ** (attempts - 1)), timedelta(hours=6))


def deliver_due(stopped: Callable[[], bool] = lambda: False) -> int:
    """Sends every message that is due, one by one, until `stopped` says so; how many were sent."""
    sent = 0
    while not stopped() and (message := _claim()) is not None:
        sent += _deliver(message)
    return sent


def _claim() -> AnyMessage | None:
    """Lease the next message that is due to this worker."""
    now = clock.now()
    with writing() as session:
        due = (session.scalars(_due(table, now)).one_or_none() for table in TABLES)
        message: AnyMessage | None = next(filter(None, due), None)
        if message is None:
            return None
        message.attempts += 1
        message.next_attempt_at = now + LEASE
        session.flush()
        session.expunge(message)
    return message


def _due(table: Table, now: datetime) -> Select[Any]:
    waits = table.next_attempt_at <= now, table.sent_at.is_(None), table.failed_at.is_(None)
    first = select(table).where(*waits).order_by(table.next_attempt_at, table.id).limit(1)
    return first.with_for_update(skip_locked=True)


def _deliver(claimed: AnyMessage) -> bool:
    """Draw and send a claimed message, and note how that went while the lease is ours."""
    error: Exception | None = None
    try:
        send(as_email(claimed), lambda: _check_lease(claimed))
    except Exception as failure:  # whatever it is, the messages behind this one go on
        error = failure
        log.warning("message %s not sent: %s", claimed.id, type(failure).__name__)
    with writing() as session:
        result = _fared(error, claimed.attempts)
        session.execute(update(type(claimed)).where(*_leased(claimed)).values(result))
    return error is None


def _leased(claimed: AnyMessage) -> tuple[ColumnElement[bool], ...]:
    table = type(claimed)
    return table.id == claimed.id, table.next_attempt_at == claimed.next_attempt_at


def _check_lease(claimed: AnyMessage) -> None:
    """Raise `LeaseLost` unless the message is still there, and leased to this worker."""
    with reading() as session:
        if session.scalar(select(type(claimed).id).where(*_leased(claimed))) is None:
            raise LeaseLost


def _fared(error: Exception | None, attempts: int) -> dict[str, Any]:
    """What to note of a message after that attempt."""
    now = clock.now()
    if error is None:
        return {"sent_at": now, "last_error": None}
    said = f"{type(error).__name__}: {error}"[:500]
    if isinstance(error, Refused) or attempts >= MOST_ATTEMPTS:
        return {"failed_at": now, "last_error": said}
    return {"next_attempt_at": now + wait_after(attempts), "last_error": said}


def as_email(message: AnyMessage) -> EmailMessage:
    """The message as it travels: plain text and HTML, its link in place, with today's date."""
    config = current_app.config
    with reading():
        subject, text, html = _texts(message)
    email = EmailMessage(policy=SMTP)
    email["From"] = config["MAIL_FROM"]
    email["To"] = message.recipient
    email["Subject"] = subject
    email["Date"] = format_datetime(clock.now())
    email["Message-ID"] = message.message_id
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


# Looking into it


@dataclass(frozen=True, slots=True)
class Queue:
    """How many messages wait, how long the oldest has, and how many were given up."""

    waiting: int
    oldest: timedelta
    given_up: int


def queue() -> Queue:
    """What is not sent."""
    rows = [db.session.execute(_unsent_counts(table)).one() for table in TABLES]
    waiting, oldest, given_up = zip(*rows, strict=True)
    age = clock.now() - min(filter(None, oldest)) if any(oldest) else timedelta()
    return Queue(sum(waiting), age, sum(given_up))


def _unsent_counts(table: Table) -> Select[int, datetime, int]:
    waits = table.failed_at.is_(None)
    return select(
        func.count().filter(waits),
        func.min(table.created_at).filter(waits),
        func.count().filter(~waits),
    ).where(table.sent_at.is_(None))


def unsent() -> list[AnyMessage]:
    """What waits or was given up, in the order of its queuing."""
    return _in_order(lambda table: table.sent_at.is_(None))


def messages_about(submission_id: int) -> list[AnyMessage]:
    """Every message about a submission, in the order of its queuing."""
    return _in_order(lambda table: table.submission_id == submission_id)


def find(message_id: str) -> AnyMessage | None:
    """The message of that Message-ID."""
    if not message_id.isprintable():
        return None
    return next(iter(_in_order(lambda table: table.message_id == message_id)), None)


def _in_order(condition: Callable[[Table], ColumnElement[bool]]) -> list[AnyMessage]:
    found = [each for table in TABLES for each in db.session.scalars(_where(table, condition))]
    return sorted(found, key=lambda message: message.created_at)


def _where(table: Table, condition: Callable[[Table], ColumnElement[bool]]) -> Select[Any]:
    return select(table).where(condition(table)).order_by(table.id)


def waits(message: AnyMessage) -> bool:
    """Whether this message, or another of its kind to the same address, is still to be sent."""
    return any(
        (each.kind, each.recipient) == (message.kind, message.recipient)
        for each in _in_order(lambda table: table.submission_id == message.submission_id)
        if each.sent_at is None and each.failed_at is None
    )


def given_up() -> list[Submission]:
    """The submissions about which a message could not be sent, nor again: the newest first."""
    rows = [row for table in TABLES for row in db.session.execute(_given_up(table))]
    rows.sort(key=lambda row: row[1], reverse=True)
    return list(dict.fromkeys(submission for submission, _ in rows))[:MOST_GIVEN_UP]


def _given_up(table: Table) -> Select[Submission, datetime]:
    query = select(Submission, table.created_at).join(table, table.submission_id == Submission.id)
    failed = table.sent_at.is_(None), table.failed_at.is_not(None), ~_queued_again(table)
    return query.where(*failed).order_by(table.created_at.desc()).limit(MOST_GIVEN_UP)


def _queued_again(table: Table) -> ColumnElement[bool]:
    """Whether another message of the same kind went to the same address later.

    That of the version before has its kind in its Message-ID, and copies with the same subject.
    """
    newer, copy = aliased(Message), aliased(OutboxMessage)

    def later(again: Any) -> tuple[ColumnElement[bool], ...]:
        return (
            again.submission_id == table.submission_id,
            again.recipient == table.recipient,
            again.created_at > table.created_at,
        )

    if table is Message:
        return exists().where(*later(newer), newer.kind == Message.kind)
    same_kind = table.message_id.like("<%." + newer.kind + "%@%")
    return or_(
        exists().where(*later(newer), same_kind),
        exists().where(*later(copy), copy.subject == OutboxMessage.subject),
    )


def retry(message_ids: Sequence[str] = ()) -> int:
    """Makes what could not be sent due now, that of these Message-IDs or all; how many."""
    with writing() as session:
        results = [session.execute(_retried(table, message_ids)) for table in TABLES]
        return sum(result.rowcount for result in results)  # type: ignore[attr-defined]


def _retried(table: Table, message_ids: Sequence[str]) -> Any:
    wanted = [table.sent_at.is_(None), table.last_error.is_not(None)]
    if message_ids:
        wanted.append(table.message_id.in_(message_ids))
    again = {"next_attempt_at": clock.now(), "failed_at": None, "attempts": 0}
    return update(table).where(*wanted).values(again)
