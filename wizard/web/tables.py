"""Tables as streams of CSV and XLSX, in constant memory; no cell runs as a formula."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from string import ascii_letters, digits
from tempfile import TemporaryDirectory, gettempdir

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

CHUNK_BYTES = 64 * 1024
MAX_SHEET_ROWS = 1_048_576
"""Rows of an XLSX sheet, header included."""
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


def unescape_cell(cell: str) -> str:
    """Return the text that `escape_cell` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA_START(cell) else cell


def as_xlsx(columns: Sequence[str], rows: Iterable[Cells]) -> Iterator[bytes]:
    """Return a table as the chunks of a workbook with one sheet, all of whose cells are text.

    The workbook is written at once, so that `SheetTooLarge` is raised before a response begins.
    """
    chunks = _workbook(chain((columns,), rows))
    next(chunks)
    return chunks


def _workbook(rows: Iterable[Cells]) -> Iterator[bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "table.xlsx")
        try:
            _write_xlsx(path, rows)
        except FileCreateError as error:  # hides what the system said
            cause = error.args[0]
            raise OSError(cause.errno, cause.strerror, gettempdir()) from error
        yield b""  # for `as_xlsx` to wait until the file is written
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
                if text.startswith("<r>"):  # write_string would write it as markup
                    failed = sheet.write_rich_string(number, column, "<", plain, text[1:])
                else:
                    failed = sheet.write_string(number, column, text, style) if text else 0
                if failed:
                    raise SheetTooLarge(
                        "The submissions don’t fit in a spreadsheet. Export a CSV file instead."
                    )
