"""The case of a submission: found in a list, read, decided, noted; each change on the audit log."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import defer

from .. import clock
from ..accounts.audit import Actor, record
from ..db.engine import db, reading
from ..db.models import AuditEvent, Draft, MailMessage, OutboxMessage, Report, StaffNote, Submission
from ..forms.fields import LongText
from ..forms.text import Invalid
from ..notify import outbox
from ..submissions import cases, progress_reports
from ..submissions.cases import CaseNotFound, NotAllowed, change_status, locked_case, touch
from ..submissions.filters import Filters
from ..submissions.listing import INDEXED_ANSWERS
from ..submissions.paging import select_keys
from ..web.query import Place

HISTORY_ACTIONS = ("moved", "noted", "resent", "report_decided", "erased")
"""The events that a case's history shows."""

PAGE_SIZE = 50
MAX_COUNT = 10_000
NOTE = LongText("text", "New note", noun="the note", required=True)


class StaleVersion(Exception):
    """The case changed since the page was drawn that the change comes from."""


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
    """The page at some place of the list."""
    found = select_keys(Submission.submitted_at, filters.conditions(), place, PAGE_SIZE)
    rows = _rows(found.references)
    whole = place == Place() and not found.older
    count = len(rows) if whole else _count(filters)
    return ListPage(rows, found.newer, found.older, count)


def _rows(references: list[str]) -> list[Submission]:
    query = select(Submission).where(Submission.reference.in_(references))
    order = (Submission.submitted_at.desc(), Submission.reference.desc())
    return list(db.session.scalars(query.options(defer(Submission.answers)).order_by(*order)))


def _count(filters: Filters) -> int:
    some = select(Submission.reference).where(*filters.conditions()).limit(MAX_COUNT + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


# One case


@dataclass(frozen=True, slots=True)
class Case:
    """All that staff read of one submission."""

    submission: Submission
    history: list[AuditEvent]
    messages: list[tuple[outbox.AnyMessage, str]]
    notes: list[StaffNote]
    reports: list[tuple[Report, progress_reports.ApprovedReport]]

    @property
    def ways(self) -> list[str]:
        """Return the statuses that it can go to now."""
        return cases.allowed_transitions(self.submission)


def get_case(reference: str) -> Case:
    """Read a case as of one moment. Raises `CaseNotFound`."""
    with reading(snapshot=True):
        submission = cases.find_by_reference(reference)
        if submission is None:
            raise CaseNotFound(reference)
        of_it = AuditEvent.subject == submission.reference, AuditEvent.action.in_(HISTORY_ACTIONS)
        notes = select(StaffNote).where(StaffNote.submission_id == submission.id)
        return Case(
            submission,
            list(db.session.scalars(select(AuditEvent).where(*of_it).order_by(AuditEvent.id))),
            [(each, outbox.subject_of(each)) for each in outbox.messages_about(submission.id)],
            list(db.session.scalars(notes.order_by(StaffNote.id))),
            [
                (each, progress_reports.describe_report(each, submission))
                for each in progress_reports.list_reports(submission)
            ],
        )


def decide(reference: str, to: str, version: int, actor: Actor) -> None:
    """Change the status of a case; `version` is that of the page it was decided on.

    Raises `CaseNotFound`, `CaseErased`, `Stale` if somebody was quicker, `NotAllowed`.
    """
    with locked_case(reference) as submission:
        if submission.lock_version != version:
            raise StaleVersion
        change_status(submission, to, actor)


def add_note(reference: str, text: str, actor: Actor) -> None:
    """Add a note that only staff see. Raises `CaseNotFound`, `CaseErased`, `NotAllowed`."""
    with locked_case(reference) as submission:
        try:
            text = NOTE.parse(text, clock.today())
        except Invalid as invalid:
            raise NotAllowed(str(invalid)) from None
        db.session.add(StaffNote(submission_id=submission.id, author=actor.name, text=text))
        record(actor, "noted", reference)


def resend(reference: str, message_id: str, actor: Actor) -> None:
    """Queue a message of this submission once more, by its Message-ID.

    Raises `CaseNotFound`, `CaseErased`, `NotAllowed`.
    """
    with locked_case(reference) as submission:
        message = outbox.find_message(message_id)
        if message is None or message.submission_id != submission.id:
            raise CaseNotFound(message_id)
        if outbox.is_pending(message):
            raise NotAllowed("This message waits to be sent already.")
        outbox.requeue(message)
        record(actor, "resent", reference, message=message_id)


def decide_report(reference: str, report_id: int, approved: bool, actor: Actor) -> None:
    """Approve or decline what an organization reported; an approved withdrawal ends the commitment.

    Raises `CaseNotFound`, `CaseErased`, and `NotAllowed` if somebody was quicker.
    """
    with locked_case(reference) as submission:
        report = db.session.get(Report, report_id)
        if report is None or report.submission_id != submission.id:
            raise CaseNotFound(str(report_id))
        if report.approved is not None:
            raise NotAllowed("Somebody decided on this report already. See the history.")
        report.approved, report.decided_at = approved, clock.now()
        record(actor, "report_decided", reference, approved=approved, withdraws=report.withdraws)
        if approved and report.withdraws and submission.status != "withdrawn":
            change_status(submission, "withdrawn", actor)
        else:
            touch(submission)


def erase(reference: str, actor: Actor) -> None:
    """Delete the answers, draft, messages, reports and notes; the bare fact stays.

    An open or published case is withdrawn by it. Raises `CaseNotFound`, `CaseErased`.
    """
    with locked_case(reference) as submission:
        if submission.status in (*cases.OPEN_STATUSES, "published"):
            change_status(submission, "withdrawn", actor)
        submission.answers, submission.search = {}, submission.reference.casefold()
        for name in (*INDEXED_ANSWERS, "programs", "categories"):
            setattr(submission, name, "")
        submission.erased_at = clock.now()
        touch(submission)
        db.session.execute(delete(Draft).where(Draft.id == submission.draft_id))
        for table in (MailMessage, OutboxMessage, Report, StaffNote):
            db.session.execute(delete(table).where(table.submission_id == submission.id))
        record(actor, "erased", reference)


def oldest_open(limit: int) -> list[Submission]:
    """The cases that wait longest for the office."""
    waiting = Submission.status.in_(cases.OPEN_STATUSES), Submission.erased_at.is_(None)
    order = (Submission.submitted_at, Submission.reference)
    query = select(Submission).where(*waiting).options(defer(Submission.answers))
    return list(db.session.scalars(query.order_by(*order).limit(limit)))
