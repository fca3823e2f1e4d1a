"""Lists of cases: a page, its length, and the cases beside one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, defer

from ..db.engine import db, is_one_of, is_sqlite, reading
from ..db.models import Submission
from ..submissions import colleagues, due_dates, queue, search
from ..submissions.cases import CLOSED_STATUSES, CaseNotFound, find_by_reference
from ..submissions.filters import Filters
from ..submissions.hits import Hit, find_hits
from ..submissions.paging import PageKeys, make_page, select_rows
from ..web.query import Key, PageStart
from .case_conditions import SCANNED_FILTERS, CaseConditions, Wanted

PAGE_SIZE, SHORT_PAGE_SIZE = 50, 25
"""Cases on a page, and on one of a search, where each shows a sentence too, or of a slow list."""
MAX_COUNT, MAX_FOUND = 10_000, 100
"""How far a list of cases is counted, and one with a filter of `SCANNED_FILTERS`. A slow list is
not counted: it has more than a page."""
PORTIONS = 4, 16, 64, 200, 400
"""Cases of a list in which those with some words are looked for, before all that have them."""


class CaseList:
    """The cases that match some filters, in the order that these name; the queue has its own."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self.is_queue = bool(filters.get("todo"))
        self.conditions = CaseConditions(filters)

    def select_keys(self, start: PageStart, size: int) -> PageKeys:
        """Return the keys of a page."""
        rows = self.select_rows(start, size + 1)
        keys = make_page(rows, start, size)
        return replace(keys, since={row[1]: row[0] for row in rows}) if self.is_queue else keys

    def select_rows(self, start: PageStart, limit: int) -> list[Key]:
        """Return the keys of the next cases.

        If many have the words, they are soon found among the next cases of the list. Only if not,
        they are looked up.
        """
        portions = PORTIONS if self.conditions.compared else ()
        for number in (each for each in portions if each >= 3 * limit):
            near = self._select(self.conditions.others, start, number)
            found = self._compare(near)
            if len(found) >= limit or len(near) < number:
                return found[:limit]
        return self._select(self.conditions.every, start, limit)

    def _compare(self, near: Sequence[Key]) -> list[Key]:
        """Return those of some cases that meet the conditions which are compared."""
        named = is_one_of(Submission.reference, [reference for _, reference in near])
        query = select(Submission.reference).where(named, *self.conditions.compared)
        found = set(db.session.scalars(query))
        return [row for row in near if row[1] in found]

    def _select(self, wanted: Wanted, start: PageStart, limit: int) -> list[Key]:
        if self.is_queue:
            return queue.select_rows(wanted.ordered, start, limit)
        order = self.filters.get("sort")
        if order == "due":
            is_closed = self.filters.get("status") in CLOSED_STATUSES
            listed = wanted.ordered, wanted.unordered
            rows = due_dates.DatedRows(*listed, start, self.conditions.due_code, is_closed)
            return rows.select(limit, by_index=self._is_long)
        at, oldest_first = self._order(), order == "oldest"
        return select_rows(at, wanted.ordered, start, limit, oldest_first=oldest_first)

    @property
    def _is_long(self) -> bool:
        """True if many cases meet the only filter, or each of two, so that few are unlikely."""
        others, asked = self.filters.keys() - {"sort"}, self.conditions
        many = {
            "promises": True,  # each has a date
            "q": asked.has_many_words,
            "seen": asked.has_many_changed,
        }
        return asked.are_slow or (len(others) == 1 and many.get(others.pop(), False))

    def _order(self) -> InstrumentedAttribute[datetime]:
        is_by_change = self.filters.get("sort") == "changed"
        return Submission.changed_at if is_by_change else Submission.submitted_at

    @property
    def page_size(self) -> int:
        """The number of cases on a page."""
        is_short = "q" in self.filters or self.conditions.are_slow
        return SHORT_PAGE_SIZE if is_short else PAGE_SIZE

    @property
    def max_count(self) -> int:
        """How far the cases that match are counted."""
        if self.conditions.are_slow:
            return self.page_size
        return MAX_FOUND if SCANNED_FILTERS & self.filters.keys() else MAX_COUNT

    def count(self) -> int:
        """Return how many cases match, up to about `max_count` + 1, if they are not on one page."""
        limit, asked = self.max_count + 1, self.conditions
        if asked.are_slow:
            return limit
        if asked.has_many_words and self.filters.keys() - {"sort"} == {"q"}:
            if is_sqlite():  # more than `search.MAX_FEW` were found, which is above the limit
                return limit
            return search.count(asked.words, self.filters.index, limit)
        if asked.is_changed and self.filters.keys() - {"sort"} == {"seen"}:
            return limit if asked.few_changed is None else min(len(asked.few_changed), limit)
        if asked.compared:
            looked_at, found = self._count_found(2 * limit)
            if found >= limit or looked_at < 2 * limit:
                return min(found, limit)
        if asked.has_many_due and self._count(asked.due_sample, limit) >= limit:
            return limit  # quick to see
        return self._count(asked.every, limit)

    def _count(self, wanted: Wanted, limit: int) -> int:
        """Return how many cases meet some conditions, up to about `limit`."""
        if self.is_queue:  # is short, and read in its order
            return queue.count(wanted.ordered, limit)
        # A constant, so that SQLite takes the smallest index that holds the filters.
        one = select(literal(1)).select_from(Submission)
        counted = one.where(*wanted.unordered).limit(limit)
        return db.session.scalar(select(func.count()).select_from(counted.subquery())) or 0

    def _count_found(self, limit: int) -> tuple[int, int]:
        """Return the number of up to `limit` cases, in any order, that meet the other conditions,
        and of those among them that also meet those which are compared."""
        others = self.conditions.others.unordered
        if not self.is_queue:
            return self._count_among(others, limit)
        opened = self._count_among([*others, queue.is_open()], limit)  # quick to list
        if opened[0] == limit:
            return opened
        return self._count_among([*others, queue.waits()], limit)

    def _count_among(self, listed: Sequence[ColumnElement[bool]], limit: int) -> tuple[int, int]:
        near = select(Submission.id).where(*listed).limit(limit)
        counts = func.count(), func.count().filter(*self.conditions.compared)
        looked_at, found = db.session.execute(
            select(*counts).select_from(Submission).where(Submission.id.in_(near))
        ).one()
        return looked_at, found

    def find_moment(self, submission: Submission) -> datetime | None:
        """Return the moment of a case in the order; None if it has no place there any more."""
        if self.is_queue:
            return queue.find_since(submission.reference)
        if self.filters.get("sort") == "due":
            return due_dates.find_moment(submission.id, self.conditions.due_code)
        moment: datetime = getattr(submission, self._order().key)
        return moment


@dataclass(frozen=True)
class CasePage:
    """A page of a list, and what it shows of the cases.

    `count` is the length of the list, up to `max_count` + 1 or a few more. `hits` are by reference.
    By id are what an organization asks for, the next date, and the code of `colleagues.SEEN`.
    """

    found: list[Submission]
    keys: PageKeys
    count: int
    max_count: int
    hits: Mapping[str, Hit]
    requests: Mapping[int, list[str]]
    due: Mapping[int, date]
    marks: Mapping[int, str]


def read_page(filters: Filters, start: PageStart) -> CasePage:
    """Return a page of the cases that match, all as of one moment."""
    with reading(snapshot=True):
        listed = CaseList(filters)
        keys = listed.select_keys(start, listed.page_size)
        # They have no answers unless there are words to show where they were found.
        found = _read(keys.references, with_answers="q" in filters)
        ids = [each.id for each in found]
        is_whole = start == PageStart() and not keys.older
        return CasePage(
            found,
            keys,
            count=len(found) if is_whole else listed.count(),
            max_count=listed.max_count,
            hits=find_hits(filters.get("q", ""), filters.index, found),
            requests=queue.find_requests(ids),
            due=due_dates.find_next(ids, filters.get("promises", "")),
            marks=colleagues.find_marks(ids),
        )


def find_neighbor(reference: str, filters: Filters, *, backwards: bool = False) -> str:
    """Return the case after or before one in a list, or "" at its end. Raise `CaseNotFound`.

    The case need not be in the list any more. After one without a place in it comes the first.
    """
    with reading(snapshot=True):
        if (submission := find_by_reference(reference)) is None:
            raise CaseNotFound(reference)
        listed = CaseList(filters)
        if at := listed.find_moment(submission):
            start = PageStart((at, reference), backwards)
        elif backwards:
            return ""
        else:
            start = PageStart()
        return "".join(found for _, found in listed.select_rows(start, 1))


def list_to_act_on(filters: Filters, limit: int) -> tuple[list[Submission], bool]:
    """Return the first submissions that match, with their answers, and whether there are more."""
    with reading(snapshot=True):
        keys = CaseList(filters).select_keys(PageStart(), limit)
        return _read(keys.references, with_answers=True), bool(keys.older)


def find_parties(references: Collection[str]) -> dict[str, str]:
    """Return the name of the organization of each submission that has one, by its reference."""
    named = is_one_of(Submission.reference, references), Submission.party != ""
    with reading() as session:
        rows = session.execute(select(Submission.reference, Submission.party).where(*named))
        return {reference: party for reference, party in rows}


def list_longest_waiting(limit: int) -> list[tuple[Submission, datetime]]:
    """Return the first cases of the queue, each with since when it waits."""
    since = {reference: at for at, reference in queue.select_rows([], PageStart(), limit)}
    return [(each, since[each.reference]) for each in _read(list(since), with_answers=False)]


def _read(references: Sequence[str], *, with_answers: bool) -> list[Submission]:
    """Return the submissions with some references, in their order."""
    rows = select(Submission).where(is_one_of(Submission.reference, references))
    rows = rows if with_answers else rows.options(defer(Submission.answers))
    found = {each.reference: each for each in db.session.scalars(rows)}
    return [found[each] for each in references if each in found]
