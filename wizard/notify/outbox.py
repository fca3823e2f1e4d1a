"""The outbox: messages wait in the store until a mail server, or the mail folder, has them.

A message is its kind, recipient, language and what it is about; `register` says how a kind is
drawn, which happens when a message goes. A worker claims a message with a lease and commits, draws
and sends it with no transaction open, and marks it. A worker that dies in between leaves a lease
that runs out, so a message goes at least once, always with the same Message-ID.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from .. import clock
from ..db.engine import db, is_sqlite, reading, writing
from ..db.models import Draft, MailMessage, OutboxMessage, Submission
from ..web import languages, links
from . import email
from .email import MAX_SMTP_ANSWERS, SMTP_TIMEOUT_SECONDS, PermanentFailure

log = logging.getLogger(__name__)

AnyMessage = MailMessage | OutboxMessage
MessageTable = type[MailMessage] | type[OutboxMessage]
TABLES: tuple[MessageTable, ...] = (OutboxMessage, MailMessage)
"""Where messages wait; the first is only emptied (`OutboxMessage`)."""
LEASE = timedelta(seconds=SMTP_TIMEOUT_SECONDS * MAX_SMTP_ANSWERS)
MAX_ATTEMPTS = 16
"""With the waits below, a mail server may be away for about two days."""
MAX_FAILED_SHOWN = 20
"""Messages that staff are shown at once."""


class LeaseLost(Exception):
    """The message was deleted, or claimed by another worker."""


# Kinds


@dataclass(frozen=True, slots=True)
class Kind:
    """How the messages of a kind are drawn; the subject may hold `%(reference)s`."""

    subject: str
    template: str
    context: Callable[[MailMessage], dict[str, Any]]


KINDS: dict[str, Kind] = {}


def register(
    name: str, subject: str, context: Callable[[MailMessage], dict[str, Any]], template: str = ""
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
    subject = languages.translate(kind.subject) % {"reference": about.reference if about else ""}
    return f"{current_app.config['PROGRAM_NAME']}: {subject}"


def _render(message: AnyMessage) -> tuple[str, str, str]:
    """Draw a message: its subject, plain text and HTML."""
    if isinstance(message, OutboxMessage):
        return _stored_texts(message)
    kind = KINDS[message.kind]
    with languages.force_locale(message.language):
        context = kind.context(message)
        text, html = (
            render_template(f"email/{kind.template}.{form}", **context) for form in ("txt", "html")
        )
        return subject_of(message), text, html


def submission_of(message: MailMessage) -> Submission:
    """Return what a message is about. Raise `Refused` once its answers were deleted.

    Its messages go with the answers, but a process of the version before knows none of these.
    """
    submission = db.session.get_one(Submission, message.submission_id)
    if submission.erased_at is not None:
        raise PermanentFailure("The answers were deleted on request.")
    return submission


def _stored_texts(message: OutboxMessage) -> tuple[str, str, str]:
    """Return the texts that the version before drew, with the link where its placeholder is."""
    place, link = "[[update link]]", ""
    if message.draft_id is not None:
        place = "[[resume link]]"
        draft = db.session.get_one(Draft, message.draft_id)
        link = links.resume_url(draft.id, draft.link_version)
    elif place in message.text:
        link = links.update_url(db.session.get_one(Submission, message.submission_id).reference)
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
        MailMessage(
            message_id=f"<{name}@{host}>",
            kind=kind,
            recipient=recipient,
            language=language,
            next_attempt_at=clock.now() + delay,
            **about,
        )
    )


def requeue(message: AnyMessage) -> None:
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


def recent_count(table: MessageTable, recipient: str, since: datetime, about: str) -> Select[int]:
    """Query: the number of messages for an address in one table."""
    return select(func.count()).where(
        table.created_at > since,
        func.lower(table.recipient) == recipient.lower(),
        getattr(table, about).is_not(None),
    )


# Sending


def backoff(attempts: int) -> timedelta:
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


def _due(table: MessageTable, now: datetime) -> Select[Any]:
    waits = table.next_attempt_at <= now, table.sent_at.is_(None), table.failed_at.is_(None)
    first = select(table).where(*waits).order_by(table.next_attempt_at, table.id).limit(1)
    return first.with_for_update(skip_locked=True)


def _deliver(claimed: AnyMessage) -> bool:
    """Draw and send a claimed message, and note how that went while the lease is ours."""
    error: Exception | None = None
    try:
        email.send(render_email(claimed), lambda: _check_lease(claimed))
    except Exception as failure:  # whatever it is, the messages behind this one go on
        error = failure
        log.warning("message %s not sent: %s", claimed.id, type(failure).__name__)
    with writing() as session:
        result = _result_fields(error, claimed.attempts)
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


def _result_fields(error: Exception | None, attempts: int) -> dict[str, Any]:
    """What to note of a message after that attempt."""
    now = clock.now()
    if error is None:
        return {"sent_at": now, "last_error": None}
    said = f"{type(error).__name__}: {error}"[:500]
    if isinstance(error, PermanentFailure) or attempts >= MAX_ATTEMPTS:
        return {"failed_at": now, "last_error": said}
    return {"next_attempt_at": now + backoff(attempts), "last_error": said}


def render_email(message: AnyMessage) -> EmailMessage:
    """Draw a message as it travels."""
    with reading():
        texts = _render(message)
    return email.build_email(message.message_id, message.recipient, *texts)


# Looking into it


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How many messages wait, how long the oldest has, and how many were given up."""

    waiting: int
    oldest: timedelta
    given_up: int


def queue_stats() -> QueueStats:
    """What is not sent."""
    rows = [db.session.execute(_unsent_counts(table)).one() for table in TABLES]
    waiting, oldest, given_up = zip(*rows, strict=True)
    age = clock.now() - min(filter(None, oldest)) if any(oldest) else timedelta()
    return QueueStats(sum(waiting), age, sum(given_up))


def _unsent_counts(table: MessageTable) -> Select[int, datetime, int]:
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


def find_message(message_id: str) -> AnyMessage | None:
    """The message of that Message-ID."""
    if not message_id.isprintable():
        return None
    return next(iter(_in_order(lambda table: table.message_id == message_id)), None)


def _in_order(condition: Callable[[MessageTable], ColumnElement[bool]]) -> list[AnyMessage]:
    found = [each for table in TABLES for each in db.session.scalars(_where(table, condition))]
    return sorted(found, key=lambda message: message.created_at)


def _where(
    table: MessageTable, condition: Callable[[MessageTable], ColumnElement[bool]]
) -> Select[Any]:
    return select(table).where(condition(table)).order_by(table.id)


def is_pending(message: AnyMessage) -> bool:
    """Whether this message, or another of its kind to the same address, is still to be sent."""
    return any(
        (each.kind, each.recipient) == (message.kind, message.recipient)
        for each in _in_order(lambda table: table.submission_id == message.submission_id)
        if each.sent_at is None and each.failed_at is None
    )


def failed_submissions() -> list[Submission]:
    """The submissions about which a message could not be sent, nor again: the newest first."""
    rows = [row for table in TABLES for row in db.session.execute(_given_up(table))]
    rows.sort(key=lambda row: row[1], reverse=True)
    return list(dict.fromkeys(submission for submission, _ in rows))[:MAX_FAILED_SHOWN]


def _given_up(table: MessageTable) -> Select[Submission, datetime]:
    query = select(Submission, table.created_at).join(table, table.submission_id == Submission.id)
    failed = table.sent_at.is_(None), table.failed_at.is_not(None), ~_queued_again(table)
    return query.where(*failed).order_by(table.created_at.desc()).limit(MAX_FAILED_SHOWN)


def _queued_again(table: MessageTable) -> ColumnElement[bool]:
    """Whether another message of the same kind went to the same address later.

    That of the version before has its kind in its Message-ID, and copies with the same subject.
    """
    newer, copy = aliased(MailMessage), aliased(OutboxMessage)

    def later(again: Any) -> tuple[ColumnElement[bool], ...]:
        return (
            again.submission_id == table.submission_id,
            again.recipient == table.recipient,
            again.created_at > table.created_at,
        )

    if table is MailMessage:
        return exists().where(*later(newer), newer.kind == MailMessage.kind)
    same_kind = table.message_id.like("<%." + newer.kind + "%@%")
    return or_(
        exists().where(*later(newer), same_kind),
        exists().where(*later(copy), copy.subject == OutboxMessage.subject),
    )


def retry(message_ids: Sequence[str] = ()) -> int:
    """Makes what could not be sent due now, that of these Message-IDs or all; how many."""
    with writing() as session:
        results = [session.execute(_retry_statement(table, message_ids)) for table in TABLES]
        return sum(result.rowcount for result in results)  # type: ignore[attr-defined]


def _retry_statement(table: MessageTable, message_ids: Sequence[str]) -> Any:
    wanted = [table.sent_at.is_(None), table.last_error.is_not(None)]
    if message_ids:
        wanted.append(table.message_id.in_(message_ids))
    again = {"next_attempt_at": clock.now(), "failed_at": None, "attempts": 0}
    return update(table).where(*wanted).values(again)
