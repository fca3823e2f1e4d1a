"""Check that no regular expression takes quadratic time."""

import re
import time
from contextlib import suppress
from datetime import date

import pytest

from tests.server import ROOT
from wizard.forms import differences, fields
from wizard.forms.addresses import likely_address
from wizard.forms.dates import parse_day
from wizard.forms.search_words import mark, parse_query
from wizard.forms.text import FORBIDDEN_CHARACTERS, Invalid, fold_text
from wizard.notify.plain_text import wrap_text
from wizard.public import feeds
from wizard.submissions import filters, hits
from wizard.web import logs, query, security, tables

PATTERNS = {
    "folded": fold_text,
    "looked for": lambda text: mark(text, parse_query("a")),
    "sentences": hits.SENTENCE_END.split,
    "mail": wrap_text,
    "cell": tables.FORMULA_START,
    "xml": feeds.FORBIDDEN_IN_XML.search,
    "kept": FORBIDDEN_CHARACTERS.search,
    "words": differences.WORD_PATTERN.findall,
    "request id": logs.REQUEST_ID_PATTERN.fullmatch,
    "cell made safe": tables.escape_cell,
    "query": lambda text: parse_query(text, "PDI"),
    "address": likely_address,
    "day": parse_day,
    "form body": lambda text: security._is_utf8(text.encode()),
}
CLEANED = {
    field.__name__: field("a", "A", noun="the answer", max_length=10**9)
    for field in (fields.Text, fields.LongText, fields.Email, fields.Phone, fields.Url)
} | {"Date": fields.Date("a", "A", noun="the day")}
SEEDS = [
    "a",
    "a.",
    "-",
    "_",
    ".",
    " ",
    "'",
    "=",
    "1",
    "/",
    "a-",
    "@",
    "a@",
    "%",
    "\t",
    "\u0301",
    "\u0301\u0323",
    "\u0f73",
    "é",
    "://",
    "(",
    "x1",
    "%C3",
    "%C3%B3",
]


def field_reader(field: fields.Field):
    """Return a function that cleans a text with the field and ignores refusals."""

    def cleaned(text: str) -> None:
        with suppress(Invalid):
            field.clean(text, date(2027, 3, 1))

    return cleaned


def filter_reader(name: str):
    """Return a function that parses a text as that filter and ignores refusals."""

    def reading(text: str) -> None:
        with suppress(query.BadQuery):
            query.parse_args({name: [text]}, filters.UNCODED_FILTERS)

    return reading


READERS = (
    PATTERNS
    | {name: field_reader(field) for name, field in CLEANED.items()}
    | {name: filter_reader(name) for name in ("q", "since", "first_day")}
)


QUICK_SECONDS = 0.02


def seconds_to_read(reader, text: str) -> float:
    """Return the thread time of one run, in seconds."""
    began = time.thread_time()
    reader(text)
    return time.thread_time() - began


def is_quick_or_linear(reader, short: str, long: str) -> bool:
    """Return True if a text takes less than 20 ms, or not much more than its length says."""
    taken = seconds_to_read(reader, long)
    return taken < QUICK_SECONDS or taken < 16 * seconds_to_read(reader, short)


@pytest.fixture(autouse=True)
def fixed_day(monkeypatch):
    """Give the filters a day without a program and its time zone."""
    monkeypatch.setattr(query.clock, "today", lambda: date(2027, 3, 1))


@pytest.mark.parametrize("name", READERS)
def test_reading_time_is_linear(name):
    """Fail if eight times the text takes more than sixteen times as long, three times in a row.

    Quadratic patterns take 64 times.
    """
    reader = READERS[name]
    for seed in SEEDS:
        for end in ("", "!", "\x00", ".."):
            short = seed * (2_000 // len(seed)) + end
            long = seed * (16_000 // len(seed)) + end
            tries = (is_quick_or_linear(reader, short, long) for _ in range(3))
            assert any(tries), (seed, end)


def test_every_pattern_is_covered():
    """Add a new pattern to `PATTERNS`, unless its input is short already."""
    found = 0
    for path in (ROOT / "wizard").rglob("*.py"):
        found += len(
            re.findall(r"\bre\.(?:compile|sub|match|search|fullmatch|split)\(", path.read_text())
        )
    assert found == 48
