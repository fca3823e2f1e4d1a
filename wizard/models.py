"""What is stored."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, TypeDecorator
from sqlalchemy.orm import Mapped, mapped_column

from . import clock
from .extensions import Model


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware on both databases (SQLite itself forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC)


class Draft(Model):
    """Answers being given: what was typed, valid or not, and which steps were posted.

    `saves` notes by step which page saved it last, and at which turn of that page. A resume link
    holds as long as its version is `link_version`. `mailed_to` is where one was sent.
    """

    __tablename__ = "draft"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    flow_version: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    posted: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    saves: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    link_version: Mapped[int] = mapped_column(default=1)
    mailed_to: Mapped[str | None]
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Submission(Model):
    """Answers given, frozen: only what applied. A draft becomes at most one."""

    __tablename__ = "submission"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    draft_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    flow_version: Mapped[int]
    branch: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)


class OutboxMessage(Model):
    """A message to send: queued with what it is about, sent later, at least once.

    Where it is to hold the resume link of `draft_id`, the text has `links.PLACE` instead: a copy
    of the store opens no draft.

    `due_at` is when to try next; while a worker holds the message it is when its lease ends.
    `sent_at` and `failed_at` (given up) end it.
    """

    __tablename__ = "outbox_message"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int | None] = mapped_column(
        ForeignKey("submission.id", ondelete="CASCADE"), index=True
    )
    draft_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("draft.id", ondelete="CASCADE"), index=True
    )
    message_id: Mapped[str] = mapped_column(unique=True)
    recipient: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
