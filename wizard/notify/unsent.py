"""Messages that were not sent: how many wait or failed, and making them due again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from .. import clock
from ..db.engine import WRITE_BATCH_SIZE, db, is_one_of, reading, writing
from ..db.models import MailMessage, OutboxMessage, Submission
from .outbox import TABLES, AnyMessage, MessageTable, find_outdated

MAX_FAILED_SHOWN = 20
"""Submissions with failed messages that staff see at once."""
MAX_FAILED_READ = 200
"""The newest failed messages, among which those are looked for that are still true."""


def retry(message_ids: Sequence[str] = ()) -> int:
    """Make unsent messages with an error due now, all or those with these IDs; count them.

    Those that were queued again, or are not true any more, stay as they are.
    """
    return sum(_retry(table, message_ids) for table in TABLES)


def _retry(table: MessageTable, message_ids: Sequence[str]) -> int:
    query: Select[Any] = select(table).where(*_unsettled(table), table.last_error.is_not(None))
    if message_ids:
        query = query.where(table.message_id.in_(message_ids))
    with reading() as session:  # it may take long, so nothing is locked
        found = [
            each.id
            for batch in session.scalars(query).partitions(MAX_FAILED_READ)
            for each in _leave_out_outdated(batch)
        ]
    due = {"next_attempt_at": clock.now(), "failed_at": None, "attempts": 0}
    total = 0
    for start in range(0, len(found), WRITE_BATCH_SIZE):
        these = is_one_of(table.id, found[start : start + WRITE_BATCH_SIZE])
        with writing() as session:
            again = update(table).where(these, table.sent_at.is_(None)).values(due)
            total += session.execute(again).rowcount  # type: ignore[attr-defined]
    return total


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Number of waiting messages, age of the oldest one, and number of those that failed and were
    not queued again."""

    waiting: int
    oldest_age: timedelta
    failed: int


def queue_stats() -> QueueStats:
    """Return the figures of the unsent messages."""
    rows = [db.session.execute(_unsent_counts(table)).one() for table in TABLES]
    waiting, oldest, failed = zip(*rows, strict=True)
    age = clock.now() - min(filter(None, oldest)) if any(oldest) else timedelta()
    return QueueStats(sum(waiting), age, sum(failed))


def _unsent_counts(table: MessageTable) -> Select[int, datetime, int]:
    waiting = table.failed_at.is_(None)
    return select(
        func.count().filter(waiting),
        func.min(table.created_at).filter(waiting),
        func.count().filter(~waiting),
    ).where(*_unsettled(table))


def unsent() -> list[AnyMessage]:
    """Return the messages that wait, or failed and were not queued again, oldest first."""
    queries: list[Select[Any]] = [select(table).where(*_unsettled(table)) for table in TABLES]
    found: list[AnyMessage] = [each for query in queries for each in db.session.scalars(query)]
    return sorted(found, key=lambda message: message.created_at)


def _unsettled(table: MessageTable) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a message waits, or failed and was not queued again."""
    return table.sent_at.is_(None), or_(table.failed_at.is_(None), ~_queued_again(table))


def failed_submissions() -> list[Submission]:
    """Return the submissions with a failed message that was not queued again and is still true,
    newest first."""
    found: dict[Submission, datetime] = {}
    for table in TABLES:
        rows = {message: submission for submission, message in db.session.execute(_failed(table))}
        for message in _leave_out_outdated([*rows])[:MAX_FAILED_SHOWN]:
            submission = rows[message]
            known = found.get(submission, message.created_at)
            found[submission] = max(known, message.created_at)
    return sorted(found, key=lambda each: found[each], reverse=True)[:MAX_FAILED_SHOWN]


def _leave_out_outdated(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages that are still true, in their order."""
    outdated = find_outdated(messages)
    return [each for each in messages if each not in outdated]


def _failed(table: MessageTable) -> Select[Any, Any]:
    query = select(Submission, table).join(table, table.submission_id == Submission.id)
    failed = table.failed_at.is_not(None), *_unsettled(table)
    return query.where(*failed).order_by(table.created_at.desc()).limit(MAX_FAILED_READ)


def _queued_again(table: MessageTable) -> ColumnElement[bool]:
    """Return the condition that the same message was queued for the address again.

    An `OutboxMessage` has its kind in its Message-ID, and copies with the same subject.
    """

    def later(other: Any, same_kind: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists().where(
            other.submission_id == table.submission_id,
            other.recipient == table.recipient,
            other.created_at > table.created_at,
            same_kind,
        )

    newer, copy = aliased(MailMessage), aliased(OutboxMessage)
    if table is MailMessage:
        is_copy = newer.event_id.is_not_distinct_from(MailMessage.event_id)
        return later(newer, and_(newer.kind == MailMessage.kind, is_copy))
    return or_(
        later(newer, table.message_id.like("<%." + newer.kind + "%@%")),
        later(copy, copy.subject == OutboxMessage.subject),
    )
