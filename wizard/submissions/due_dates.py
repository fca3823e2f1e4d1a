"""Submissions by the dates of their promises that are neither kept nor dropped.

What was declined or withdrawn promises nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, select, tuple_
from sqlalchemy.orm import aliased

from .. import clock
from ..db.engine import db
from ..db.models import Submission
from ..db.promises import Promise
from ..forms.promises import SOON
from ..web.query import Key, PageStart
from .cases import CLOSED_STATUSES, REPORTABLE_STATUSES
from .promises import dated_id, is_open

_is_promised = Submission.status.not_in(CLOSED_STATUSES)
DUE = {"overdue": "Overdue", "due_soon": "Due in 30 days"}
"""The labels of the filter *Promises*, by code."""

NO_DATE = date.max
"""Sorts submissions without such a date after all others."""

MAX_FEW = 500
"""Submissions that are few: they are looked up and sorted here. Of more, the index of dates is read
until a page is full."""

Dated = tuple[date, str]
"""The next date of a submission, and its reference."""


def is_due(code: str, promise: type[Promise] = Promise) -> ColumnElement[bool]:
    """Return the condition that an open promise is due, by a code of `DUE`; without one, ever."""
    today, day = clock.today(), promise.due_on
    if not code:
        return is_open(promise)
    is_in_range = day < today if code == "overdue" else day.between(today, today + SOON)
    return and_(is_open(promise), is_in_range)


def has_due(code: str) -> ColumnElement[bool]:
    """Return the condition that a submission has such a promise, and can be reported on.

    Many are not looked up: a page of the list is soon full if each row is compared.
    """
    due = select(Promise.submission_id).where(is_due(code))
    few = db.session.scalars(due.distinct().limit(MAX_FEW + 1)).all()
    can_report = Submission.status.in_(REPORTABLE_STATUSES)
    if len(few) <= MAX_FEW:
        return and_(can_report, Submission.id.in_(few))
    of_row = due.where(Promise.submission_id == Submission.id).offset(0).correlate(Submission)
    return and_(can_report.is_(True), of_row.exists())  # not by an index that is not sorted


def find_next(ids: Sequence[int], code: str = "") -> Mapping[int, date]:
    """Return the next date of each submission that has one; with a code of `DUE`, of those."""
    query = (
        select(Promise.submission_id, func.min(Promise.due_on))
        .join(Submission, Submission.id == Promise.submission_id)
        .where(Promise.submission_id.in_(ids), is_due(code), _is_promised)
        .group_by(Promise.submission_id)
    )
    rows = db.session.execute(query).all()
    return {row[0]: row[1] for row in rows}


def find_moment(submission_id: int, code: str = "") -> datetime:
    """Return the moment that stands for the next date of a submission in keys."""
    return _moment(find_next([submission_id], code).get(submission_id, NO_DATE))


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def select_rows(
    wanted: Sequence[ColumnElement[bool]],
    start: PageStart,
    limit: int,
    *,
    code: str = "",
    are_many: bool = False,
) -> list[Key]:
    """Return the keys of up to `limit` wanted submissions from `start` on, the next date first.

    With a code of `DUE`, only such dates count. If it is known that `are_many` are wanted, they are
    not looked for.
    """
    after = (start.key[0].date(), start.key[1]) if start.key else None
    found = _select(wanted, after, start.backwards, limit, code, are_many or not wanted)
    return [(_moment(day), reference) for day, reference in found]


def _select(
    wanted: Sequence[ColumnElement[bool]],
    after: Dated | None,
    falls: bool,
    limit: int,
    code: str,
    are_many: bool,
) -> list[Dated]:
    """Return the first rows after one."""
    query = select(Submission.id, Submission.reference).where(*wanted).limit(MAX_FEW + 1)
    few = None if are_many else db.session.execute(query).all()
    if few is not None and len(few) <= MAX_FEW:
        dates = find_next([row.id for row in few], code)
        rows = [(dates.get(row.id, NO_DATE), row.reference) for row in few]
        rest = [row for row in rows if not after or (row < after if falls else row > after)]
        return sorted(rest, reverse=falls)[:limit]
    found: list[Dated] = []
    parts = (_select_dated, _select_undated)
    for select_part in reversed(parts) if falls else parts:
        if len(found) < limit:
            found += select_part(wanted, after, falls, limit - len(found), code)
    return found


def _select_dated(
    wanted: Sequence[ColumnElement[bool]], after: Dated | None, falls: bool, limit: int, code: str
) -> list[Dated]:
    """Return rows by the index of dates: each submission by the first of its promises there."""
    other: Any = aliased(Promise)
    is_earlier = tuple_(other.due_on, other.id) < tuple_(Promise.due_on, Promise.id)
    is_of_same = other.submission_id == Promise.submission_id
    is_first = ~exists().where(is_of_same, is_due(code, other), is_earlier)
    conditions = [is_due(code), _is_promised.is_(True), is_first]
    order = Promise.due_on, Submission.reference
    if after:
        begins = Promise.due_on <= after[0] if falls else Promise.due_on >= after[0]
        conditions += [begins, tuple_(*order) < after if falls else tuple_(*order) > after]
    directed = [column.desc() for column in order] if falls else order
    query = select(*order).join(Submission, Submission.id == dated_id)
    rows = db.session.execute(query.where(*conditions, *wanted).order_by(*directed).limit(limit))
    return [(day, reference) for day, reference in rows]


def _select_undated(
    wanted: Sequence[ColumnElement[bool]], after: Dated | None, falls: bool, limit: int, code: str
) -> list[Dated]:
    """Return the rows that have no such date."""
    if after and after[0] != NO_DATE:
        if falls:
            return []
        after = None
    column = Submission.reference
    has_date = and_(Promise.submission_id == Submission.id, is_due(code))
    conditions = [not_(and_(_is_promised, exists().where(has_date)))]
    if after:
        conditions += [column < after[1] if falls else column > after[1]]
    query = select(column).where(*conditions, *wanted)
    ordered = query.order_by(column.desc() if falls else column).limit(limit)
    return [(NO_DATE, reference) for reference in db.session.scalars(ordered)]
