"""Tests of CSV cells: no formula runs, and each value can be recovered."""

import csv
import io
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.export_files import unescape_cell
from wizard.web.tables import as_csv, escape_cell

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
BLANKS = "".join(
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(char) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
)
RUNS = re.compile(rf"(?!\+[0-9]+\Z)(?:[{re.escape(BLANKS)}]*[{re.escape(SIGNS)}]|[\t\r\n])")
HARMLESS = [
    "",
    "Orlando",
    "'",
    "'s-Hertogenbosch",
    "''quoted''",
    "  leading blanks",
    "2027-03-31",
    "a=1",
    "x;=1+1",
    "e-mail",
    "5 + 5",
    "−5",  # a minus sign (U+2212), which no spreadsheet reads as one
    "–5",
    "https://example.org/?a=b",
    "日本",
    "+12025550143",
]
texts = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",))),
    st.text(st.sampled_from(f"'{SIGNS}{BLANKS[:40]}\ufeff\u200b1a;,\"")),
)


@given(texts)
def test_cell_gives_text_back(text):
    assert unescape_cell(escape_cell(text)) == text


@given(texts)
def test_cell_is_no_formula_and_adds_one_apostrophe(text):
    cell = escape_cell(text)
    assert not RUNS.match(cell)
    assert cell in (text, f"'{text}")
    if not RUNS.match(text.lstrip("'")):
        assert cell == text


@given(st.lists(texts, min_size=1))
def test_every_cell_of_a_file_is_escaped(row):
    data = b"".join(as_csv(row, [row])).decode("utf-8-sig")
    expected = ",".join('"' + escape_cell(text).replace('"', '""') + '"' for text in row)
    assert data == f"{expected}\r\n" * 2


@given(st.lists(texts, unique=True))
def test_different_texts_have_different_cells(given_texts):
    assert len(set(map(escape_cell, given_texts))) == len(given_texts)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_unchanged(text):
    assert escape_cell(text) == unescape_cell(text) == text


def test_blank_before_sign_is_escaped():
    assert len(BLANKS) > 200
    for blank in BLANKS:
        assert escape_cell(f"{blank}=1") == f"'{blank}=1", hex(ord(blank))
    for sign in SIGNS:
        assert escape_cell(f"{sign}a1") == f"'{sign}a1"


@pytest.mark.parametrize(
    "text", ["-5", "+1202a", "+1;ext=2", "'+1", "\tx", "\rx", "\nx", "'=1", "''\u200b@x"]
)
def test_formula_gets_one_apostrophe(text):
    assert escape_cell(text) == f"'{text}"


def csv_text(*rows: tuple[str, ...]) -> str:
    """Return a CSV with two columns as text, without its byte-order mark."""
    whole = b"".join(as_csv(("a", "b"), rows)).decode("utf-8")
    assert whole.startswith("\ufeff")
    return whole[1:]


@given(st.lists(st.tuples(texts, texts)))
def test_csv_reader_finds_same_cells(rows):
    read = csv.reader(io.StringIO(csv_text(*rows), newline=""), strict=True)
    assert list(read) == [["a", "b"], *([escape_cell(x), escape_cell(y)] for x, y in rows)]


def test_every_cell_is_quoted():
    rows = [("plain", 'a "b"'), ("1,2", "x;=1"), ("l\nm", "t\tu"), ("", "it's")]
    assert csv_text(*rows) == (
        '"a","b"\r\n"plain","a ""b"""\r\n"1,2","x;=1"\r\n"l\nm","t\tu"\r\n"","it\'s"\r\n'
    )


def test_rows_are_streamed_in_64_kilobyte_chunks():
    pieces = list(as_csv(("a", "b"), (("x" * 1_000, "y") for _ in range(1_000))))
    assert len(pieces) == 16
    assert all(len(piece) < 70_000 for piece in pieces)
