"""The models of promises: their dates, and what organizations report about each."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .. import clock
from .columns import UtcDateTime, parent_key, partial_index
from .engine import Model
from .models import SubmissionId


class Promise(Model):
    """An entry with a date: see `forms.promises.Promise`, of which this has every value.

    It repeats answers and reports, so that lists and counts read neither, and can be rebuilt from
    them (`submissions/promises.py`).
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(parent_key("submission.id"))
    entry_id: Mapped[str]
    group: Mapped[str] = mapped_column("group_name")
    place: Mapped[int | None]
    title: Mapped[str]
    topic: Mapped[str]
    due_on: Mapped[date] = mapped_column(index=True)
    first_due_on: Mapped[date]
    submitted_on: Mapped[date]
    done_on: Mapped[date | None]
    dropped_on: Mapped[date | None]
    url: Mapped[str]
    words: Mapped[str] = mapped_column(Text)
    reported_on: Mapped[date | None]

    __table_args__ = (
        UniqueConstraint("submission_id", "entry_id"),
        Index("ix_promise_state", "submission_id", "group_name", "due_on", "dropped_on", "done_on",
              "submitted_on", "first_due_on", "topic"),
        # The previous version uses this one:
        partial_index("ix_promise_open",
                      "done_on IS NULL AND dropped_on IS NULL AND due_on >= submitted_on",
                      "due_on", "submission_id", "id"),
        partial_index("ix_promise_unreported",
                      "done_on IS NULL AND dropped_on IS NULL"
                      " AND (due_on >= submitted_on OR first_due_on >= submitted_on)",
                      "due_on", "submission_id", "id"),
    )  # fmt: skip


class Progress(Model):
    """What an organization reports about one promise; `approved` is None until staff decide.

    `outcome` is a code of `forms.promises.OUTCOMES`; `day` is that on which it was done, or the new
    date of a delay, in place of `promised_on`. `url` leads to the result; `words` say why or how.
    `Report` is the form of the earlier versions.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[SubmissionId]
    entry_id: Mapped[str]
    outcome: Mapped[str]
    promised_on: Mapped[date]
    day: Mapped[date | None]
    url: Mapped[str] = mapped_column(default="")
    words: Mapped[str] = mapped_column(Text, default="")
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    approved: Mapped[bool | None]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reply: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        partial_index("ix_progress_waiting", "approved IS NULL",
                      "submission_id", "reported_at", "approved"),
    )  # fmt: skip


class PromiseReminder(Model):
    """A reminder of a promise that was queued: `which` is a key of `reminders.OFFSETS`.

    There is one for each date of a promise, so that a later one is reminded of as well.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(parent_key("submission.id"))
    entry_id: Mapped[str]
    which: Mapped[str]
    due_on: Mapped[date]
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (UniqueConstraint("submission_id", "entry_id", "which", "due_on"),)


class ReminderStart(Model):
    """The first day whose reminders of promises are sent; one row, with the id 1."""

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date]


class ReportDraft(Model):
    """A progress report that an organization is filling in; it becomes rows of `Progress`.

    Answers, steps and saves are those of a `Draft`; `promised` is the date of each promise, by the
    id of its entry, as it was when it was answered.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(parent_key("submission.id"), unique=True)
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    completed_steps: Mapped[list[str]] = mapped_column(JSON, default=list)
    saves: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    promised: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    language: Mapped[str] = mapped_column(default="en")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
