"""Progress reports on single promises: an organization sends them, staff decide on each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from .. import clock
from ..accounts.audit import Actor
from ..db.engine import db, lock_rows
from ..db.models import Report, Submission
from ..db.promises import Progress, ReportDraft
from ..forms.conditions import Answers
from ..forms.groups import ENTRY_ID
from ..forms.journey import Journey
from ..forms.outputs import Row
from ..forms.promises import Promise, promised_entries, promised_groups, state_of
from ..forms.reports import entry_title, promise_title, read_report, topic_row
from ..web.current import current_flow
from .cases import NotAllowed, can_report, is_closed, locked_case, require_open
from .events import record_event
from .messages import STANDARD, Mail
from .promises import list_promises
from .versions import raise_version
from .withdrawals import can_withdraw

MAX_PENDING = 5
"""Reports of one commitment that wait for staff; more are a mistake or a flood."""
ALREADY_DECIDED = "Someone else already reviewed this update. Check the history."


class TooManyReports(Exception):
    """`MAX_PENDING` reports wait already."""


@dataclass(frozen=True, slots=True)
class ReportedPromise:
    """A promise, its title and topic, and what was reported: the newest approved report, one that
    waits, and the newest of all if it was not approved.

    One that a correction removed cannot be reported on.
    """

    promise: Promise
    title: str
    topic: Row | None = None
    approved: Progress | None = None
    waiting: Progress | None = None
    refused: Progress | None = None
    is_overdue: bool = False

    @property
    def is_open(self) -> bool:
        """Return True if it can be reported on."""
        return self.promise.place is not None


def list_reported(submission: Submission) -> list[ReportedPromise]:
    """Return the promises of a submission with what was reported, in the order of its answers."""
    return match_reports(submission, list_progress(submission))


def match_reports(submission: Submission, rows: Sequence[Progress]) -> list[ReportedPromise]:
    """Return the promises of a submission with what was reported on them in all its reports."""
    groups = {group.name: group for group in promised_groups(current_flow())}
    approved = {row.entry_id: row for row in rows if row.approved}
    waiting = {row.entry_id: row for row in rows if row.approved is None}
    newest = {row.entry_id: row for row in rows}
    refused = {name: row for name, row in newest.items() if row.approved is False}
    return [
        ReportedPromise(
            promise,
            promise_title(groups[promise.group], promise),
            topic_row(groups[promise.group], promise),
            approved.get(promise.entry_id),
            waiting.get(promise.entry_id),
            refused.get(promise.entry_id),
            state_of(promise, clock.today()) == "overdue",
        )
        for promise in list_promises([submission.id]).get(submission.id, ())
    ]


def list_progress(submission: Submission) -> list[Progress]:
    """Return every report on a promise of a submission, oldest first."""
    query = select(Progress).where(Progress.submission_id == submission.id)
    return list(db.session.scalars(query.order_by(Progress.id)))


def find_draft(submission: Submission, *, lock: bool = False) -> ReportDraft | None:
    """Return the report that is being filled in, if there is one; with `lock`, reread it."""
    query = select(ReportDraft).where(ReportDraft.submission_id == submission.id)
    if lock:
        query = lock_rows(query)
    return db.session.scalars(query).one_or_none()


def is_waiting(submission: Submission, report: Report | Progress) -> bool:
    """Return True if staff decide now on a report."""
    if report.approved is not None:
        return False
    withdraws = isinstance(report, Report) and report.withdraws
    return can_withdraw(submission) if withdraws else not is_closed(submission)


def count_waiting(submission: Submission) -> int:
    """Return the number of reports that wait for staff, of this version and those before."""
    old = select(func.count()).where(
        Report.submission_id == submission.id, Report.approved.is_(None)
    )
    new = select(func.count(Progress.reported_at.distinct())).where(
        Progress.submission_id == submission.id, Progress.approved.is_(None)
    )
    return db.session.scalars(old).one() + db.session.scalars(new).one()


def send(
    submission: Submission,
    draft: ReportDraft,
    promises: Sequence[ReportedPromise],
    journey: Journey,
    actor: Actor,
) -> None:
    """Send a complete report about a locked case to staff, and delete its draft.

    Raise `NotAllowed`, or `TooManyReports` if `MAX_PENDING` wait.
    """
    if not can_report(submission):
        raise NotAllowed("The commitment changed meanwhile. Reload the page.")
    if count_waiting(submission) >= MAX_PENDING:
        raise TooManyReports
    at = clock.now()
    for each in promises:
        if columns := read_report(each.promise, journey.answers):
            db.session.add(Progress(submission_id=submission.id, reported_at=at, **columns))
    if draft in db.session:
        db.session.delete(draft)
    record_event(submission, "progress_reported", actor)


def decide(
    reference: str,
    version: int,
    offered: Collection[int],
    approved: Collection[int],
    actor: Actor,
    mail: Mail = STANDARD,
    reply: str = "",
) -> None:
    """Approve those of the `offered` reports on promises that are `approved`, and decline the rest.

    The reply is about those that are declined, or about all if none is. Raise as `locked_case`, and
    `NotAllowed`.
    """
    with locked_case(reference, version, actor.post) as submission:
        rows = [row for row in list_progress(submission) if row.id in offered]
        if not rows or any(row.approved is not None for row in rows):
            raise NotAllowed(ALREADY_DECIDED)
        require_open(submission)
        now = clock.now()
        for row in rows:
            row.approved, row.decided_at = row.id in approved, now
        for row in [row for row in rows if not row.approved] or rows:
            row.reply = reply
        any_approved = any(row.approved for row in rows)
        if any_approved and submission.published_at:
            submission.updated_at = now
        data = {"reason": reply} if reply else {}
        kind = "progress_approved" if any_approved else "progress_declined"
        ids = {
            "approved": [row.entry_id for row in rows if row.approved],
            "declined": [row.entry_id for row in rows if not row.approved],
        }
        raise_version(submission)
        record_event(submission, kind, actor, mail, **data, **ids)


def moved_promises(submission: Submission, after: Answers) -> dict[str, str]:
    """Return the titles of the promises that answers give another date, by the ids of entries.

    They are those of the answers. A delay that staff approved is in no answers.
    """
    flow, rows = current_flow(), list_promises([submission.id]).get(submission.id, ())
    before = {row.entry_id: row.due_on.isoformat() for row in rows if row.place is None}
    for group, _, entry in promised_entries(flow, submission.answers):
        before[entry[ENTRY_ID]] = entry[group.due]
    return {
        entry[ENTRY_ID]: entry_title(group, place, str(entry.get(group.title, "")))
        for group, place, entry in promised_entries(flow, after)
        if before.get(entry.get(ENTRY_ID, ""), entry[group.due]) != entry[group.due]
    }
