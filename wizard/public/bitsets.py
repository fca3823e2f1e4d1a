"""Sets of bits: a whole number with a bit for each commitment, its head, and for each promise.

The highest bits are the newest commitment: its head, followed by its promises.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import accumulate, pairwise
from operator import or_
from typing import Any

from sqlalchemy import Row

from ..forms import promises
from ..submissions.filters import names_of_published, topic_groups
from ..submissions.listing import facet_columns
from ..web.current import current_flow
from ..web.query import Key

NO_DATE = "9999-12-31"
"""The date of a commitment, in a list by date, that has none."""
ONE = ord("1")
MAX_SHIFTS = 60
"""Bits that are set one by one in less time than it takes to write and read all digits."""
COLUMNS_BEFORE, COLUMNS_AFTER = 3, 2
"""The columns of a commitment beside its facets: id, reference and branch; time and status."""

Set = int
Span = tuple[int, int]
"""Where the bits of a commitment begin and end, counted from the highest bit of a set."""
Entry = tuple[Key, int, int]
"""A commitment in the order of the list: its key, its id and the number of its bits."""
AnyRow = Row[*tuple[Any, ...]]
Sets = dict[str, dict[str, Set]]


def make_set(size: int, spans: Sequence[Span] = (), places: Sequence[int] = ()) -> Set:
    """Return the set of some bits."""
    if len(spans) + len(places) <= MAX_SHIFTS:
        shifted = [((1 << (end - start)) - 1) << (size - end) for start, end in spans]
        return reduce(or_, shifted + [1 << (size - 1 - place) for place in places], 0)
    digits = bytearray(b"0" * size)
    for start, end in spans:
        digits[start:end] = b"1" * (end - start)
    for place in places:
        digits[place] = ONE
    return int(digits, 2)


class Layout:
    """Where the bits of each commitment are. Each entry has a key, an id and a number of bits."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.keys = [key for key, _, _ in entries]
        self.ids = [number for _, number, _ in entries]
        self.places = {number: place for place, number in enumerate(self.ids)}
        ends = accumulate((length for *_, length in entries), initial=0)
        self.spans: list[Span] = list(pairwise(ends))
        self.size = self.spans[-1][1] if entries else 0
        self.heads = make_set(self.size, places=[start for start, _ in self.spans])

    def spans_of(self, ids: Iterable[int]) -> list[Span]:
        """Return the spans of some commitments, in order; nothing of those that it has not."""
        places = sorted(self.places[each] for each in ids if each in self.places)
        return [self.spans[place] for place in places]


class Moved:
    """How the bits of sets move when some commitments go and others come in between."""

    def __init__(
        self, before: Layout, gone: Iterable[int], after: Layout, added: Iterable[int]
    ) -> None:
        self.size = after.size
        self.gone = [
            (before.size - end, end - start) for start, end in _join(before.spans_of(gone))
        ]
        self.added = [
            (after.size - end, end - start) for start, end in reversed(_join(after.spans_of(added)))
        ]

    def merge(self, kept: Sets, marked: Sets, cleared: Set) -> Sets:
        """Return the kept sets, moved and without the bits of `cleared`, and the marked ones."""
        keep = (1 << self.size) - 1 & ~cleared
        merged: Sets = {}
        for name in {**kept, **marked}:
            old, new = kept.get(name, {}), marked.get(name, {})
            sets = {
                code: self.move(old.get(code, 0)) & keep | new.get(code, 0) for code in old | new
            }
            if codes := {code: found for code, found in sets.items() if found}:
                merged[name] = codes
        return merged

    def move(self, found: Set) -> Set:
        """Return a set with its bits where they are afterwards."""
        for at, length in self.gone:  # the highest bits first
            found = found >> (at + length) << at | found & ((1 << at) - 1)
        for at, length in self.added:  # the lowest bits first
            found = found >> at << (at + length) | found & ((1 << at) - 1)
        return found


def _join(spans: Iterable[Span]) -> list[Span]:
    """Return spans with those that touch as one."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


class BitsetBuilder:
    """The bits of commitments in each set, while they are added."""

    def __init__(self, size: int) -> None:
        flow = current_flow()
        self.size = size
        self.whole: dict[str, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
        self.single: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.dates: dict[str, dict[int, str]] = defaultdict(dict)
        self.topic_names = {group.name: name for name, group in topic_groups(flow).items()}
        self.hidden = names_of_published(flow)
        self.facets = [(facet.name, flow.is_joined(facet)) for facet in facet_columns(flow)]

    def add(self, row: AnyRow, promised: Sequence[Sequence[str]], span: Span) -> None:
        """Add a commitment whose bits are in a span."""
        columns = COLUMNS_BEFORE + len(self.facets) + COLUMNS_AFTER
        number, _, branch, *facets, _, status = row[:columns]
        hidden = () if status == "published" else self.hidden
        if "branch" not in hidden:
            self.whole["branch"][branch].append(span)
        self.whole["status"][status].append(span)
        for (name, is_joined), codes in zip(self.facets, facets, strict=True):
            if name in hidden:
                continue
            for code in codes.split(";") if is_joined else (codes,):
                self.whole[name][code].append(span)
        single = self.single
        for at, (group, topic, due_on, state) in enumerate(promised, start=span[0] + 1):
            single["group"][group].append(at)
            single["due"][due_on[:7]].append(at)
            if group in self.topic_names:
                single[self.topic_names[group]][topic].append(at)
            if status == "published":
                single["progress"][state].append(at)
                self._add_date(number, state, due_on)

    def _add_date(self, number: int, state: str, due_on: str) -> None:
        for name in (state, "") if state in promises.NOT_DUE_STATES else (state,):
            first = self.dates[name]
            if due_on < first.get(number, NO_DATE):
                first[number] = due_on

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
