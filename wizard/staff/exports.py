"""Exports: submissions as CSV, XLSX or JSON Lines (docs/decisions/0006-exports.md).

Submissions are read in batches, each in a transaction of its own, and streamed: a slow client holds
no transaction open, and memory does not grow. Reading the chunks needs no application context.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, func, select

from .. import clock
from ..db.batches import read_in_batches
from ..db.engine import db
from ..db.models import Submission
from ..forms.dates import format_utc
from ..forms.fields import Field, Text
from ..forms.flow import Flow
from ..forms.groups import ENTRY_ID, Group, add_entry_ids
from ..forms.outputs import cells
from ..submissions.dictionary import COLUMNS, RECORD_COLUMNS, dictionary_rows, file_stem
from ..submissions.filters import Filters
from ..web.tables import MAX_SHEET_ROWS, Cells, SheetTooLarge, as_csv, join_chunks
from .entries import Entries, Submitted, entry_fields, read_entries
from .workbook import make_workbook

MIMETYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl",
}


class UnknownExport(LookupError):
    """No file of that name."""


def export_names(flow: Flow) -> tuple[str, ...]:
    """Return the names of all files."""
    main = tuple(f"submissions.{suffix}" for suffix in MIMETYPES)
    return (*main, *(f"{file_stem(group)}.csv" for group in flow.groups), "dictionary.csv")


def export(
    name: str, flow: Flow, filters: Filters, *, bom: bool = True, contacts: bool = True
) -> Iterator[bytes]:
    """Return the chunks of a file, oldest first. Raise `UnknownExport` or `SheetTooLarge`.

    `bom` is the byte-order mark of CSV. Without `contacts`, contact details are left out.
    """
    if name not in export_names(flow):
        raise UnknownExport(name)
    if name == "dictionary.csv":
        return as_csv(COLUMNS, dictionary_rows(flow), bom=bom)
    stem, _, suffix = name.partition(".")
    if suffix == "xlsx":
        _check_size(filters)
    submitted = _read(flow, filters)
    questions = flow.columns if contacts else _without_contacts(flow)
    if suffix == "jsonl":
        return join_chunks(_json_line(flow, questions, each) for each in submitted)
    if suffix == "xlsx":
        return make_workbook(flow, questions.values(), submitted, _conditions(filters))
    for group in (field for field in questions.values() if isinstance(field, Group)):
        if stem == file_stem(group):
            fields = {field.name: field for field in entry_fields(group)}
            entries = read_entries(db.engine, flow, (group,), submitted, clock.today())
            columns = ("reference", "promise_id", *fields)
            return as_csv(columns, _entry_rows(group, fields, entries), bom=bom)
    return as_csv((*questions, *RECORD_COLUMNS), _rows(questions, submitted), bom=bom)


def _without_contacts(flow: Flow) -> Mapping[str, Field]:
    """Return the questions but those about people: what is written in words and never published."""
    return {
        name: replace(field, fields=tuple(filter(_is_impersonal, field.fields)))
        if isinstance(field, Group)
        else field
        for name, field in flow.columns.items()
        if _is_impersonal(field)
    }


def _is_impersonal(field: Field) -> bool:
    return field.public or not isinstance(field, Text)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    return [*filters.conditions(), Submission.submitted_at <= clock.now()]


def _read(flow: Flow, filters: Filters) -> Iterator[Submitted]:
    record = (getattr(Submission, name) for name in RECORD_COLUMNS)
    query = select(Submission.answers, *record).where(*_conditions(filters))
    order = (Submission.submitted_at, Submission.reference)
    rows = chain.from_iterable(read_in_batches(db.engine, query, *order))
    return ((flow.upgrade(row.flow_version, row.answers)[0], *row[1:]) for row in rows)


def _check_size(filters: Filters) -> None:
    with db.engine.connect() as connection:
        query = select(func.count(Submission.id)).where(*filters.conditions())
        count = connection.scalar(query) or 0
    if count >= MAX_SHEET_ROWS:
        raise SheetTooLarge(
            f"A spreadsheet can’t hold {count:,} submissions. Export a CSV file instead."
        )


def _rows(questions: Mapping[str, Field], submitted: Iterable[Submitted]) -> Iterator[Cells]:
    for answers, *record in submitted:
        exact = ("" if value is None else str(_json_value(value)) for value in record)
        yield chain(cells(questions, answers).values(), exact)


def _entry_rows(
    group: Group, fields: Mapping[str, Field], submitted: Iterable[tuple[Submitted, Entries]]
) -> Iterator[Cells]:
    for (_, reference, *_), entries in submitted:
        for entry_id, entry in entries[group.name].items():
            yield (reference, entry_id, *cells(fields, entry).values())


def _json_line(flow: Flow, questions: Mapping[str, Field], submission: Submitted) -> str:
    """Return the questions (null without an answer) and the record; with all questions, other
    stored answers too."""
    answers, *record = submission
    named = add_entry_ids(flow.groups, answers, record[0])
    named_record = zip(RECORD_COLUMNS, map(_json_value, record), strict=True)
    if questions is not flow.columns:
        named = {name: _known(questions[name], named[name]) for name in questions if name in named}
    line = {**dict.fromkeys(questions), **named, **dict(named_record)}
    return json.dumps(line, ensure_ascii=False) + "\n"


def _known(field: Field, value: Any) -> Any:
    """Return the answer to a question; of the entries of a group only what it asks."""
    if not isinstance(field, Group):
        return value
    names = {ENTRY_ID, *(each.name for each in field.fields)}
    return [{name: entry[name] for name in entry if name in names} for entry in value]


def _json_value(value: Any) -> Any:
    """Return a moment as text that can be the `since` of the next export, other values as is."""
    return format_utc(value) if isinstance(value, datetime) else value
