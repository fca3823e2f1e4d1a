"""The conditions that the cases of a list meet.

Words of a search, *changed* and what is due can be met by many cases, and are slow to look up for
all of them. If so, they are compared case by case instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import ColumnElement, case, false

from ..db.engine import is_one_of, is_sqlite
from ..db.models import Submission
from ..submissions import colleagues, due_dates, search
from ..submissions.filters import Filters

SCANNED_FILTERS = {"q", "seen", "promises"}
"""Filters for which each row of the list is looked at."""

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The same conditions twice: to read a list in its order until a page is full, so that rows are
    compared one by one, and to look cases up."""

    ordered: Conditions
    unordered: Conditions


@dataclass(frozen=True, slots=True)
class Scanned:
    """The conditions of a filter of `SCANNED_FILTERS`: `quick` and `slow` ones to read a list in
    its order, and the same to look cases up."""

    quick: Conditions
    slow: Conditions
    unordered: Conditions


class CaseConditions:
    """The SQL conditions of some filters, but that of the queue.

    `every` has all of them. Where words take long to look up, `compared` has these: cases that meet
    `others` are soon compared with them.
    """

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self.words = filters.get("q", "")
        self.due_code = filters.get("promises", "")
        self.is_changed = filters.get("seen") == "changed"

    @cached_property
    def every(self) -> Wanted:
        """All conditions."""
        return self._combine(self._due, has_words=self.has_many_words)

    @property
    def others(self) -> Wanted:
        """The conditions but the words that are compared."""
        return self._combine(self._due)

    @property
    def due_sample(self) -> Wanted:
        """All conditions, of some submissions with a promise of the filter `promises`."""
        some = [due_dates.is_one_due(self.some_due)]
        return self._combine(Scanned(some, [], some))

    def _combine(self, due: Scanned, *, has_words: bool = False) -> Wanted:
        plain, seen = self._plain, self._seen
        slow, words = [*seen.slow, *due.slow], list[ColumnElement[bool]]()
        if has_words:
            words = [self._has_words if slow else self._matches]
        return Wanted(
            [*plain.ordered, *seen.quick, *due.quick, *compare_in_turn([*slow, *words])],
            [*plain.unordered, *seen.unordered, *due.unordered, *words],
        )

    @cached_property
    def _matches(self) -> ColumnElement[bool]:
        return search.matches(self.words, self.filters.index)

    @cached_property
    def compared(self) -> Conditions:
        """The words, if many submissions have them, in a form to compare some rows one by one.

        SQLite would look up all these submissions, and then sort them. PostgreSQL goes through the
        list itself.
        """
        return [self._has_words] if self.has_many_words and is_sqlite() else []

    @property
    def has_many_words(self) -> bool:
        """True if there are words, and many submissions have them."""
        return bool(self.words) and self.few_found is None

    @property
    def are_slow(self) -> bool:
        """True if many submissions meet each of two filters that take long to look up. Then rows
        are compared with both, and many are read until a page is full."""
        has_many_seen = self.has_many_changed or self.filters.get("seen") == "unread"
        return [self.has_many_words, self.has_many_due, has_many_seen].count(True) > 1

    @property
    def has_many_changed(self) -> bool:
        """True if the filter `seen` asks for what changed, and many cases did."""
        return self.is_changed and self.few_changed is None

    @property
    def has_many_due(self) -> bool:
        """True if many submissions have a promise of the filter `promises`."""
        return bool(self.due_code) and len(self.some_due) > due_dates.MAX_FEW

    @cached_property
    def few_found(self) -> Sequence[int] | None:
        """The ids of the submissions that have the words, if there are any and they are few."""
        return search.find_few(self.words, self.filters.index) if self.words else None

    @cached_property
    def few_changed(self) -> Sequence[int] | None:
        """The ids of the cases that changed since this person looked, if they are few."""
        return colleagues.find_few_changed()

    @cached_property
    def some_due(self) -> Sequence[int]:
        """The ids of some submissions that have a promise of the filter `promises`."""
        return due_dates.find_some(self.due_code)

    @cached_property
    def _plain(self) -> Wanted:
        """The conditions but those of the filters `SCANNED_FILTERS`, and the few cases found."""
        plain = self.filters.without("todo", *SCANNED_FILTERS)
        found = [] if self.few_found is None else [is_one_of(Submission.id, self.few_found)]
        ordered, unordered = plain.conditions(ordered=True), plain.conditions()
        return Wanted([*ordered, *found], [*unordered, *found])

    @cached_property
    def _due(self) -> Scanned:
        """The conditions of the filter `promises`, if it is set."""
        if not self.due_code:
            return Scanned([], [], [])
        found = [due_dates.has_due(self.due_code, self.some_due)]
        if not self.has_many_due:
            return Scanned(found, [], found)
        return Scanned([due_dates.can_report()], [due_dates.row_has_due(self.due_code)], found)

    @cached_property
    def _seen(self) -> Scanned:
        """The conditions of the filter `seen`, if it is set."""
        if self.has_many_changed:
            return Scanned([], [colleagues.row_has_changed()], [colleagues.has_changed()])
        if self.is_changed:
            few = [colleagues.has_changed(self.few_changed)]
            return Scanned(few, [], few)
        seen = [colleagues.was_seen(self.filters["seen"])] if "seen" in self.filters else []
        return Scanned([], seen, seen)

    @property
    def _has_words(self) -> ColumnElement[bool]:
        return search.has_words(self.words, self.filters.index)


def compare_in_turn(conditions: Conditions) -> Conditions:
    """Return conditions as one that compares a row with each in turn, until it does not meet one.

    PostgreSQL would choose an order itself, and begin with the words, which take longest.
    """
    if len(conditions) < 2:
        return conditions
    first, *others = conditions
    (second,) = compare_in_turn(others)
    return [case((first, second), else_=false())]
