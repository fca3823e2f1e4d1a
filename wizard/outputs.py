"""What a flow and its answers look like outside the form, all derived from the one declaration.

The review page and messages read `cards`, exports `cells`, the public page and the
open data `public_record`, the printable question list `condition_in_words`.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from .conditions import Answered, Answers, Condition, Either, Has, Not
from .fields import Choice, Field, Group
from .flow import Flow, Step
from .text import Invalid, showable
from .words import Message, joined

ASKED_EARLIER = Message("Asked earlier")


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
        steps.append(Step("retired", ASKED_EARLIER, flow.retired, short=ASKED_EARLIER))
    return tuple(Card(step, tuple(_rows(step.fields, answers))) for step in steps)


def numbered(group: Group, number: int) -> Message:
    """What the entry of that number is called, from 1."""
    return Message("%(entry)s %(number)s", entry=group.entry, number=number)


def _rows(fields: tuple[Field, ...], answers: Answers) -> Iterator[Row]:
    for field in fields:
        if field.name not in answers:
            continue
        value = answers[field.name]
        if isinstance(field, Group):
            entries = tuple(
                (numbered(field, number), tuple(_rows(field.fields, entry)))
                for number, entry in enumerate(value, start=1)
            )
            yield Row(field.name, field.label, field.for_cell(value), entries)
        else:
            yield Row(field.name, field.label, field.for_reader(value))


def typed_in_words(field: Field, raw: Any, today: date) -> str:
    """What was typed for a reader, valid or not."""
    if field.is_blank(raw):
        return ""
    if isinstance(field, Group):
        entries = []
        for number, entry in enumerate(field.without_blanks(raw) or (), start=1):
            told = (typed_in_words(each, entry.get(each.name), today) for each in field.fields)
            parts = joined("; ", [part for part in told if part])
            entries.append(joined(": ", [numbered(field, number), parts]))
        return joined("\n", entries)
    try:
        return field.for_reader(field.clean(raw, today))
    except Invalid:
        return showable("; ".join(raw) if isinstance(raw, list) else str(raw))


def cells(fields: Mapping[str, Field], answers: Answers) -> dict[str, str]:
    """One row of a table with a column for each question: stable codes, empty where no answer."""
    return {
        name: field.for_cell(answers[name]) if name in answers else ""
        for name, field in fields.items()
    }


LISTED = ("organization_kind", "organization_name", "city", "state", "commitment_title")
"""The answers that a list of submissions shows or is filtered by."""
MOST_SEARCHED = 480
"""Characters; an index entry has room for 2,704 bytes on PostgreSQL."""


def listing(flow: Flow, reference: str, answers: Answers) -> dict[str, str]:
    """What a submission is found by in a list: some answers, its programs, the categories of its
    data sets, and text to search."""
    shown = {name: str(answers.get(name, "")) for name in LISTED}
    programs = ";".join(each.name for each in flow.programs if each.when.holds(answers))
    categories = {entry.get("category", "") for entry in answers.get("data_sets", ())}
    names = (shown["organization_name"], shown["city"], shown["commitment_title"])
    text = folded(" ".join((reference, *names)))[:MOST_SEARCHED]
    return shown | {
        "programs": programs,
        "categories": ";".join(sorted(categories)),
        "search": text,
    }


def folded(text: str) -> str:
    """Text to search in: without case and accents, so that “san jose” finds San José."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char)).casefold()


def public_record(flow: Flow, answers: Answers) -> dict[str, Any]:
    """The answers that were declared public, and no others."""
    return _public(tuple(flow.fields.values()), answers)


def _public(fields: tuple[Field, ...], answers: Answers) -> dict[str, Any]:
    record = {}
    for field in fields:
        if not field.public or field.name not in answers:
            continue
        value = answers[field.name]
        record[field.name] = (
            [_public(field.fields, entry) for entry in value] if isinstance(field, Group) else value
        )
    return record


def condition_in_words(condition: Condition, fields: Collection[Field]) -> Message:
    """A condition on some of `fields` as a reader of the question list needs it, to follow “if”."""
    named = {field.name: field for field in fields}
    match condition:
        case Has(name, options):
            field = named[name]
            return Message(
                "“%(question)s” is %(answers)s",
                question=field.label,
                answers=_labels(field, options),
            )
        case Not(Has(name, options)):
            field = named[name]
            return Message(
                "“%(question)s” is not %(answers)s",
                question=field.label,
                answers=_labels(field, options),
            )
        case Answered(name):
            return Message("“%(question)s” has an answer", question=named[name].label)
        case Either(conditions):
            first, *others = (condition_in_words(each, fields) for each in conditions)
            for other in others:
                first = Message("%(this)s, or %(that)s", this=first, that=other)
            return first
        case _:
            raise TypeError(f"no words for {condition!r}")


def _labels(field: Field, codes: frozenset[str]) -> Message:
    options = field.options if isinstance(field, Choice) else ()
    quoted = [
        Message("“%(label)s”", label=option.label) for option in options if option.code in codes
    ]
    if len(quoted) < 2:
        return joined("", quoted)
    return Message("%(these)s or %(that)s", these=joined(", ", quoted[:-1]), that=quoted[-1])
