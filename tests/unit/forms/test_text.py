"""Tests of typed text: what is kept, replaced and refused."""

import pytest

from wizard.forms.text import (
    MAX_COMBINING_MARKS,
    Invalid,
    add_colon,
    find_excess_marks,
    fold_text,
    normalize,
    normalize_text,
    replace_forbidden,
)

ACCENT = "\u0301"
DOUBLE = "\u0f73"


def test_text_is_composed_and_stripped_with_plain_line_ends():
    assert normalize_text(f" Jose{ACCENT}\r\nb\rc\n", "the name") == "José\nb\nc"


def test_most_accents_are_kept_and_one_more_is_refused():
    text = "x" + MAX_COMBINING_MARKS * ACCENT
    assert normalize_text(text + "y" + ACCENT, "the name")
    assert normalize_text(text[1:], "the name") == ""
    with pytest.raises(Invalid) as refused:
        normalize_text(text + ACCENT, "the name")
    expected = "Remove accent marks from your answer about the name. One letter has too many."
    assert str(refused.value) == expected


def test_control_character_is_refused_by_its_code():
    with pytest.raises(Invalid) as refused:
        normalize_text("a\x07b", "the name")
    expected = "Remove the character we can’t save (U+0007) from your answer about the name."
    assert str(refused.value) == expected


def test_forbidden_characters_are_replaced():
    assert replace_forbidden("a\x00b\tc\x9f") == "a\ufffdb\tc\ufffd"


def test_folded_text_has_no_case_and_accents():
    assert fold_text("San JOSÉ Straße") == "san jose strasse"
    assert fold_text("a\u200b\u200cb e\u0301\u0302\u00e9f") == "ab eef"
    assert fold_text("é`s “x” ß") == 'e\'s "x" ss'


def test_message_about_several_lines_names_the_line():
    with pytest.raises(Invalid) as refused:
        normalize_text("a\nb\nc\x02d\ne", "the plan")
    assert str(refused.value) == (
        "Remove the character we can’t save (U+0002) from your answer about the plan (line 3)."
    )


@pytest.mark.parametrize(
    ("label", "shown"), [("City", "City:"), ("When?", "When?"), ("Done.", "Done."), ("To:", "To:")]
)
def test_colon_follows_what_is_no_sentence(label, shown):
    assert add_colon(label) == shown


@pytest.mark.parametrize("mark", [ACCENT, DOUBLE])
def test_only_marks_beyond_the_most_in_a_row_are_excess(mark):
    most = MAX_COMBINING_MARKS * mark
    assert find_excess_marks("a" + most + "b" + most) == find_excess_marks(most) == []
    first = MAX_COMBINING_MARKS + 1
    assert find_excess_marks("a" + most + 2 * mark + "b" + mark) == [first, first + 1]


def test_normal_form_is_that_without_excess_marks():
    most = MAX_COMBINING_MARKS * ACCENT
    assert normalize("NFC", f"a{most}{ACCENT}b") == normalize("NFC", f"a{most}b") != f"a{most}b"
    assert normalize("NFKD", "\u00e9\ufb01") == f"e{ACCENT}fi"


@pytest.mark.parametrize("text", ["a\nb" + 31 * ACCENT, "\n a\nb\x02c"])
def test_refused_character_is_found_in_its_line(text):
    with pytest.raises(Invalid) as refused:
        normalize_text(text, "the plan")
    assert f"the plan (line {text.count(chr(10)) + 1})" in str(refused.value)
