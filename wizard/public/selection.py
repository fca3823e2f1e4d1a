"""What of an edition meets the filters of a page: counted by sets, and listed in an order."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from operator import gt, lt

from ..db.engine import db
from ..submissions import search
from ..submissions.filters import PROMISE_FILTERS, PublicFilters
from ..web.query import Key, PageStart, format_key
from .bitsets import NO_DATE, Set, make_set
from .edition import Edition, current_edition


class Selection:
    """What of an edition meets some filters."""

    def __init__(self, edition: Edition, filters: PublicFilters) -> None:
        self.edition, self.filters = edition, filters

    @cached_property
    def words(self) -> Set:
        """What has the words that are searched for."""
        layout = self.edition.layout
        query = search.select_matching(self.filters["q"], "public")
        ids = db.session.scalars(query).all()
        return make_set(layout.size, layout.spans_of(ids))

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
        found = (1 << self.edition.layout.size) - 1
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
        bits = f"{self.edition.commitments(self.found):0{self.edition.layout.size}b}"
        return [place for place, (at, _) in enumerate(self.edition.layout.spans) if bits[at] == "1"]

    def page(self, start: PageStart, size: int, *, by_date: bool) -> tuple[list[int], str, str]:
        """Return the places on a page, and the keys of the pages beside it (empty if none).

        The newest come first, or `by_date` of a promise the earliest: of those in the chosen
        state, or of those to come.
        """
        places = self.list_places()
        keys: Sequence[Key] | Mapping[int, Key] = self.edition.layout.keys
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
            first, keys = self._first_dates, self.edition.layout.keys
            ids = enumerate(self.edition.layout.ids)
            dated = sorted((first.get(each, NO_DATE), keys[place][1], place) for place, each in ids)
            orders[state] = [place for *_, place in dated]
        chosen = set(places)
        return [place for place in orders[state] if place in chosen]

    def _dated_keys(self, places: Iterable[int]) -> dict[int, Key]:
        first, ids, keys = self._first_dates, self.edition.layout.ids, self.edition.layout.keys
        return {
            place: (_midnight(first.get(ids[place], NO_DATE)), keys[place][1]) for place in places
        }


@cache
def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def select_current(filters: PublicFilters) -> Selection:
    """Return what of the current edition meets some filters."""
    return Selection(current_edition(), filters)
