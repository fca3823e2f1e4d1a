"""The outbox: messages wait in the database until a mail server or the mail folder accepts them.

A message stores its kind, recipient, language and subject matter; `register` declares how a kind is
rendered, which happens on delivery. A worker claims a message with a lease and commits, renders and
sends it without an open transaction, and records the result. If the worker dies in between, the
lease expires: a message is sent at least once, always with the same Message-ID.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import cache, reduce
from operator import add
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template
from sqlalchemy import ColumnElement, Select, bindparam, delete, func, select, update

from .. import clock
from ..db.engine import db, is_sqlite, reading, writing
from ..db.models import Draft, MailMessage, OutboxMessage, Submission
from ..web import languages, links
from ..web.current import current_flow
from . import email
from .email import MAX_SMTP_ANSWERS, SMTP_TIMEOUT_SECONDS
from .mail_errors import PermanentFailure, describe_mail_error
from .plain_text import wrap_text

log = logging.getLogger(__name__)

AnyMessage = MailMessage | OutboxMessage
MessageTable = type[MailMessage] | type[OutboxMessage]
TABLES: tuple[MessageTable, ...] = (OutboxMessage, MailMessage)
"""The tables with messages; no message is added to the first (see `OutboxMessage`)."""
LEASE = timedelta(seconds=SMTP_TIMEOUT_SECONDS * MAX_SMTP_ANSWERS)
NO_DELAY = timedelta()
MAX_ATTEMPTS = 16
"""With the waits of `backoff`, a mail server may be down for about two days."""


class LeaseLost(Exception):
    """The message was deleted, or claimed by another worker."""


class NotNeeded(Exception):
    """There is no reason to send the message any more: it is deleted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Subject, template and context of a kind of message.

    The subject may hold `%(reference)s` and `%(noun)s`. A message that nobody asked for has an
    `unsubscribe_url`. `find_outdated` says which messages are not true any more, and why.
    """

    subject: str
    template: str
    context: Callable[[MailMessage], dict[str, Any]]
    unsubscribe_url: Callable[[MailMessage], str] | None
    find_outdated: Callable[[Sequence[AnyMessage]], dict[AnyMessage, str]]


KINDS: dict[str, Kind] = {}


def register(
    name: str,
    subject: str,
    context: Callable[[MailMessage], dict[str, Any]],
    template: str = "",
    unsubscribe_url: Callable[[MailMessage], str] | None = None,
    find_outdated: Callable[[Sequence[AnyMessage]], dict[AnyMessage, str]] = lambda messages: {},
) -> None:
    """Declare a kind of message, rendered from `email/<template or name>.txt` and `.html`."""
    KINDS[name] = Kind(subject, template or name, context, unsubscribe_url, find_outdated)


def find_outdated(messages: Sequence[AnyMessage]) -> dict[AnyMessage, str]:
    """Return those messages that are not true any more, and so are not sent again, with why."""
    by_check = defaultdict(list)
    for message in messages:
        if kind := KINDS.get(message.kind):
            by_check[kind.find_outdated].append(message)
    found = (check(those) for check, those in by_check.items())
    return {message: reason for each in found for message, reason in each.items()}


def subject_of(message: AnyMessage) -> str:
    """Return the subject in the current language, or the code of an unknown kind."""
    if isinstance(message, OutboxMessage):
        return message.subject
    kind = KINDS.get(message.kind)
    if kind is None:
        return message.kind
    submission = message.submission_id and db.session.get(Submission, message.submission_id)
    reference = submission.reference if submission else ""
    noun = languages.translate(current_flow().noun.one)
    subject = languages.translate(kind.subject) % {"reference": reference, "noun": noun}
    return f"{languages.program_name()}: {subject}"


def render_email(message: AnyMessage) -> EmailMessage:
    """Return the message as an e-mail."""
    with reading():
        parts = _stored_parts(message) if isinstance(message, OutboxMessage) else _render(message)
    return email.build_email(message.message_id, message.recipient, *parts)


def _render(message: MailMessage) -> tuple[str, ...]:
    """Return the subject, plain text and HTML in the language of the message, and the address to
    unsubscribe from it."""
    kind = KINDS[message.kind]
    with languages.force_locale(message.language):
        context = kind.context(message)
        text = wrap_text(render_template(f"email/{kind.template}.txt", **context))
        html = render_template(f"email/{kind.template}.html", **context)
        stop = kind.unsubscribe_url(message) if kind.unsubscribe_url else ""
        return subject_of(message), text, html, stop


def _stored_parts(message: OutboxMessage) -> tuple[str, ...]:
    """Return the stored subject, plain text and HTML, with the link in place of its placeholder."""
    placeholder, link = "[[update link]]", ""
    if message.draft_id is not None:
        placeholder = "[[resume link]]"
        draft = db.session.get_one(Draft, message.draft_id)
        link = links.resume_url(draft.id, draft.link_version)
    elif placeholder in message.text:
        submission = db.session.get_one(Submission, message.submission_id)
        link = links.submission_url(submission.reference, submission.link_version)
    text, html = (part.replace(placeholder, link) for part in (message.text, message.html))
    return message.subject, text, html


def submission_of(message: MailMessage) -> Submission:
    """Return the submission of a message. Raise `NotNeeded` if its answers were erased by a process
    of a version before this table."""
    submission = db.session.get_one(Submission, message.submission_id)
    if submission.erased_at is not None:
        raise NotNeeded("The answers were deleted on request.")
    return submission


def queue_message(
    kind: str, recipient: str, language: str, name: str, delay: timedelta = NO_DELAY, **about: Any
) -> None:
    """Queue a message within the caller's transaction.

    `name` is the unique part of its Message-ID, `about` what it is about: `submission_id` or
    `draft_id`, `event_id`, `version` and `words`.
    """
    host = urlsplit(current_app.config["PUBLIC_URL"]).hostname
    db.session.add(
        MailMessage(
            message_id=f"<{name}@{host}>",
            kind=kind,
            recipient=recipient,
            language=language,
            created_at=clock.now(),
            next_attempt_at=clock.now() + delay,
            **about,
        )
    )


def requeue(message: AnyMessage) -> None:
    """Queue a copy with a new Message-ID; the original keeps its delivery result. Raise `NotNeeded`
    if it is not true any more."""
    if reason := find_outdated([message]).get(message):
        raise NotNeeded(reason)
    name = message.message_id.strip("<>").partition("@")[0].split("+")[0]
    submission = db.session.get_one(Submission, message.submission_id)
    queue_message(
        message.kind,
        message.recipient,
        getattr(message, "language", submission.language),
        f"{name}+{secrets.token_hex(4)}",
        submission_id=submission.id,
        event_id=getattr(message, "event_id", None),
        version=getattr(message, "version", None),
        words=getattr(message, "words", None),
    )


def count_recent(recipient: str, within: timedelta, about: str) -> int:
    """Count the messages to an address with an `about` column (`draft_id` or `submission_id`)."""
    _lock_address(recipient)
    since = clock.now() - within
    counts = (recent_count(table, recipient, since, about).scalar_subquery() for table in TABLES)
    return int(db.session.scalars(select(reduce(add, counts))).one())


def count_kind(recipient: str, within: timedelta, kind: str, about: str = "submission_id") -> int:
    """Count the messages of a kind to an address with an `about` column."""
    _lock_address(recipient)
    recent = recent_count(MailMessage, recipient, clock.now() - within, about)
    return db.session.scalars(recent.where(MailMessage.kind == kind)).one()


def _lock_address(recipient: str) -> None:
    """Lock an address until the transaction ends: two concurrent requests would count the same.
    SQLite has a single writer anyway."""
    if not is_sqlite():
        lock = func.pg_advisory_xact_lock(func.hashtext(recipient.lower()))
        db.session.execute(select(lock))


def recent_count(table: MessageTable, recipient: str, since: datetime, about: str) -> Select[int]:
    """Return the query of `count_recent` for one table."""
    return select(func.count()).where(
        table.created_at > since,
        func.lower(table.recipient) == recipient.lower(),
        getattr(table, about).is_not(None),
    )


def backoff(attempts: int) -> timedelta:
    """Return the wait after so many attempts: one minute, doubled each time, at most 6 hours."""
    return min(timedelta(minutes=2 ** (attempts - 1)), timedelta(hours=6))


def deliver_due(
    stopped: Callable[[], bool] = lambda: False, pause: Callable[[], object] = lambda: None
) -> int:
    """Send the due messages one by one, with a `pause` after each, until `stopped` returns True;
    return how many were sent."""
    sent = 0
    with closing(email.Mailer(stopped)) as mailer:
        while not stopped() and (message := _claim()) is not None:
            sent += _deliver(message, mailer)
            pause()
    return sent


def _claim() -> AnyMessage | None:
    """Lease the next due message to this worker."""
    now = clock.now()
    with writing() as session:
        due = (session.scalars(_due(table), {"now": now}).one_or_none() for table in TABLES)
        message: AnyMessage | None = next(filter(None, due), None)
        if message is None:
            return None
        message.attempts += 1
        message.next_attempt_at = now + LEASE
        session.flush()
        session.expunge(message)
    return message


@cache
def _due(table: MessageTable) -> Select[Any]:
    due = table.next_attempt_at <= bindparam("now"), table.sent_at.is_(None)
    first = select(table).where(*due, table.failed_at.is_(None)).limit(1)
    return first.order_by(table.next_attempt_at, table.id).with_for_update(skip_locked=True)


def _deliver(claimed: AnyMessage, mailer: email.Mailer) -> bool:
    """Send a claimed message; record the result if the lease is still ours, or delete it."""
    error: Exception | None = None
    try:
        mailer.send(render_email(claimed), lambda: _check_lease(claimed))
    except Exception as failure:  # no failure may stop the messages that follow
        error = failure
        log.warning("message %s not sent: %s", claimed.id, type(failure).__name__)
    table, result = type(claimed), _result_fields(error, claimed.attempts)
    change = delete(table) if isinstance(error, NotNeeded) else update(table).values(result)
    with writing() as session:
        session.execute(change.where(*_leased(claimed)))
    return error is None


def _leased(claimed: AnyMessage) -> tuple[ColumnElement[bool], ...]:
    table = type(claimed)
    return table.id == claimed.id, table.next_attempt_at == claimed.next_attempt_at


def _check_lease(claimed: AnyMessage) -> None:
    with reading() as session:
        if session.scalar(select(type(claimed).id).where(*_leased(claimed))) is None:
            raise LeaseLost


def _result_fields(error: Exception | None, attempts: int) -> dict[str, Any]:
    """Return the columns to update after a delivery attempt."""
    now = clock.now()
    if error is None:
        return {"sent_at": now, "last_error": None}
    last_error = describe_mail_error(error)[:500]
    if isinstance(error, PermanentFailure) or attempts >= MAX_ATTEMPTS:
        return {"failed_at": now, "last_error": last_error}
    return {"next_attempt_at": now + backoff(attempts), "last_error": last_error}


def mark_bounced(message_id: str, reason: str) -> bool:
    """Give up a message that came back; return False if that is known already."""
    message = find_message(message_id)
    if message is None or (message.failed_at and not message.sent_at):
        return False
    message.sent_at, message.failed_at = None, clock.now()
    message.last_error = f"It came back: {reason or 'no reason is given'}"[:500]
    return True


def messages_about(submission_id: int | None) -> list[AnyMessage]:
    """Return every message about a submission, oldest first."""
    return find_messages(submission_id=submission_id)


def find_message(message_id: str) -> AnyMessage | None:
    """Return the message with this Message-ID."""
    found = find_messages(message_id=message_id) if message_id.isprintable() else []
    return next(iter(found), None)


def find_messages(**columns: Any) -> list[AnyMessage]:
    """Return the messages with these values, oldest first."""
    queries: list[Select[Any]] = [
        select(table).filter_by(**columns).order_by(table.id) for table in TABLES
    ]
    messages = [message for query in queries for message in db.session.scalars(query)]
    return sorted(messages, key=lambda message: message.created_at)


def is_pending(message: AnyMessage) -> bool:
    """Return True if this message, or another of its kind to the same address, is still due."""
    return any(
        (other.kind, other.recipient) == (message.kind, message.recipient)
        for other in messages_about(message.submission_id)
        if other.sent_at is None and other.failed_at is None
    )
