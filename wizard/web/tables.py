"""Tables as CSV and XLSX in pieces: no cell runs as a formula, and memory does not grow."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import xlsxwriter

CHUNK_BYTES = 64 * 1024
"""About as many bytes are sent at a time."""
MAX_SHEET_ROWS = 1_048_576
"""Rows of a sheet in XLSX, with the header."""
XLSX_CREATED_AT = datetime(2000, 1, 1)
"""When every XLSX says it was made, so that the same data gives the same bytes."""
Cells = Iterable[str]


class SheetTooLarge(ValueError):
    """More than a spreadsheet holds; the other files have no such limit."""


def join_chunks(lines: Iterable[str]) -> Iterator[bytes]:
    kept: list[str] = []
    size = 0
    for line in lines:
        kept.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
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
    return join_chunks(chain(("\ufeff",), lines))


IGNORED_PREFIX = (
    r"\s\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""White space, control and format characters, which a program may drop from a cell's start."""
FORMULA_START = re.compile(rf"'*(?:[{IGNORED_PREFIX}]*[=+\-@＝＋－＠﹦﹢﹣﹫]|[\t\r\n])").match


def safe_cell(text: str) -> str:
    """A text as a cell that no spreadsheet runs: one that it could run gets an apostrophe."""
    return f"'{text}" if FORMULA_START(text) else text


def exact_value(cell: str) -> str:
    """The text that `safe_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and FORMULA_START(cell) else cell


def as_xlsx(columns: Sequence[str], rows: Iterable[Cells]) -> Iterator[bytes]:
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
            yield from iter(partial(file.read, CHUNK_BYTES), b"")


def _write_xlsx(path: Path, rows: Iterable[Cells]) -> None:
    options = {"constant_memory": True, "tmpdir": str(path.parent), "use_zip64": True}
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties({"created": XLSX_CREATED_AT})
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
                    raise SheetTooLarge(
                        "The submissions do not fit into a sheet. Export them as CSV."
                    )
