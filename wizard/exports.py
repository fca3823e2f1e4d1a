"""Exports: what was submitted as CSV, XLSX or JSON Lines.

Submissions are read in batches, each in a transaction of its own, and sent as they come: a slow
client holds no transaction open, and memory does not grow. See docs/decisions/0006-exports.md.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import xlsxwriter
from sqlalchemy import Row, func, select

from . import clock
from .batches import batches
from .dictionary import COLUMNS, RECORD, dictionary, stem
from .extensions import db
from .fields import Group
from .filters import Filters
from .flow import Flow
from .models import Submission
from .outputs import cells

MIMETYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl",
}
"""By the end of a file's name."""
CHUNK = 64 * 1024
"""About as many bytes are sent at a time."""
MOST_ROWS = 1_048_576
"""Rows of a sheet in XLSX, with the header."""
MADE = datetime(2000, 1, 1)
"""When every XLSX says it was made, so that the same data gives the same bytes."""


class UnknownExport(LookupError):
    """There is no file of that name."""


class TooMany(ValueError):
    """More than a spreadsheet holds; the other files have no such limit."""


Cells = Iterable[str]
Submitted = Row[*tuple[Any, ...]]
"""A submission's answers, then the columns of `RECORD`."""


def names(flow: Flow) -> tuple[str, ...]:
    """The files there are."""
    main = tuple(f"submissions.{suffix}" for suffix in MIMETYPES)
    return (*main, *(f"{stem(group)}.csv" for group in flow.groups), "dictionary.csv")


def export(name: str, flow: Flow, filters: Filters) -> Iterator[bytes]:
    """A file in pieces: what was submitted until now, the oldest first.

    The pieces need no application context, and the store is let go between them. Raises
    `UnknownExport`, and `TooMany` where it would not fit into a sheet.
    """
    if name not in names(flow):
        raise UnknownExport(name)
    if name == "dictionary.csv":
        return as_csv(COLUMNS, dictionary(flow))
    what, _, suffix = name.partition(".")
    if suffix == "xlsx":
        _check_size(filters)
    submitted = _read(filters)
    if suffix == "jsonl":
        return _chunks(_json_line(flow, each) for each in submitted)
    for group in flow.groups:
        if what == stem(group):
            columns = ("reference", *(field.name for field in group.fields))
            return as_csv(columns, _entries(group, submitted))
    write = _as_xlsx if suffix == "xlsx" else as_csv
    return write((*flow.columns, *RECORD), _rows(flow, submitted))


# From the store


def _read(filters: Filters) -> Iterator[Submitted]:
    record = (getattr(Submission, name) for name in RECORD)
    until = Submission.submitted_at <= clock.now()
    query = select(Submission.answers, *record).where(*filters.conditions(), until)
    order = (Submission.submitted_at, Submission.reference)
    return chain.from_iterable(batches(db.engine, query, *order))


def _check_size(filters: Filters) -> None:
    with db.engine.connect() as connection:
        query = select(func.count(Submission.id)).where(*filters.conditions())
        found = connection.scalar(query) or 0
    if found >= MOST_ROWS:
        raise TooMany(f"{found:,} submissions are more than a sheet holds. Export them as CSV.")


def _rows(flow: Flow, submitted: Iterable[Submitted]) -> Iterator[Cells]:
    for answers, *record in submitted:
        yield chain(cells(flow.columns, answers).values(), map(_record_cell, record))


def _entries(group: Group, submitted: Iterable[Submitted]) -> Iterator[Cells]:
    fields = {field.name: field for field in group.fields}
    for answers, reference, *_ in submitted:
        for entry in answers.get(group.name, ()):
            yield (reference, *cells(fields, entry).values())


def _json_line(flow: Flow, submission: Submitted) -> str:
    """Every question, null where it has no answer; any answer to none of them; the record."""
    answers, *record = submission
    line = (
        dict.fromkeys(flow.columns) | answers | dict(zip(RECORD, map(_exact, record), strict=True))
    )
    return json.dumps(line, ensure_ascii=False) + "\n"


def _exact(value: Any) -> Any:
    """Return a moment so that it can be the `since` of the next export, any other value as is."""
    return clock.iso_utc(value) if isinstance(value, datetime) else value


def _record_cell(value: Any) -> str:
    return "" if value is None else str(_exact(value))


# Into files


def _chunks(lines: Iterable[str]) -> Iterator[bytes]:
    kept: list[str] = []
    size = 0
    for line in lines:
        kept.append(line)
        size += len(line)
        if size >= CHUNK:
            yield "".join(kept).encode()
            kept, size = [], 0
    if kept:
        yield "".join(kept).encode()


class _Line:
    """A file for `csv.writer`, which so returns each line that it writes."""

    def write(self, line: str) -> str:
        return line


def as_csv(columns: Sequence[str], rows: Iterable[Cells]) -> Iterator[bytes]:
    """Yield a table as RFC 4180 in UTF-8 with a byte-order mark; no cell runs as a formula.

    LibreOffice also splits at `;` and tabs unless told not to, but not within quotes.
    """
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    lines = (writer.writerow(map(safe_cell, row)) for row in chain((columns,), rows))
    return _chunks(chain(("\ufeff",), lines))


BLANK = (
    r"\s\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""White space, control and format characters, which a program may drop from a cell's start."""
COULD_RUN = re.compile(rf"'*(?:[{BLANK}]*[=+\-@＝＋－＠﹦﹢﹣﹫]|[\t\r\n])").match


def safe_cell(text: str) -> str:
    """A text as a cell that no spreadsheet runs: one that it could run gets an apostrophe."""
    return f"'{text}" if COULD_RUN(text) else text


def exact_value(cell: str) -> str:
    """The text that `safe_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and COULD_RUN(cell) else cell


def _as_xlsx(columns: Sequence[str], rows: Iterable[Cells]) -> Iterator[bytes]:
    """Return a table as a workbook of one sheet, in pieces; its cells are text, which does not run.

    The workbook is written before the first piece is asked for: what does not fit raises
    `TooMany` here, where it can still be answered.
    """
    pieces = _workbook(chain((columns,), rows))
    next(pieces)
    return pieces


def _workbook(rows: Iterable[Cells]) -> Iterator[bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "table.xlsx")
        _write_xlsx(path, rows)
        yield b""  # written
        with path.open("rb") as file:
            yield from iter(partial(file.read, CHUNK), b"")


def _write_xlsx(path: Path, rows: Iterable[Cells]) -> None:
    options = {"constant_memory": True, "tmpdir": str(path.parent), "use_zip64": True}
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties({"created": MADE})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        plain, bold = book.add_format(), book.add_format({"bold": True})
        for number, row in enumerate(rows):
            style = plain if number else bold
            for column, text in enumerate(row):
                if text.startswith("<r>"):  # as is, it would go into the file as markup
                    failed = sheet.write_rich_string(number, column, "<", plain, text[1:])
                else:
                    failed = sheet.write_string(number, column, text, style) if text else 0
                if failed:
                    raise TooMany("The submissions do not fit into a sheet. Export them as CSV.")
