"""What is public, in memory: sets of commitments and promises, counted by many filters at once.

A set is a whole number with a bit for each commitment, its head, followed by one for each of its
promises. A filter is an intersection and a count takes microseconds, where SQL reads each promise
for each filter. Each process builds it again once anything changed, and on each day.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache, cached_property
from operator import gt, lt
from threading import Lock
from typing import Any

from flask import current_app
from sqlalchemy import Row, Select, String, cast, func, literal, select, text

from .. import clock
from ..db.engine import db
from ..db.models import Submission
from ..db.promises import Promise
from ..db.upgrades import upgrade_submitted
from ..forms import promises
from ..forms.groups import Group
from ..forms.promises import Tally
from ..submissions import search
from ..submissions.filters import (
    PROMISE_FILTERS,
    PublicFilters,
    is_published,
    topic_groups,
)
from ..submissions.listing import facet_columns
from ..submissions.promises import state_column
from ..web.current import current_flow
from ..web.query import Key, PageStart, format_key

NEVER = date.max.isoformat()
"""The date of a commitment, in a list by date, that has none."""
COLUMNS = 5
"""The columns of a commitment beside its facets."""
ONE = ord("1")
building = Lock()
"""Held by the thread that builds an edition, so that the others wait for it."""

IS_WITHDRAWN = (
    text("status = 'withdrawn'"),  # as in the condition of its index
    Submission.first_published_at.is_not(None),
    Submission.erased_at.is_(None),
)
"""What was withdrawn after it was published."""

Set = int
Span = tuple[int, int]
"""Where the bits of a commitment begin and end, counted from the highest bit of a set."""
AnyRow = Row[*tuple[Any, ...]]
Sets = dict[str, dict[str, Set]]


@dataclass(frozen=True, slots=True)
class Edition:
    """All that is public at one time, the newest first, with promises as of that day.

    `sets` are by filter and code; `topics` are those of single promises. `dates` has the first date
    of each commitment that has promises in a state, by its place. `cards` are preview images by
    their ETag.
    """

    validator: object
    ids: Sequence[int]
    keys: Sequence[Key]
    spans: Sequence[Span]
    size: int
    heads: Set
    sets: Sets
    topics: Sets
    dates: Mapping[str, Mapping[int, str]]
    orders: dict[str, list[int]] = field(default_factory=dict)
    cards: dict[str, bytes] = field(default_factory=dict)

    def commitments(self, found: Set) -> Set:
        """Return the heads of the commitments of which a set has a bit."""
        below = ~self.heads & ((1 << self.size) - 1)
        # Adding a one to each bit below a head carries into the head if any of them is set.
        return (((found & below) + below) | found) & self.heads

    def count(self, found: Set) -> int:
        """Return the number of commitments of which a set has a bit."""
        return self.commitments(found).bit_count()

    def tally(self, found: Set) -> Tally | None:
        """Sum up the promises in a set by state; None if it has none."""
        by_state = self.sets.get("progress", {}).items()
        counts = {code: n for code, each in by_state if (n := (each & found).bit_count())}
        shown = [group for group in self.groups if self.sets["group"].get(group.name, 0) & found]
        return promises.tally(shown, counts) if counts else None

    def newest_place(self, heads: Set) -> list[int]:
        """Return the place of the newest of some commitments, or none."""
        at = self.size - heads.bit_length()
        return [bisect(self.spans, (at,))] if heads else []

    @property
    def groups(self) -> Sequence[Group]:
        return promises.public_groups(current_flow())

    def promises_of(self, place: int) -> Set:
        """Return the bits of one commitment."""
        start, end = self.spans[place]
        return ((1 << (end - start)) - 1) << (self.size - end)


class Selection:
    """What of an edition meets some filters."""

    def __init__(self, edition: Edition, filters: PublicFilters) -> None:
        self.edition, self.filters = edition, filters

    @cached_property
    def words(self) -> Set:
        """What has the words that are searched for."""
        matching = select(Submission.id).where(search.matches(self.filters["q"], "public"))
        ids = set(db.session.scalars(matching))
        spans = zip(self.edition.ids, self.edition.spans, strict=True)
        return make_set(self.edition.size, [span for each, span in spans if each in ids])

    @cached_property
    def found(self) -> Set:
        """What meets all filters."""
        return self.find(is_of_promise=self.filters.is_of_promise)

    @cached_property
    def count(self) -> int:
        """The number of commitments that meet all filters."""
        return self.edition.count(self.found)

    @cached_property
    def promises(self) -> Set:
        """The promises that meet all filters, and their heads."""
        return self.find(is_of_promise=True)

    def find(self, without: str = "", *, is_of_promise: bool) -> Set:
        """Return what meets the filters but one; topics are those of promises or commitments."""
        found = (1 << self.edition.size) - 1
        if "status" not in self.filters and without != "status":
            found &= self.edition.sets.get("status", {}).get("published", 0)
        for name, code in self.filters.items():
            if name != without:
                by_code = self.sets_of(name, is_of_promise=is_of_promise)
                found &= self.words if name == "q" else by_code.get(code, 0)
        return found

    def sets_of(self, name: str, *, is_of_promise: bool) -> dict[str, Set]:
        """Return the sets of a filter by code."""
        topics = self.edition.topics if is_of_promise else {}
        return topics.get(name) or self.edition.sets.get(name, {})

    def count_by(self, name: str) -> dict[str, int]:
        """Return the number of commitments by the codes of a filter, as the others are set."""
        others = self.filters.without(name)
        is_of_promise = others.is_of_promise or name in PROMISE_FILTERS
        found = self.find(name, is_of_promise=is_of_promise)
        by_code = self.sets_of(name, is_of_promise=is_of_promise).items()
        return {code: n for code, each in by_code if (n := self.edition.count(found & each))}

    def list_places(self) -> list[int]:
        """Return the places of the commitments, the newest first."""
        bits = f"{self.edition.commitments(self.found):0{self.edition.size}b}"
        return [place for place, (at, _) in enumerate(self.edition.spans) if bits[at] == "1"]

    def page(self, start: PageStart, size: int, *, by_date: bool) -> tuple[list[int], str, str]:
        """Return the places on a page, and the keys of the pages beside it (empty if none).

        The newest come first, or `by_date` of a promise the earliest: of those in the chosen
        state, or of those to come.
        """
        places = self.list_places()
        keys: Sequence[Key] | Mapping[int, Key] = self.edition.keys
        if by_date and places:
            places = self._by_date(places)
            keys = self._dated_keys(places if start.key else [*places[:size], *places[-size:]])
        if start.key:
            is_after = gt if by_date != start.backwards else lt
            places = [place for place in places if is_after(keys[place], start.key)]
        shown = places[-size:] if start.backwards else places[:size]
        has_newer, has_older = start.key is not None, len(places) > size
        if start.backwards:
            has_newer, has_older = has_older, has_newer
        newer = format_key(*keys[shown[0]]) if shown and has_newer else ""
        return shown, newer, format_key(*keys[shown[-1]]) if shown and has_older else ""

    @property
    def _first_dates(self) -> Mapping[int, str]:
        return self.edition.dates.get(self.filters.get("progress", ""), {})

    def _by_date(self, places: Sequence[int]) -> list[int]:
        """Return places in the order of dates; that of all is sorted once for each edition."""
        orders, state = self.edition.orders, self.filters.get("progress", "")
        if state not in orders:  # an unknown state finds nothing, and never comes here
            first, keys = self._first_dates, self.edition.keys
            dated = ((first.get(place, NEVER), key[1], place) for place, key in enumerate(keys))
            orders[state] = [place for _, _, place in sorted(dated)]
        chosen = set(places)
        return [place for place in orders[state] if place in chosen]

    def _dated_keys(self, places: Iterable[int]) -> dict[int, Key]:
        first, keys = self._first_dates, self.edition.keys
        return {place: (_midnight(first.get(place, NEVER)), keys[place][1]) for place in places}


@cache
def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def select_current(filters: PublicFilters) -> Selection:
    """Return what of the current edition meets some filters."""
    return Selection(current_edition(), filters)


def make_set(size: int, spans: Iterable[Span] = (), places: Iterable[int] = ()) -> Set:
    """Return the set of some bits."""
    digits = bytearray(b"0" * size)
    for start, end in spans:
        digits[start:end] = b"1" * (end - start)
    for place in places:
        digits[place] = ONE
    return int(digits or b"0", 2)


def current_edition() -> Edition:
    """Return what is public now; built anew if anything public changed since."""
    validator = clock.today(), *_validator()
    with building:
        kept: Edition | None = current_app.extensions.get("edition")
        if kept is None or kept.validator != validator:
            kept = current_app.extensions["edition"] = _build(validator, validator[0])
    return kept


def _validator() -> AnyRow:
    """Return numbers and times of which one differs after each change of what is public."""
    listed = [
        select(func.max(column)).where(is_published).scalar_subquery()  # each reads one index
        for column in (Submission.published_at, Submission.changed_at, Submission.promises_at)
    ]
    withdrawn = (
        select(func.count(), func.max(Submission.changed_at)).where(*IS_WITHDRAWN).subquery()
    )
    return db.session.execute(
        select(func.count(), *listed, *(select(each).scalar_subquery() for each in withdrawn.c))
        .select_from(Submission)
        .where(is_published)
    ).one()


def _build(validator: object, today: date) -> Edition:
    rows, promised = _read(today)
    at = COLUMNS - 2 + len(facet_columns(current_flow()))
    rows.sort(key=lambda row: (row[at], row.reference), reverse=True)
    marks = _Marks()
    for row in rows:
        marks.add(row, promised.get(row.id, ()))
    return Edition(
        validator,
        [row.id for row in rows],
        [(row[at], row.reference) for row in rows],
        marks.spans,
        marks.size,
        make_set(marks.size, places=[at for at, _ in marks.spans]),
        *marks.make_sets(),
        marks.dates,
    )


class _Marks:
    """The bits of each set, while commitments are added."""

    def __init__(self) -> None:
        flow = current_flow()
        self.size, self.spans = 0, list[Span]()
        self.whole: dict[str, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
        self.single: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.dates: dict[str, dict[int, str]] = defaultdict(dict)
        self.topic_names = {group.name: name for name, group in topic_groups(flow).items()}
        self.facets = [(facet.name, flow.is_joined(facet)) for facet in facet_columns(flow)]

    def add(self, row: AnyRow, promised: Sequence[Sequence[str]]) -> None:
        """Add a commitment after the others."""
        span = self.size, self.size + 1 + len(promised)
        self.spans.append(span)
        _, _, branch, *facets, _, status = row[: COLUMNS + len(self.facets)]
        self.whole["branch"][branch].append(span)
        self.whole["status"][status].append(span)
        for (name, is_joined), codes in zip(self.facets, facets, strict=True):
            for code in codes.split(";") if is_joined else (codes,):
                self.whole[name][code].append(span)
        for at, (group, topic, due_on, state) in enumerate(promised, start=self.size + 1):
            self.single["group"][group].append(at)
            self.single["due"][due_on[:7]].append(at)
            if group in self.topic_names:
                self.single[self.topic_names[group]][topic].append(at)
            if status == "published":
                self.single["progress"][state].append(at)
                self._add_date(state, due_on)
        self.size = span[1]

    def _add_date(self, state: str, due_on: str) -> None:
        place = len(self.spans) - 1
        for name in (state, "") if state in promises.TO_COME else (state,):
            first = self.dates[name]
            if due_on < first.get(place, NEVER):
                first[place] = due_on

    def make_sets(self) -> tuple[Sets, Sets]:
        """Return the sets by filter and code, and those of topics of promises."""
        sets: Sets = defaultdict(dict)
        topics: Sets = defaultdict(dict)
        for name, spans_by_code in self.whole.items():
            for code, spans in spans_by_code.items():
                sets[name][code] = make_set(self.size, spans)
        for name, places_by_code in self.single.items():
            for code, places in places_by_code.items():
                found = make_set(self.size, places=places)
                sets[name][code] = sets[name].get(code, 0) | found
                if name in self.topic_names.values():
                    topics[name][code] = found
        return sets, topics


def _read(today: date) -> tuple[list[AnyRow], dict[int, list[Sequence[str]]]]:
    """Return what is published or was withdrawn, and the promises of each by its id."""
    flow, connection = current_flow(), db.session.connection()
    columns = Submission.id, Submission.reference, Submission.branch, *facet_columns(flow).values()
    listed = select(*columns, Submission.published_at, literal("published")).where(is_published)
    answered = Submission.flow_version, Submission.answers
    unlisted = select(*columns, Submission.first_published_at, literal("withdrawn"), *answered)
    rows: list[AnyRow] = list(connection.execute(listed))
    for row in connection.execute(unlisted.where(*IS_WITHDRAWN)):
        if flow.consents(upgrade_submitted(flow, row.reference, row.flow_version, row.answers)):
            rows.append(row)
    found: dict[int, list[Sequence[str]]] = defaultdict(list)
    for conditions in ((is_published,), IS_WITHDRAWN):
        for submission_id, *promise in connection.execute(_select_promises(today, *conditions)):
            found[submission_id].append(promise)
    return rows, found


def _select_promises(today: date, *conditions: Any) -> Select[*tuple[Any, ...]]:
    columns = Promise.submission_id, Promise.group, Promise.topic, cast(Promise.due_on, String)
    groups = [group.name for group in promises.public_groups(current_flow())]
    public = Promise.submission_id.in_(select(Submission.id).where(*conditions))
    return select(*columns, state_column(today)).where(public, Promise.group.in_(groups))
