"""Questions with a list of options."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from .fields import Field, Schema
from .messages import Declaration, Message, join_messages
from .text import Invalid


@dataclass(frozen=True, slots=True)
class Option(Declaration):
    """One option of a choice: a stable code, and the label that a reader sees."""

    code: str
    label: str
    hint: str = ""

    translatable = ("label", "hint")


YES_NO = (Option("yes", "Yes"), Option("no", "No"))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Choice(Field):
    """One of a few options, shown as radio buttons."""

    options: tuple[Option, ...]
    type_name: ClassVar[str] = "code"
    missing_error: ClassVar[Message] = Message("Select %(noun)s.")

    def schema(self) -> Schema:
        return {"oneOf": [{"const": each.code, "title": each.label} for each in self.options]}

    def clean(self, raw: Any, today: date) -> str:
        code = self._single(raw).strip()
        if code not in self.codes():
            raise Invalid("Use the list to select %(noun)s.", noun=self.noun)
        return code

    def codes(self) -> tuple[str, ...]:
        """Return the codes of the options, in order."""
        return tuple(option.code for option in self.options)

    def display(self, value: str) -> str:
        return next((option.label for option in self.options if option.code == value), value)


@dataclass(frozen=True, eq=False, slots=True)
class Select(Choice):
    """One of many options, shown as a drop-down list."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Choices(Choice):
    """Any of several options; the `exclusive` one cannot be combined with others."""

    exclusive: str = ""

    type_name: ClassVar[str] = "codes, joined with ;"

    def schema(self) -> Schema:
        return {"type": "array", "uniqueItems": True, "items": Choice.schema(self)}

    def longest(self) -> int:
        return max(200, sum(map(len, self.codes())))

    def clean(self, raw: Any, today: date) -> list[str]:  # type: ignore[override]
        chosen = raw if isinstance(raw, list) else [raw]
        if any(code not in self.codes() for code in chosen):
            raise Invalid("Use the list to select %(noun)s.", noun=self.noun)
        if self.exclusive in chosen and len(set(chosen)) > 1:
            alone = Choice.display(self, self.exclusive)
            raise Invalid("If you select “%(alone)s,” don’t select anything else.", alone=alone)
        return [code for code in self.codes() if code in chosen]

    def display(self, value: list[str]) -> str:  # type: ignore[override]
        return join_messages("; ", [Choice.display(self, code) for code in value])

    def export_cell(self, value: list[str]) -> str:
        return ";".join(value)
