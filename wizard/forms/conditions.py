"""Conditions as data. `Journey` gives them only answers that apply."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Answers = Mapping[str, Any]  # JSON values by field name

References = Iterator[tuple[str, frozenset[str]]]
"""The fields that a condition reads, each with the option codes it looks for (none: any answer)."""


class Condition(Protocol):
    """When a section, a field or a branch applies."""

    def holds(self, answers: Answers) -> bool:
        """Return True if the condition is met."""

    def references(self) -> References:
        """Yield the fields that the condition reads."""


@dataclass(frozen=True, slots=True)
class Has:
    """A choice that is one of `options`, or a multiple choice that includes one of them."""

    field: str
    options: frozenset[str]

    def holds(self, answers: Answers) -> bool:
        value = answers.get(self.field)
        if isinstance(value, list):
            return not self.options.isdisjoint(value)
        return value in self.options

    def references(self) -> References:
        yield self.field, self.options


@dataclass(frozen=True, slots=True)
class Answered:
    """A field that has any answer."""

    field: str

    def holds(self, answers: Answers) -> bool:
        return self.field in answers

    def references(self) -> References:
        yield self.field, frozenset()


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition

    def holds(self, answers: Answers) -> bool:
        return not self.condition.holds(answers)

    def references(self) -> References:
        return self.condition.references()


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of several conditions."""

    conditions: tuple[Condition, ...]

    def holds(self, answers: Answers) -> bool:
        return any(condition.holds(answers) for condition in self.conditions)

    def references(self) -> References:
        for condition in self.conditions:
            yield from condition.references()


def read_names(conditions: Iterable[Condition | bool | None]) -> frozenset[str]:
    """Return the names of the fields that some conditions read."""
    return frozenset(
        name
        for condition in conditions
        if condition and not isinstance(condition, bool)
        for name, _ in condition.references()
    )
