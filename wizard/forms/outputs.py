"""A flow's answers outside the form: cards for readers, table cells, and the public record."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from .conditions import Answers
from .fields import Field
from .flow import Flow, Step
from .groups import ENTRY_ID, Group
from .messages import Message, join_messages
from .text import Invalid, replace_forbidden

RETIRED_TITLE = Message("From an earlier version of this form")


@dataclass(frozen=True, slots=True)
class Row:
    """One question and its answer; a group has `entries`: the label and the rows of each."""

    name: str
    label: str
    text: str
    entries: tuple[tuple[str, tuple["Row", ...]], ...] = ()

    @property
    def link(self) -> str:
        """Return the answer if it is a web address, else an empty string."""
        return self.text if self.text.startswith(("https://", "http://")) else ""

    @property
    def table(self) -> tuple[list[str], list[tuple[str, list["Row | None"]]]]:
        """Return the entries as a table: the label of each question that any of them answers, and
        of each entry its label and its rows in that order, with None for no answer."""
        labels = {row.name: row.label for _, rows in self.entries for row in rows}
        lines = []
        for label, rows in self.entries:
            answered = {row.name: row for row in rows}
            lines.append((label, [answered.get(name) for name in labels]))
        return list(labels.values()), lines


@dataclass(frozen=True, slots=True)
class Card:
    """The rows of one step."""

    step: Step
    rows: tuple[Row, ...]


def cards(flow: Flow, answers: Answers) -> tuple[Card, ...]:
    """Return a card for each step that applies; a field without an answer has no row.

    A step that applied in an earlier version, when the answers were given, has a card too.
    """
    steps = [step for section in flow.sections for step in section.steps]
    asked = [step for step in steps if flow.asks(step, answers)]
    earlier = answers.keys() - {field.name for step in asked for field in step.fields}
    steps = [
        step
        for step in steps
        if step in asked or any(field.name in earlier for field in step.fields)
    ]
    if any(field.name in answers for field in flow.retired):
        steps.append(retired_step(flow))
    return tuple(Card(step, tuple(_rows(step.fields, answers))) for step in steps)


def retired_step(flow: Flow) -> Step:
    """Return the step under which the retired questions are shown."""
    return Step("retired", RETIRED_TITLE, flow.retired, short=RETIRED_TITLE)


def entry_label(group: Group, number: int) -> Message:
    """Return the name of an entry; `number` counts from 1."""
    return Message("%(entry)s %(number)s", entry=group.entry, number=number)


def _rows(fields: tuple[Field, ...], answers: Answers) -> Iterator[Row]:
    for field in fields:
        if field.name not in answers:
            continue
        value = answers[field.name]
        if isinstance(field, Group):
            entries = tuple(
                (entry_label(field, number), tuple(_rows(field.fields, entry)))
                for number, entry in enumerate(value, start=1)
            )
            yield Row(field.name, field.label, field.export_cell(value), entries)
        else:
            yield Row(field.name, field.label, field.display(value))


def format_raw_answer(field: Field, raw: Any, today: date) -> str:
    """Return a raw answer, valid or not, as people read it."""
    if field.is_blank(raw):
        return ""
    if isinstance(field, Group):
        entries = []
        for number, entry in enumerate(field.without_blanks(raw) or (), start=1):
            texts = (format_raw_answer(each, entry.get(each.name), today) for each in field.fields)
            text = join_messages("; ", list(filter(None, texts)))
            entries.append(join_messages(": ", [entry_label(field, number), text]))
        return join_messages("\n", entries)
    try:
        return field.display(field.clean(raw, today))
    except Invalid:
        return replace_forbidden("; ".join(raw) if isinstance(raw, list) else str(raw))


def typed_texts(fields: Iterable[Field], answers: Answers, today: date) -> list[tuple[str, str]]:
    """Return the label and the text of each raw answer to some questions, valid or not."""
    texts = {each: format_raw_answer(each, answers.get(each.name), today) for each in fields}
    return [(each.label, text) for each, text in texts.items() if text]


def cells(fields: Mapping[str, Field], answers: Answers) -> dict[str, str]:
    """Return one row of a table by column, in stable codes; empty where there is no answer.

    A text is its own cell, whatever the field.
    """
    return {
        name: value if isinstance(value := answers.get(name, ""), str) else field.export_cell(value)
        for name, field in fields.items()
    }


def public_record(
    flow: Flow, answers: Answers, names: Collection[str] | None = None
) -> dict[str, Any]:
    """Return the answers to public fields only; with `names` to those among them."""
    return {
        name: answers[name] if entry_names is None else _public_entries(entry_names, answers[name])
        for name, entry_names in _public_names(flow).items()
        if name in answers and (names is None or name in names)
    }


@cache
def _public_names(flow: Flow) -> Mapping[str, tuple[str, ...] | None]:
    """Return the names of the public fields, those of a group with the names in an entry."""
    public = (field for field in flow.fields.values() if field.public)
    return {field.name: _entry_names(field) for field in public}


def _entry_names(field: Field) -> tuple[str, ...] | None:
    if not isinstance(field, Group):
        return None
    return ENTRY_ID, *(each.name for each in field.fields if each.public)


def _public_entries(names: Sequence[str], entries: Iterable[Answers]) -> list[dict[str, Any]]:
    return [{name: entry[name] for name in names if name in entry} for entry in entries]
