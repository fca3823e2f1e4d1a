"""Views of a flow and its answers outside the form, derived from the declaration.

The review page, the receipt and messages read `cards`, exports `cells`, the public page and the
open data `public_record`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from .conditions import Answers
from .fields import Field, Group
from .flow import Flow, Step
from .messages import Message, join_messages
from .text import Invalid, replace_forbidden

RETIRED_TITLE = Message("Asked earlier")


@dataclass(frozen=True, slots=True)
class Row:
    """One question and its answer for a reader; a group has `entries`, each with its own rows."""

    name: str
    label: str
    text: str
    entries: tuple[tuple[str, tuple["Row", ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """The answers of one step."""

    step: Step
    rows: tuple[Row, ...]


def cards(flow: Flow, answers: Answers) -> tuple[Card, ...]:
    """Clean answers by step, for each step that applies; of a question left open, no row."""
    steps = [
        step
        for section in flow.sections
        if section.when is None or section.when.holds(answers)
        for step in section.steps
    ]
    if any(field.name in answers for field in flow.retired):
        steps.append(Step("retired", RETIRED_TITLE, flow.retired, short=RETIRED_TITLE))
    return tuple(Card(step, tuple(_rows(step.fields, answers))) for step in steps)


def entry_label(group: Group, number: int) -> Message:
    """What the entry of that number is called, from 1."""
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
            yield Row(field.name, field.label, field.for_cell(value), entries)
        else:
            yield Row(field.name, field.label, field.for_reader(value))


def format_raw(field: Field, raw: Any, today: date) -> str:
    """What was typed for a reader, valid or not."""
    if field.is_blank(raw):
        return ""
    if isinstance(field, Group):
        entries = []
        for number, entry in enumerate(field.without_blanks(raw) or (), start=1):
            told = (format_raw(each, entry.get(each.name), today) for each in field.fields)
            parts = join_messages("; ", [part for part in told if part])
            entries.append(join_messages(": ", [entry_label(field, number), parts]))
        return join_messages("\n", entries)
    try:
        return field.for_reader(field.clean(raw, today))
    except Invalid:
        return replace_forbidden("; ".join(raw) if isinstance(raw, list) else str(raw))


def cells(fields: Mapping[str, Field], answers: Answers) -> dict[str, str]:
    """One row of a table with a column for each question: stable codes, empty where no answer."""
    return {
        name: field.for_cell(answers[name]) if name in answers else ""
        for name, field in fields.items()
    }


def public_record(flow: Flow, answers: Answers) -> dict[str, Any]:
    """The answers that were declared public, and no others."""
    return _public_answers(tuple(flow.fields.values()), answers)


def _public_answers(fields: tuple[Field, ...], answers: Answers) -> dict[str, Any]:
    record = {}
    for field in fields:
        if not field.public or field.name not in answers:
            continue
        value = answers[field.name]
        record[field.name] = (
            [_public_answers(field.fields, entry) for entry in value]
            if isinstance(field, Group)
            else value
        )
    return record
