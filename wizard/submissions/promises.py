"""The promises of submissions, as rows for lists, counts and reminders."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from .. import clock
from ..db.engine import db, write_in_batches
from ..db.models import Event, Report, Submission
from ..db.promises import Progress, Promise
from ..db.related_rows import read_related
from ..forms import promises
from ..forms.groups import Group, add_entry_ids
from ..forms.promises import DatedVersion, Update
from ..web.current import current_flow
from .events import find_makers, list_events
from .old_reports import read_updates
from .versions import first_answers, list_versions

COLUMNS = tuple(each.name for each in fields(promises.Promise))


def state_column(today: date) -> ColumnElement[str]:
    """Return the state of a row of `Promise` on a day, as `forms.promises.state_of` has it."""
    return case(
        (Promise.dropped_on.is_not(None), "dropped"),
        (Promise.done_on.is_not(None), "done"),
        (
            and_(
                Promise.due_on < Promise.submitted_on,
                Promise.first_due_on < Promise.submitted_on,
            ),
            "already_released",
        ),
        (Promise.due_on < today, "overdue"),
        (Promise.due_on > Promise.first_due_on, "delayed"),
        (Promise.due_on <= today + promises.DUE_SOON_PERIOD, "due_soon"),
        else_="due_later",
    )


dated_id = literal_column("+promise.submission_id", Promise.submission_id.type)
"""The submission of a promise. The sign keeps databases at the index of dates."""


def is_open(promise: type[Promise]) -> ColumnElement[bool]:
    """Match a promise that is neither kept nor dropped."""
    return and_(
        promise.done_on.is_(None),
        promise.dropped_on.is_(None),
        or_(
            promise.due_on >= promise.submitted_on,
            promise.first_due_on >= promise.submitted_on,
        ),
    )


def list_promises(submission_ids: Collection[int]) -> Mapping[int, list[promises.Promise]]:
    """Return the promises of each submission, in the order of its answers; removed ones last."""
    return read_promises(db.session(), promises.promised_groups(current_flow()), submission_ids)


def read_promises(
    source: Connection | Session, groups: Sequence[Group], submission_ids: Collection[int]
) -> Mapping[int, list[promises.Promise]]:
    """Return the promises in some groups, within any transaction."""
    order = [group.name for group in groups]
    found: dict[int, list[promises.Promise]] = defaultdict(list)
    columns = [getattr(Promise, name) for name in COLUMNS]
    query = select(Promise.submission_id, *columns).where(
        Promise.submission_id.in_(submission_ids), Promise.group.in_(order)
    )
    for submission_id, *values in source.execute(query.order_by(Promise.submission_id, Promise.id)):
        found[submission_id].append(promises.Promise(*values))
    for rows in found.values():
        rows.sort(key=lambda row: (row.place is None, order.index(row.group), row.place or 0))
    return found


def store_promises(submission: Submission) -> None:
    """Write the promises of a locked submission, within the transaction that changes any."""
    stored = read_related(submission.id, Promise, Progress, Report)
    derived = promises.derive_promises(
        current_flow(),
        clock.local(submission.submitted_at).date(),
        _revisions(submission),
        [update for _, update in _merge_updates(submission, stored)],
    )
    rows, new = {row.entry_id: row for row in stored[Promise]}, []
    for promise in derived:
        if row := rows.pop(promise.entry_id, None):
            for name, value in _columns(promise).items():
                setattr(row, name, value)
        else:
            new.append({"submission_id": submission.id, **_columns(promise)})
    if new:
        db.session.execute(insert(Promise), new)
    for row in rows.values():
        db.session.delete(row)
    submission.promises_at = clock.now()


def _columns(promise: promises.Promise) -> dict[str, object]:
    return {name: getattr(promise, name) for name in COLUMNS}


def _revisions(submission: Submission) -> list[DatedVersion]:
    """Return the version first published and all after it; the newest alone if never published."""
    made_on = clock.local(submission.submitted_at).date()
    if not (submission.first_published_at or submission.published_at):
        answers = add_entry_ids(current_flow().groups, submission.answers, submission.reference)
        return [DatedVersion(answers, made_on)]
    events = list_events(submission)
    first = next((event.version for event in events if event.kind == "published"), 1)
    makers = find_makers(events)
    return [
        _revision(version.answers, makers.get(version.number), made_on)
        for version in list_versions(submission)
        if version.number >= first
    ]


def _revision(answers: Mapping[str, object], maker: Event | None, made_on: date) -> DatedVersion:
    if maker is None:
        return DatedVersion(answers, made_on)
    data = maker.data
    reason = data.get("reason") or data.get("words") or ""
    return DatedVersion(
        answers, clock.local(maker.at).date(), reason, frozenset(data.get("slips", ()))
    )


def approved_updates(submission: Submission) -> list[tuple[datetime, Update]]:
    """Return the approved updates on each promise and their times, in the order of these."""
    return _merge_updates(submission, read_related(submission.id, Progress, Report))


def _merge_updates(
    submission: Submission, stored: Mapping[type[Any], Iterable[Any]]
) -> list[tuple[datetime, Update]]:
    updates = map(_read_update, filter(_is_approved, stored[Progress]))
    old = filter(_is_approved, stored[Report])
    found = chain(_old_updates(submission, list(old)), updates)
    return sorted(found, key=lambda pair: pair[0])


def _is_approved(report: Progress | Report) -> bool:
    return report.approved is True


def _read_update(row: Progress) -> tuple[datetime, Update]:
    reported_on = clock.local(row.reported_at).date()
    return row.reported_at, Update(
        row.entry_id, row.outcome, reported_on, row.day, row.promised_on, row.url, row.words
    )


def _old_updates(
    submission: Submission, reports: Sequence[Report]
) -> Iterator[tuple[datetime, Update]]:
    """Yield what reports of an earlier version say, which refer to the place of an entry.

    Their `done` has no day: it takes the one on which it was reported.
    """
    answers = first_answers(submission) if reports else {}
    for report in reports:
        reported_on = clock.local(report.reported_at).date()
        for entry_id, outcome, url, words in read_updates(report.entries, answers):
            yield report.reported_at, Update(entry_id, outcome, reported_on, url=url, words=words)


def store_missing() -> int:
    """Write the promises of submissions that another version of the program stored or changed, or
    whose reports it decided on; return how many.

    Versions before missed a second delay of a promise, so those with one are written once a day.
    """
    decided = select(Report.id).where(
        Report.submission_id == Submission.id, Report.decided_at > Submission.promises_at
    )
    stale = or_(
        Submission.promises_at.is_(None),
        Submission.changed_at > Submission.promises_at,
        decided.exists(),
        and_(
            Submission.promises_at < clock.midnight(clock.today()),
            Submission.id.in_(_delayed_twice()),
        ),
    )
    query = select(Submission).where(
        Submission.flow == current_flow().name, Submission.erased_at.is_(None), stale
    )
    return write_in_batches(query, _store_all)


def _delayed_twice() -> Select[int]:
    """Return the ids of submissions with a promise that was delayed more than once."""
    entry = Progress.submission_id, Progress.entry_id
    delays = select(Progress.submission_id).where(
        Progress.approved.is_(True), Progress.outcome == "delayed"
    )
    return delays.group_by(*entry).having(func.count() > 1)


def _store_all(submissions: Sequence[Submission]) -> int:
    for submission in submissions:
        store_promises(submission)
    return len(submissions)
