"""Tables as streams of CSV and XLSX, in constant memory; no cell runs as a formula."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from string import ascii_letters, digits
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

CHUNK_BYTES = 64 * 1024
MAX_SHEET_ROWS = 1_048_576
"""Rows of an XLSX sheet, header included."""
MAX_SHEET_NAME_CHARS = 31
XLSX_CREATED_AT = datetime(2000, 1, 1)
"""A fixed creation time, so that the same data gives the same bytes."""
Cells = Iterable[str]


class SheetTooLarge(ValueError):
    """A table with more rows or longer cells than an XLSX sheet can hold."""


def join_chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Yield the lines in UTF-8, joined to about `CHUNK_BYTES`."""
    chunk, size = list[str](), 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield "".join(chunk).encode()
            chunk, size = [], 0
    if chunk:
        yield "".join(chunk).encode()


def as_csv(columns: Sequence[str], rows: Iterable[Cells], *, bom: bool = True) -> Iterator[bytes]:
    """Yield a table as RFC 4180 in UTF-8, by default with a byte-order mark, which Excel needs.

    Every cell is quoted, since LibreOffice also splits unquoted ones at `;` and tabs by default.
    """
    return join_chunks(chain(("\ufeff" if bom else "",), map(_csv_line, chain((columns,), rows))))


def _csv_line(row: Cells) -> str:
    """Return a quoted line; `csv.writer` takes twice as long."""
    # Most cells need nothing, and it is quick to see.
    cells = [each if each[:1] in PLAIN and '"' not in each else _escape(each) for each in row]
    return '"' + '","'.join(cells) + '"\r\n'


def _escape(cell: str) -> str:
    return escape_cell(cell).replace('"', '""')


PLAIN = frozenset(["", *ascii_letters, *digits])
"""The first characters of cells that are no formula, and none at all."""
IGNORED_PREFIX = (
    r"\s\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""White space, control and format characters, which programs may drop from a cell's start."""
FORMULA_START = re.compile(
    rf"(?!\+[0-9]+\Z)'*(?:[{IGNORED_PREFIX}]*[=+\-@＝＋－＠﹦﹢﹣﹫]|[\t\r\n])"
).match


def escape_cell(text: str) -> str:
    """Return the text with an apostrophe first if a spreadsheet could run it as a formula."""
    return f"'{text}" if FORMULA_START(text) else text


Cell = str | int | date | datetime | None
"""A cell of a workbook. A time is shown in UTC, since workbooks know no time zones."""
DATE_FORMAT, TIME_FORMAT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
COLUMN_WIDTH = 18


def as_workbook(
    sheets: Mapping[str, Sequence[str]], rows: Iterable[tuple[str, Sequence[Cell]]]
) -> Iterator[bytes]:
    """Return the chunks of a workbook, from the columns by sheet, and rows with their sheet.

    No text is a formula. The workbook is written at once, in constant memory, so that
    `SheetTooLarge` is raised before a response begins.
    """
    chunks = _workbook(sheets, rows)
    next(chunks)
    return chunks


def _workbook(
    sheets: Mapping[str, Sequence[str]], rows: Iterable[tuple[str, Sequence[Cell]]]
) -> Iterator[bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "table.xlsx")
        try:
            _write_workbook(path, sheets, rows)
        except FileCreateError as error:  # hides what the system said
            cause = error.args[0]
            raise OSError(cause.errno, cause.strerror, gettempdir()) from error
        yield b""  # for `as_workbook` to wait until the file is written
        with path.open("rb") as file:
            yield from iter(partial(file.read, CHUNK_BYTES), b"")


def _write_workbook(
    path: Path, sheets: Mapping[str, Sequence[str]], rows: Iterable[tuple[str, Sequence[Cell]]]
) -> None:
    options = {"constant_memory": True, "tmpdir": str(path.parent), "use_zip64": True}
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties({"created": XLSX_CREATED_AT})
        styles = {
            str: book.add_format(),
            date: book.add_format({"num_format": DATE_FORMAT}),
            datetime: book.add_format({"num_format": TIME_FORMAT}),
        }
        headers = styles | {str: book.add_format({"bold": True})}
        made = {name: _add_sheet(book, name, columns) for name, columns in sheets.items()}
        lengths = Counter[str]()
        header_rows = ((name, columns) for name, columns in sheets.items())
        for name, row in chain[tuple[str, Sequence[Cell]]](header_rows, rows):
            _write_row(made[name], lengths[name], row, styles if lengths[name] else headers)
            lengths[name] += 1


def _add_sheet(book: Any, name: str, columns: Sequence[str]) -> Any:
    """Return a new sheet that keeps its header and its first column in view."""
    sheet = book.add_worksheet(name[:MAX_SHEET_NAME_CHARS])
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, len(columns) - 1, COLUMN_WIDTH)
    return sheet


def _write_row(sheet: Any, number: int, row: Sequence[Cell], styles: Mapping[type, Any]) -> None:
    for column, cell in enumerate(row):
        if cell is None or cell == "":
            continue
        if isinstance(cell, datetime):
            moment = cell.astimezone(UTC).replace(tzinfo=None)
            failed = sheet.write_datetime(number, column, moment, styles[datetime])
        elif isinstance(cell, date):
            failed = sheet.write_datetime(number, column, cell, styles[date])
        elif isinstance(cell, int):
            failed = sheet.write_number(number, column, cell)
        elif cell.startswith("<r>"):  # write_string would write it as markup
            failed = sheet.write_rich_string(number, column, "<", styles[str], cell[1:])
        else:
            failed = sheet.write_string(number, column, cell, styles[str])
        if failed:
            raise SheetTooLarge(
                "The submissions don’t fit in a spreadsheet. Export a CSV file instead."
            )
