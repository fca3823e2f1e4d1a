"""Submissions by the dates of their promises that are neither kept nor dropped.

What was declined or withdrawn promises nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, select, tuple_
from sqlalchemy.orm import aliased

from .. import clock
from ..db.engine import db, is_one_of
from ..db.models import Submission
from ..db.promises import Promise
from ..forms.promises import DUE_SOON_PERIOD
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
    is_in_range = day < today if code == "overdue" else day.between(today, today + DUE_SOON_PERIOD)
    return and_(is_open(promise), is_in_range)


def find_some(code: str) -> Sequence[int]:
    """Return the ids of up to `MAX_FEW` + 1 submissions that have such a promise."""
    due = select(Promise.submission_id).where(is_due(code))
    return db.session.scalars(due.distinct().limit(MAX_FEW + 1)).all()


def has_due(code: str, some: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that a submission has such a promise, and can be reported on.

    With some that have one, from `find_some`. If there are more, each row of a list is compared,
    and a page is soon full.
    """
    if len(some) <= MAX_FEW:
        return is_one_due(some)
    return and_(can_report(), row_has_due(code))


def is_one_due(some: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that a submission is one of some with such a promise, from `find_some`,
    and can be reported on."""
    return and_(can_report().is_(True), is_one_of(Submission.id, some))  # by id, not by status


def can_report() -> ColumnElement[bool]:
    """Return the condition that a submission can be reported on."""
    return Submission.status.in_(REPORTABLE_STATUSES)


def row_has_due(code: str) -> ColumnElement[bool]:
    """Return the condition that a row has such a promise; each row is compared, as it is read."""
    due = select(Promise.submission_id).where(is_due(code), Promise.submission_id == Submission.id)
    return due.offset(0).correlate(Submission).exists()


def find_next(ids: Sequence[int], code: str = "") -> Mapping[int, date]:
    """Return the next date of each submission that has one; with a code of `DUE`, of those."""
    query = (
        select(Promise.submission_id, func.min(Promise.due_on))
        .join(Submission, Submission.id == Promise.submission_id)
        .where(is_one_of(Promise.submission_id, ids), is_due(code), _is_promised)
        .group_by(Promise.submission_id)
    )
    rows = db.session.execute(query).all()
    return {row[0]: row[1] for row in rows}


def find_moment(submission_id: int, code: str = "") -> datetime | None:
    """Return the moment that stands for the next date of a submission in keys; None if it has no
    date of a code of `DUE`."""
    day = find_next([submission_id], code).get(submission_id)
    return None if code and day is None else _moment(day or NO_DATE)


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@dataclass(frozen=True)
class DatedRows:
    """The submissions that meet some conditions, from a place of a list on, the next date first.

    The conditions are there twice: `ordered` to compare the rows of an index with, and `unordered`
    to look submissions up. With a code of `DUE`, only such dates count, and each submission has
    one. With `is_closed`, all are declined or withdrawn, so none has a date.
    """

    ordered: Sequence[ColumnElement[bool]]
    unordered: Sequence[ColumnElement[bool]]
    start: PageStart
    code: str = ""
    is_closed: bool = False

    def select(self, limit: int, *, by_index: bool = False) -> list[Key]:
        """Return up to `limit` keys.

        With `by_index`, read the index of dates at once. That is quick if many match, or if each
        has a date that counts.
        """
        few = None if by_index or not self.ordered else self._find_few()
        rows = self._select(limit) if few is None else self._sort(few)[:limit]
        return [(_moment(day), reference) for day, reference in rows]

    @property
    def _falls(self) -> bool:
        return self.start.backwards

    @property
    def _after(self) -> Dated | None:
        key = self.start.key
        return (key[0].date(), key[1]) if key else None

    def _find_few(self) -> list[Dated] | None:
        """Return all rows in any order; None if they are not few."""
        query = select(Submission.id, Submission.reference).where(*self.unordered)
        found = db.session.execute(query.limit(MAX_FEW + 1)).all()
        if len(found) > MAX_FEW:
            return None
        dates = find_next([row.id for row in found], self.code)
        return [(dates.get(row.id, NO_DATE), row.reference) for row in found]

    def _sort(self, rows: Iterable[Dated]) -> list[Dated]:
        """Return in order those rows that come after the place."""
        after, falls = self._after, self._falls
        rest = [row for row in rows if not after or (row < after if falls else row > after)]
        return sorted(rest, reverse=falls)

    def _select(self, limit: int) -> list[Dated]:
        parts = [self._select_dated, self._select_undated]
        if self.code:
            parts = [self._select_dated]
        elif self.is_closed:
            parts = [self._select_undated]
        found: list[Dated] = []
        for select_part in reversed(parts) if self._falls else parts:
            if len(found) < limit:
                found += select_part(limit - len(found))
        return found

    def _select_dated(self, limit: int) -> list[Dated]:
        """Return rows by the index of dates: each submission by the first of its promises there."""
        other: Any = aliased(Promise)
        is_earlier = tuple_(other.due_on, other.id) < tuple_(Promise.due_on, Promise.id)
        is_of_same = other.submission_id == Promise.submission_id
        is_first = ~exists().where(is_of_same, is_due(self.code, other), is_earlier)
        conditions = [is_due(self.code), _is_promised.is_(True), is_first, *self.ordered]
        order, after, falls = (Promise.due_on, Submission.reference), self._after, self._falls
        if after:
            begins = Promise.due_on <= after[0] if falls else Promise.due_on >= after[0]
            conditions += [begins, tuple_(*order) < after if falls else tuple_(*order) > after]
        directed = [column.desc() for column in order] if falls else order
        query = select(*order).join(Submission, Submission.id == dated_id).where(*conditions)
        rows = db.session.execute(query.order_by(*directed).limit(limit))
        return [(day, reference) for day, reference in rows]

    def _select_undated(self, limit: int) -> list[Dated]:
        """Return rows that have no such date."""
        after, falls, column = self._after, self._falls, Submission.reference
        conditions = [not_(and_(_is_promised, row_has_due(self.code))), *self.ordered]
        if after and after[0] == NO_DATE:
            conditions.append(column < after[1] if falls else column > after[1])
        elif after and falls:
            return []
        query = select(column).where(*conditions)
        ordered = query.order_by(column.desc() if falls else column).limit(limit)
        return [(NO_DATE, reference) for reference in db.session.scalars(ordered)]
