"""Exports: submissions as CSV, XLSX or JSON Lines (docs/decisions/0006-exports.md).

Submissions are read in batches, each in a transaction of its own, and streamed: a slow client holds
no transaction open, and memory does not grow. Reading the chunks needs no application context.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import func, select

from .. import clock
from ..db.batches import read_in_batches
from ..db.engine import db
from ..db.models import Submission
from ..forms.flow import Flow
from ..forms.groups import ENTRY_ID, Group, add_entry_ids
from ..forms.outputs import cells
from ..submissions.dictionary import COLUMNS, RECORD_COLUMNS, dictionary_rows, file_stem
from ..submissions.filters import Filters
from ..web.tables import MAX_SHEET_ROWS, Cells, SheetTooLarge, as_csv, as_xlsx, join_chunks

MIMETYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl",
}
Submitted = tuple[Any, ...]  # the answers, then the columns of `RECORD_COLUMNS`


class UnknownExport(LookupError):
    """No file of that name."""


def export_names(flow: Flow) -> tuple[str, ...]:
    """Return the names of all files."""
    main = tuple(f"submissions.{suffix}" for suffix in MIMETYPES)
    return (*main, *(f"{file_stem(group)}.csv" for group in flow.groups), "dictionary.csv")


def export(name: str, flow: Flow, filters: Filters, *, bom: bool = True) -> Iterator[bytes]:
    """Return the chunks of a file, oldest first. Raises `UnknownExport` or `SheetTooLarge`.

    `bom` is the byte-order mark of CSV.
    """
    if name not in export_names(flow):
        raise UnknownExport(name)
    if name == "dictionary.csv":
        return as_csv(COLUMNS, dictionary_rows(flow), bom=bom)
    stem, _, suffix = name.partition(".")
    if suffix == "xlsx":
        _check_size(filters)
    submitted = _read(flow, filters)
    if suffix == "jsonl":
        return join_chunks(_json_line(flow, each) for each in submitted)
    for group in flow.groups:
        if stem == file_stem(group):
            columns = ("reference", "promise_id", *(field.name for field in group.fields))
            return as_csv(columns, _entries(flow, group, submitted), bom=bom)
    columns, rows = (*flow.columns, *RECORD_COLUMNS), _rows(flow, submitted)
    return as_xlsx(columns, rows) if suffix == "xlsx" else as_csv(columns, rows, bom=bom)


def _read(flow: Flow, filters: Filters) -> Iterator[Submitted]:
    record = (getattr(Submission, name) for name in RECORD_COLUMNS)
    until_now = Submission.submitted_at <= clock.now()
    query = select(Submission.answers, *record).where(*filters.conditions(), until_now)
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


def _rows(flow: Flow, submitted: Iterable[Submitted]) -> Iterator[Cells]:
    for answers, *record in submitted:
        exact = ("" if value is None else str(_json_value(value)) for value in record)
        yield chain(cells(flow.columns, answers).values(), exact)


def _entries(flow: Flow, group: Group, submitted: Iterable[Submitted]) -> Iterator[Cells]:
    fields = {field.name: field for field in group.fields}
    for answers, reference, *_ in submitted:
        for entry in add_entry_ids(flow.groups, answers, reference).get(group.name, ()):
            yield (reference, entry[ENTRY_ID], *cells(fields, entry).values())


def _json_line(flow: Flow, submission: Submitted) -> str:
    """Return all questions (null without an answer), other stored answers, and the record."""
    answers, *record = submission
    named = add_entry_ids(flow.groups, answers, record[0])
    named_record = zip(RECORD_COLUMNS, map(_json_value, record), strict=True)
    line = {**dict.fromkeys(flow.columns), **named, **dict(named_record)}
    return json.dumps(line, ensure_ascii=False) + "\n"


def _json_value(value: Any) -> Any:
    """Return a moment as text that can be the `since` of the next export, other values as is."""
    return clock.iso_utc(value) if isinstance(value, datetime) else value
