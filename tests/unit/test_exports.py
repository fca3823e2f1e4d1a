"""No cell of a CSV runs as a formula, and each gives its exact value back."""

import csv
import io
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.web.tables import as_csv, exact_value, safe_cell

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
BLANKS = "".join(
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if char.isspace() or unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp")
)
RUNS = re.compile(f"[{re.escape(BLANKS)}]*[{re.escape(SIGNS)}]|[\t\r\n]")
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
]
texts = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",))),
    st.text(st.sampled_from(f"'{SIGNS}{BLANKS[:40]}\ufeff\u200b1a;,\"")),
)


@given(texts)
def test_every_text_can_be_recovered_from_its_cell(text):
    assert exact_value(safe_cell(text)) == text


@given(texts)
def test_a_cell_never_starts_like_a_formula_and_changes_by_an_apostrophe_at_most(text):
    cell = safe_cell(text)
    assert not RUNS.match(cell)
    assert cell in (text, f"'{text}")
    if not RUNS.match(text.lstrip("'")):
        assert cell == text


@given(st.lists(texts, unique=True))
def test_no_two_texts_share_a_cell(given_texts):
    assert len(set(map(safe_cell, given_texts))) == len(given_texts)


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_text_stays_as_it_is(text):
    assert safe_cell(text) == exact_value(text) == text


def test_any_invisible_character_may_stand_before_any_sign():
    assert len(BLANKS) > 200
    for blank in BLANKS:
        assert safe_cell(f"{blank}=1") == f"'{blank}=1", hex(ord(blank))
    for sign in SIGNS:
        assert safe_cell(f"{sign}1") == f"'{sign}1"


@pytest.mark.parametrize("text", ["-5", "+12025550143", "\tx", "\rx", "\nx", "'=1", "''\u200b@x"])
def test_a_text_that_could_run_gets_one_more_apostrophe(text):
    assert safe_cell(text) == f"'{text}"


def written(*rows: tuple[str, ...]) -> str:
    """The text of a CSV with two columns, without its byte-order mark."""
    whole = b"".join(as_csv(("a", "b"), rows)).decode("utf-8")
    assert whole.startswith("\ufeff")
    return whole[1:]


@given(st.lists(st.tuples(texts, texts)))
def test_a_program_that_reads_csv_finds_the_same_cells(rows):
    read = csv.reader(io.StringIO(written(*rows), newline=""), strict=True)
    assert list(read) == [["a", "b"], *([safe_cell(x), safe_cell(y)] for x, y in rows)]


def test_every_cell_is_quoted():
    rows = [("plain", 'a "b"'), ("1,2", "x;=1"), ("l\nm", "t\tu"), ("", "it's")]
    assert written(*rows) == (
        '"a","b"\r\n"plain","a ""b"""\r\n"1,2","x;=1"\r\n"l\nm","t\tu"\r\n"","it\'s"\r\n'
    )


def test_many_rows_come_in_pieces_of_about_64_kilobytes():
    pieces = list(as_csv(("a", "b"), (("x" * 1_000, "y") for _ in range(1_000))))
    assert len(pieces) == 16
    assert all(len(piece) < 70_000 for piece in pieces)
