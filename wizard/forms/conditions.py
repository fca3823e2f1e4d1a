"""When something applies, said as data: a flow can check it, describe it and decide it.

A condition sees only answers that apply themselves; `Journey` sees to that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Answers = Mapping[str, Any]
"""JSON values by field name."""


class Condition(Protocol):
    """What a flow, a journey and the printed question list ask of a condition."""

    def holds(self, answers: Answers) -> bool:
        """Whether it applies, given these answers."""

    def references(self) -> Iterator[tuple[str, frozenset[str]]]:
        """The fields it looks at, each with the option codes it looks for (none: any answer)."""


@dataclass(frozen=True, slots=True)
class Has:
    """A choice that is one of `options`, or a multiple choice that includes one of them."""

    field: str
    options: frozenset[str]

    def holds(self, answers: Answers) -> bool:
        value = answers.get(self.field)
        chosen = value if isinstance(value, list) else [value]
        return any(code in self.options for code in chosen)

    def references(self) -> Iterator[tuple[str, frozenset[str]]]:
        yield self.field, self.options


@dataclass(frozen=True, slots=True)
class Answered:
    """A field that has any answer."""

    field: str

    def holds(self, answers: Answers) -> bool:
        return self.field in answers

    def references(self) -> Iterator[tuple[str, frozenset[str]]]:
        yield self.field, frozenset()


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition

    def holds(self, answers: Answers) -> bool:
        return not self.condition.holds(answers)

    def references(self) -> Iterator[tuple[str, frozenset[str]]]:
        return self.condition.references()


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of several conditions."""

    conditions: tuple[Condition, ...]

    def holds(self, answers: Answers) -> bool:
        return any(condition.holds(answers) for condition in self.conditions)

    def references(self) -> Iterator[tuple[str, frozenset[str]]]:
        for condition in self.conditions:
            yield from condition.references()
