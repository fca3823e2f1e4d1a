"""Lists of cases: a page, its length, and the cases beside one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, defer

from ..db.engine import db, is_sqlite, reading
from ..db.models import Submission
from ..forms.text import replace_forbidden
from ..submissions import due_dates, queue, search
from ..submissions.filters import Filters
from ..submissions.paging import PageKeys, select_keys
from ..web.query import PageStart, format_key

PAGE_SIZE = 50
MAX_COUNT, MAX_FOUND = 10_000, 500
"""How far the cases of a list are counted, and of one that is searched."""
LOOKED_THROUGH = 400
"""Cases in which a page with some words is looked for first."""


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The references of the cases before and after one in a list; empty at its ends."""

    previous: str
    next: str


class CaseList:
    """The cases that match some filters, in the order that these name; the queue has its own."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self.is_queue = bool(filters.get("todo"))
        self.conditions = (filters.without("todo") if self.is_queue else filters).conditions()

    def select_keys(self, start: PageStart, size: int) -> PageKeys:
        """Return the keys of a page."""
        found = self._look_through(start, LOOKED_THROUGH, size)
        if found is None:
            return self._select_keys(self.conditions, start, size)
        references, near = found
        page = references[-size:] if start.backwards else references[:size]
        first, last = (self._format_key(each) for each in (page[0], page[-1]))
        has_newer, has_older = start.backwards or start.key, not start.backwards or start.key
        return PageKeys(page, first if has_newer else "", last if has_older else "", near.since)

    def _look_through(
        self, start: PageStart, number: int, least: int
    ) -> tuple[list[str], PageKeys] | None:
        """Return which of the next cases have the words of a search, and these cases, if more than
        `least` have them; else None.

        SQLite would compare the words of all submissions, and then sort those that have them.
        """
        if "q" not in self.filters or not is_sqlite():
            return None
        others = CaseList(self.filters.without("q"))
        near = others._select_keys(others.conditions, start, number)
        if len(near.references) <= least:
            return None
        index = self.filters.index
        found = search.pick_matching(self.filters["q"], index, near.references)
        return (found, near) if len(found) > least else None

    def _format_key(self, reference: str) -> str:
        moment = self.find_moment(reference)
        return format_key(moment, reference) if moment else ""

    def _select_keys(
        self, conditions: Sequence[ColumnElement[bool]], start: PageStart, size: int
    ) -> PageKeys:
        if self.is_queue:
            return queue.select_keys(conditions, start, size)
        order = self.filters.get("sort")
        if order == "due":
            return due_dates.select_keys(conditions, start, size)
        at, oldest_first = self._order(), order == "oldest"
        return select_keys(at, conditions, start, size, oldest_first=oldest_first)

    def _order(self) -> InstrumentedAttribute[datetime]:
        is_by_change = self.filters.get("sort") == "changed"
        return Submission.changed_at if is_by_change else Submission.submitted_at

    def count(self) -> int:
        """Return how many cases match, up to `max_count` + 1."""
        limit = max_count(self.filters) + 1
        if self.filters.keys() - {"sort"} == {"q"}:
            return search.count(self.filters["q"], self.filters.index, limit)
        if self._look_through(PageStart(), 2 * limit, limit - 1):
            return limit
        if self.is_queue:
            return queue.count(self.conditions, limit)
        # A constant, so that SQLite takes the smallest index that holds the filters.
        one = select(literal(1)).select_from(Submission)
        counted = one.where(*self.conditions).limit(limit)
        return db.session.scalar(select(func.count()).select_from(counted.subquery())) or 0

    def find_moment(self, reference: str) -> datetime | None:
        """Return the moment of a case in the order; None without one, and if it left the queue."""
        if self.is_queue:
            return queue.find_since(reference)
        if self.filters.get("sort") == "due":
            return due_dates.find_moment(reference)
        moment = select(self._order()).where(Submission.reference == reference)
        return db.session.scalar(moment)


def max_count(filters: Filters) -> int:
    """Return how far the cases that match are counted."""
    is_searched = "q" in filters or filters.get("seen") == "changed"
    return MAX_FOUND if is_searched else MAX_COUNT


def list_page(filters: Filters, start: PageStart) -> tuple[list[Submission], PageKeys, int]:
    """Return the submissions on a page, its keys, and the list's length, up to `max_count` + 1."""
    listed = CaseList(filters)
    keys = listed.select_keys(start, PAGE_SIZE)
    rows = select(Submission).where(Submission.reference.in_(keys.references))
    found = db.session.scalars(_without_answers(rows))
    submissions = sorted(found, key=lambda each: keys.references.index(each.reference))
    is_whole = start == PageStart() and not keys.older
    return submissions, keys, len(submissions) if is_whole else listed.count()


def find_neighbors(reference: str, filters: Filters) -> Neighbors:
    """Return the cases beside one in a list, also if it is not in the list any more.

    Beside one that left the queue is the first of the queue.
    """
    reference = replace_forbidden(reference)
    with reading(snapshot=True):
        listed = CaseList(filters)
        at = listed.find_moment(reference)
        key = (at, reference) if at else None
        before, after = PageStart(key, backwards=True), PageStart(key)
        previous = listed.select_keys(before, 1).references if key else []
        following = listed.select_keys(after, 1).references if key or listed.is_queue else []
        return Neighbors("".join(previous), "".join(following))


def list_to_act_on(filters: Filters, limit: int) -> tuple[list[Submission], int]:
    """Return the first submissions that match, with their answers, and how many match."""
    with reading(snapshot=True) as session:
        listed = CaseList(filters)
        references = listed.select_keys(PageStart(), limit).references
        rows = select(Submission).where(Submission.reference.in_(references))
        found = {each.reference: each for each in session.scalars(rows)}
        count = listed.count() if len(references) == limit else len(references)
    return [found[each] for each in references if each in found], count


def list_longest_waiting(limit: int) -> list[tuple[Submission, datetime]]:
    """Return the first cases of the queue, each with since when it waits."""
    keys = queue.select_keys([], PageStart(), limit)
    rows = select(Submission).where(Submission.reference.in_(keys.references))
    found = {each.reference: each for each in db.session.scalars(_without_answers(rows))}
    return [(found[each], keys.since[each]) for each in keys.references if each in found]


def _without_answers(rows: Select[Submission]) -> Select[Submission]:
    return rows.options(defer(Submission.answers))
