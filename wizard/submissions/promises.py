"""The promises of submissions, as rows for lists, counts and reminders."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import ColumnElement, case, select

from .. import clock
from ..db.engine import db, write_in_batches
from ..db.models import Progress, Promise, Report, Submission
from ..forms import promises
from ..forms.conditions import Answers
from ..forms.flow import Flow
from ..forms.groups import Group
from ..web.current import current_flow

Outcomes = Mapping[str, tuple[str, date]]
"""What was approved last about an entry, by its id: the outcome, and its day."""


def state_column(today: date) -> ColumnElement[str]:
    """Return the state of a row of `Promise` on a day, as `forms.promises.state_of` has it."""
    soon = today + promises.SOON
    return case(
        (Promise.dropped_on.is_not(None), "dropped"),
        (Promise.done_on.is_not(None), "done"),
        (Promise.due_on < Promise.submitted_on, "already_released"),
        (Promise.due_on < today, "overdue"),
        (Promise.due_on > Promise.first_due_on, "delayed"),
        (Promise.due_on <= soon, "due_soon"),
        else_="due_later",
    )


def list_promises(submission: Submission) -> list[Promise]:
    """Return the promises of a submission, in the order of its answers; dropped entries last."""
    rows = db.session.scalars(select(Promise).where(Promise.submission_id == submission.id))
    found = {row.entry_id: row for row in rows}
    entries = promises.promised_entries(current_flow(), submission.answers)
    ordered = [found.pop(entry["id"]) for _, entry in entries if entry["id"] in found]
    return [*ordered, *found.values()]


def store_promises(submission: Submission, slips: Iterable[str] = ()) -> None:
    """Write the promises of a submission, within the transaction that changes any of it.

    `slips` are the ids of entries whose first date was a slip, which a correction mends.
    """
    flow, outcomes = current_flow(), approved_outcomes(submission)
    rows = {row.entry_id: row for row in list_promises(submission)}
    for group, entry in promises.promised_entries(flow, submission.answers):
        row = rows.pop(entry["id"], None)
        if row is None:
            row = Promise(submission_id=submission.id, entry_id=entry["id"], group=group.name)
            db.session.add(row)
        is_first = row.first_due_on is None or submission.first_published_at is None
        _fill(row, flow, submission, group, entry, outcomes)
        if is_first or entry["id"] in slips:
            row.first_due_on = row.due_on
    for row in rows.values():
        if submission.first_published_at is None:
            db.session.delete(row)
        else:
            row.dropped_on = row.dropped_on or clock.today()


def _fill(
    row: Promise,
    flow: Flow,
    submission: Submission,
    group: Group,
    entry: Answers,
    outcomes: Outcomes,
) -> None:
    outcome, day = outcomes.get(entry["id"], ("", date.min))
    promised = date.fromisoformat(entry[group.due])
    row.topic = str(entry.get(group.topic, ""))
    row.submitted_on = clock.local(submission.submitted_at).date()
    row.due_on = day if outcome == "delayed" else promised
    row.done_on = day if outcome == "done" else None
    row.dropped_on = day if outcome == "dropped" else None


def approved_outcomes(submission: Submission) -> dict[str, tuple[str, date]]:
    """Return the outcomes that count: of each entry the newest approved, but for *on track*.

    A `done` of a version before has no day, and takes the one on which it was reported.
    """
    found: dict[str, tuple[str, date]] = {}
    old = select(Report).where(Report.submission_id == submission.id, Report.approved.is_(True))
    for report in db.session.scalars(old.order_by(Report.id)):
        reported_on = clock.local(report.reported_at).date()
        for name, entries in report.entries.items():
            known = submission.answers.get(name, ())
            for place, values in entries.items():
                if values.get("done") and int(place) < len(known):
                    found[known[int(place)]["id"]] = ("done", reported_on)
    new = select(Progress).where(
        Progress.submission_id == submission.id, Progress.approved.is_(True)
    )
    for progress in db.session.scalars(new.order_by(Progress.id)):
        reported_on = clock.local(progress.reported_at).date()
        if progress.outcome != "on_track":
            found[progress.entry_id] = (progress.outcome, progress.day or reported_on)
    return found


def store_missing() -> int:
    """Write the promises of submissions that have none, such as older ones; return how many."""
    has_promises = select(Promise.id).where(Promise.submission_id == Submission.id).exists()
    missing = select(Submission).where(Submission.erased_at.is_(None), ~has_promises)

    def store(batch: Iterable[Submission]) -> int:
        for submission in batch:
            store_promises(submission)
        return len(list(batch))

    return write_in_batches(missing, store)
