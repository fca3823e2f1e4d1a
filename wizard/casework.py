"""The case of a submission: found in a list, read, decided, noted; each change on the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import defer

from . import clock, outbox, reports
from .audit import Actor, record
from .extensions import db, writing
from .fields import LongText
from .filters import Filters
from .models import (
    STATUSES,
    AuditEvent,
    Draft,
    Message,
    OutboxMessage,
    Report,
    StaffNote,
    Submission,
)
from .outputs import LISTED
from .paging import Place, keys
from .text import Invalid, showable

WAYS = {
    "received": ("in_review", "withdrawn"),
    "in_review": ("accepted", "declined", "withdrawn"),
    "accepted": ("published", "in_review", "withdrawn"),
    "published": ("accepted", "withdrawn"),
    "declined": ("in_review",),
    "withdrawn": ("in_review",),
}
"""Where a case can go from each of its states."""
WAITING = ("received", "in_review")
"""The states in which it is the office's turn."""
CHANGES = ("moved", "noted", "resent", "report_decided", "erased")
"""The events that a case's history shows."""

PAGE = 50
MOST_COUNTED = 10_000
NOTE = LongText("text", "New note", noun="the note")


class NotThere(LookupError):
    """No submission, or message, of that name."""


class Stale(Exception):
    """The case changed since the page was drawn that the change comes from."""


class NotAllowed(ValueError):
    """A change that the state of the case does not allow; the text says why."""


# The list


@dataclass(frozen=True, slots=True)
class ListPage:
    """Some submissions, the newest first, and the keys from which the pages beside it start."""

    rows: list[Submission]
    newer: str
    older: str
    count: int
    """How many there are in all, or one more than `MOST_COUNTED`."""


def list_page(filters: Filters, place: Place) -> ListPage:
    """The page at some place of the list. Raises `BadFilter` for a place that there is not."""
    found = keys(Submission.submitted_at, filters.conditions(), place, PAGE)
    rows = _rows(found.references)
    whole = place.is_start and not found.older
    count = len(rows) if whole else _count(filters)
    return ListPage(rows, found.newer, found.older, count)


def _rows(references: list[str]) -> list[Submission]:
    query = select(Submission).where(Submission.reference.in_(references))
    order = (Submission.submitted_at.desc(), Submission.reference.desc())
    return list(db.session.scalars(query.options(defer(Submission.answers)).order_by(*order)))


def _count(filters: Filters) -> int:
    some = select(Submission.reference).where(*filters.conditions()).limit(MOST_COUNTED + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


# One case


@dataclass(frozen=True, slots=True)
class Case:
    """All that staff read of one submission."""

    submission: Submission
    history: list[AuditEvent]
    messages: list[tuple[outbox.AnyMessage, str]]
    notes: list[StaffNote]
    reports: list[tuple[Report, reports.News]]

    @property
    def ways(self) -> list[str]:
        """The states that it can go to now."""
        return ways(self.submission)


def ways(submission: Submission) -> list[str]:
    """The states that a case can go to; published only if the organization agreed."""
    agreed = submission.answers.get("publish_consent") == "yes"
    return [to for to in WAYS[submission.status] if to != "published" or agreed]


def read(reference: str) -> Case:
    """Raises `NotThere`."""
    submission = _find(reference)
    of_it = AuditEvent.subject == reference, AuditEvent.action.in_(CHANGES)
    notes = select(StaffNote).where(StaffNote.submission_id == submission.id)
    return Case(
        submission,
        list(db.session.scalars(select(AuditEvent).where(*of_it).order_by(AuditEvent.id))),
        [(each, outbox.subject_of(each)) for each in outbox.messages_about(submission.id)],
        list(db.session.scalars(notes.order_by(StaffNote.id))),
        [(each, reports.tell(each, submission)) for each in reports.of(submission)],
    )


def look_at(reference: str, actor: Actor) -> None:
    """Notes that somebody reads a submission: it holds personal data. Raises `NotThere`."""
    with writing():
        _find(reference)
        record(actor, "viewed", reference)


def _find(reference: str, *, lock: bool = False) -> Submission:
    query = select(Submission).where(Submission.reference == showable(reference))
    found = db.session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotThere(reference)
    return found


@contextmanager
def _changing(reference: str) -> Iterator[Submission]:
    """A case to change, locked until the end. Raises `NotThere`, and `NotAllowed` once deleted."""
    with writing():
        submission = _find(reference, lock=True)
        if submission.erased_at is not None:
            raise NotAllowed("The answers were deleted on request; nothing is left to change.")
        yield submission


def _changed(submission: Submission) -> None:
    submission.version += 1
    submission.changed_at = clock.now()


def move(reference: str, to: str, version: int, actor: Actor) -> None:
    """Takes a case to another state; `version` is that of the page it was decided on.

    Raises `NotThere`, `Stale` if somebody was quicker, `NotAllowed`.
    """
    with _changing(reference) as submission:
        if submission.version != version:
            raise Stale
        if to not in ways(submission):
            raise NotAllowed(
                f"What is {STATUSES[submission.status].lower()} cannot become "
                f"{STATUSES.get(to, 'that').lower()}."
            )
        before, submission.status = submission.status, to
        _changed(submission)
        submission.published_at = clock.now() if to == "published" else None
        record(actor, "moved", reference, before=before, after=to)


def note(reference: str, text: str, actor: Actor) -> None:
    """Adds a note, for the staff alone. Raises `NotThere`, `NotAllowed`."""
    if NOTE.is_blank(text):
        raise NotAllowed(NOTE.missing())
    try:
        text = NOTE.clean(text, clock.today())
    except Invalid as invalid:
        raise NotAllowed(str(invalid)) from None
    with _changing(reference) as submission:
        db.session.add(StaffNote(submission_id=submission.id, author=actor.name, text=text))
        record(actor, "noted", reference)


def resend(reference: str, message_id: str, actor: Actor) -> None:
    """Queue a message of this submission once more, by its Message-ID.

    Raises `NotThere`, `NotAllowed`.
    """
    with _changing(reference) as submission:
        message = outbox.find(message_id)
        if message is None or message.submission_id != submission.id:
            raise NotThere(message_id)
        if outbox.waits(message):
            raise NotAllowed("This message waits to be sent already.")
        outbox.queue_again(message)
        record(actor, "resent", reference, message=message_id)


def decide_report(reference: str, report_id: int, approved: bool, actor: Actor) -> None:
    """Takes up what an organization reported, or not; a withdrawal taken up ends the commitment.

    Raises `NotThere`, and `NotAllowed` where somebody was quicker.
    """
    with _changing(reference) as submission:
        report = db.session.get(Report, report_id)
        if report is None or report.submission_id != submission.id:
            raise NotThere(str(report_id))
        if report.approved is not None:
            raise NotAllowed("Somebody decided on this report already. See the history.")
        report.approved, report.decided_at = approved, clock.now()
        if approved and report.withdraws:
            submission.status, submission.published_at = "withdrawn", None
        _changed(submission)
        record(actor, "report_decided", reference, approved=approved, withdraws=report.withdraws)


def erase(reference: str, actor: Actor) -> None:
    """Deletes what an organization told us, its draft, messages and notes; the bare fact stays.

    What waited for a decision, or was published, is withdrawn by it. Raises `NotThere`,
    `NotAllowed`.
    """
    with _changing(reference) as submission:
        submission.answers, submission.search = {}, reference.casefold()
        for name in (*LISTED, "programs", "categories"):
            setattr(submission, name, "")
        submission.erased_at, submission.published_at = clock.now(), None
        if submission.status in (*WAITING, "published"):
            submission.status = "withdrawn"
        _changed(submission)
        db.session.execute(delete(Draft).where(Draft.id == submission.draft_id))
        for table in (Message, OutboxMessage, Report, StaffNote):
            db.session.execute(delete(table).where(table.submission_id == submission.id))
        record(actor, "erased", reference)


def longest_waiting(limit: int) -> list[Submission]:
    """The cases that wait longest for the office."""
    waiting = Submission.status.in_(WAITING), Submission.erased_at.is_(None)
    order = (Submission.submitted_at, Submission.reference)
    query = select(Submission).where(*waiting).options(defer(Submission.answers))
    return list(db.session.scalars(query.order_by(*order).limit(limit)))
