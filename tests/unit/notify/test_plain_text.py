"""Tests of the lines of plain text mail."""

import pytest

from wizard.notify.plain_text import MAX_LINE_CHARS, wrap_text

LINK = "https://example.gov/" + "a" * 80
WORDS = "word " * 30


def test_long_line_is_wrapped_and_keeps_its_words():
    lines = wrap_text(WORDS).splitlines()
    assert max(map(len, lines)) <= MAX_LINE_CHARS and len(lines) > 1
    assert " ".join(lines).split() == WORDS.split()


@pytest.mark.parametrize(("start", "margin"), [("- ", "  "), ("12. ", "    "), ("  ", "  ")])
def test_lines_of_an_item_begin_below_each_other(start, margin):
    first, *others = wrap_text(start + WORDS).splitlines()
    assert first.startswith(f"{start}word")
    assert others and all(line.startswith(f"{margin}word") for line in others)


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        (f"See it: {LINK}", f"See it:\n{LINK}\n"),
        (f"- See it: {LINK}", f"- See it:\n  {LINK}\n"),
        (f"- {LINK}", f"- {LINK}\n"),
        (f"  {LINK}", f"  {LINK}\n"),
        ("See https://example.gov first", "See https://example.gov first\n"),
        ("W" * 90, "W" * 90 + "\n"),
        ("one \n\n\n\ntwo\n \n", "one\n\ntwo\n"),
        ("\n\none", "one\n"),
    ],
)
def test_text_is_wrapped(text, wrapped):
    assert wrap_text(text) == wrapped
    assert wrap_text(wrapped) == wrapped
