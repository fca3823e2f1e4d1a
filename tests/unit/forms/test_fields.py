"""Tests of each field type: clean, refuse, format."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import JUNK, valid_values
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import (
    YES_NO,
    Choice,
    Choices,
    Confirm,
    Date,
    Email,
    Field,
    Invalid,
    LongText,
    Moment,
    Option,
    Phone,
    Text,
    Url,
)

TODAY = date(2026, 11, 22)
TEXT = Text("text", "Text", noun="the text", max_length=5)
LONG = LongText("long", "Long", noun="the long text", max_length=10)
EMAIL = Email("email", "E-mail", noun="the address")
PHONE = Phone("phone", "Phone", noun="the number")
URL = Url("url", "Website", noun="the website")
DAY = Date("day", "Day", noun="the day")
DUE = Date("due", "Due", noun="the day", not_past=True)
CHOICE = Choice("choice", "Choice", noun="one", options=YES_NO)
CHOICES = Choices(
    "choices",
    "Choices",
    noun="some",
    options=(Option("a", "A"), Option("b", "B"), Option("none", "None")),
    exclusive="none",
)
CONFIRM = Confirm("confirm", "Confirm", noun="that it is so")


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        (TEXT, "  a b ", "a b"),
        (TEXT, "e\u0301", "é"),
        (TEXT, "a\tb\nc", "a b c"),
        (TEXT, "12345", "12345"),
        (TEXT, "🧭🧭🧭🧭🧭", "🧭🧭🧭🧭🧭"),
        (LONG, "a\r\nb\rc", "a\nb\nc"),
        (LONG, "a\tb", "a\tb"),
        (EMAIL, " Desk@EXAMPLE.org ", "Desk@example.org"),
        (PHONE, "(407) 555-0142", "+14075550142"),
        (PHONE, "407.555.0142", "+14075550142"),
        (PHONE, "1-407-555-0142", "+14075550142"),
        (PHONE, "+44 20 7946 0018", "+442079460018"),
        (PHONE, "671 555 0142", "+16715550142"),
        (URL, "example.org", "https://example.org"),
        (URL, "www.example.org/a b".replace(" ", "%20"), "https://www.example.org/a%20b"),
        (URL, "http://example.org:8080/?q=1#a", "http://example.org:8080/?q=1#a"),
        (URL, "https://bücher.example", "https://bücher.example"),
        (URL, "example.org/?next=https://x.org", "https://example.org/?next=https://x.org"),
        (URL, "http://192.0.2.8/x", "http://192.0.2.8/x"),
        (EMAIL, "a@bücher.de", "a@xn--bcher-kva.de"),
        (DAY, "2027-02-01", "2027-02-01"),
        (DAY, " 2/1/2027 ", "2027-02-01"),
        (DAY, "1999-12-31", "1999-12-31"),
        (DUE, "2026-11-22", "2026-11-22"),
        (CHOICE, "yes", "yes"),
        (CHOICES, ["b", "a"], ["a", "b"]),
        (CHOICES, ["b", "b"], ["b"]),
        (CHOICES, ["none"], ["none"]),
        (CHOICES, "a", ["a"]),
        (CONFIRM, "yes", True),
        (CONFIRM, "on", True),
        (CONFIRM, True, True),
    ],
)
def test_clean_normalizes_value(field: Field, typed, kept):
    assert field.clean(typed, TODAY) == kept
    assert field.clean(kept, TODAY) == kept


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        (TEXT, "123456", "Shorten the text to 5 characters or fewer; it has 6."),
        (TEXT, "a\x00", "U+0000"),
        (TEXT, "a\x1b[2J", "U+001B"),
        (TEXT, "a\x85b", "U+0085"),
        (TEXT, "\ud800", "U+D800"),
        (TEXT, "\ufffd", "U+FFFD"),
        (TEXT, ["a", "b"], "Give one answer only"),
        (LONG, "x" * 11, "Shorten the long text"),
        (EMAIL, "desk", "Enter the address in full"),
        (EMAIL, "a@b", "Enter the address in full"),
        (EMAIL, "a@example.org, b@example.org", "Enter the address in full"),
        (EMAIL, "a@example.org\nBcc: b@example.org", "Enter the address in full"),
        (EMAIL, "pölice@example.org", "Enter the address in full"),
        (EMAIL, "=?utf-8?q?=0A?=@example.org", "Enter the address in full"),
        (LONG, "a" + "\u0301\u0316" * 50_000, "more accents on one letter"),
        (URL, "https://example..org", "as a web address"),
        (PHONE, "555-0142", "with its area code"),
        (PHONE, "call me", "with its area code"),
        (PHONE, "407 555 0142 ext. 5", "without its extension"),
        (URL, "ftp://example.org", "as a web address"),
        (URL, "javascript:alert(1)", "as a web address"),
        (URL, "https://user:secret@example.org", "as a web address"),
        (URL, "https://", "as a web address"),
        (URL, "not an address", "as a web address"),
        (URL, "https://example.org/" + "a" * 181, "Shorten the website"),
        (URL, "https://[::1", "as a web address"),
        (URL, "localhost", "as a web address"),
        (DAY, "2027-02-30", "as a real day"),
        (DAY, "tomorrow", "as a real day"),
        (DAY, "20270201", "as a real day"),
        (DAY, "٢٠٢٧-٠٢-٠١", "as a real day"),
        (DAY, "0027-02-01", "Check the year"),
        (DUE, "2026-11-21", "Choose today or a later day"),
        (CHOICE, "maybe", "Choose one from the list"),
        (CHOICE, ["yes", "no"], "Give one answer only"),
        (CHOICES, ["a", "c"], "Choose some from the list"),
        (CHOICES, ["a", "none"], "Choose either “None” or others"),
        (CHOICES, [["a"]], "Choose some from the list"),
        (CONFIRM, "no", "Confirm that it is so."),
        (CONFIRM, ["yes", "yes"], "Give one answer only"),
    ],
)
def test_invalid_value_says_what_to_do(field: Field, typed, says):
    with pytest.raises(Invalid, match=r".") as caught:
        field.clean(typed, TODAY)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("field", "kept", "shown", "cell"),
    [
        (PHONE, "+14075550142", "(407) 555-0142", "+14075550142"),
        (PHONE, "+442079460018", "+44 20 7946 0018", "+442079460018"),
        (DAY, "2027-02-01", "February 1, 2027", "2027-02-01"),
        (CHOICE, "yes", "Yes", "yes"),
        (CHOICES, ["a", "b"], "A; B", "a;b"),
        (CONFIRM, True, "Yes", "yes"),
    ],
)
def test_reader_gets_labels_and_cell_gets_codes(field: Field, kept, shown, cell):
    assert field.display(kept) == shown
    assert field.export_cell(kept) == cell


@pytest.mark.parametrize("blank", [None, "", "  \r\n", [], "\u00a0"])
def test_white_space_is_blank(blank):
    assert TEXT.is_blank(blank)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_clean_is_idempotent_and_raises_only_invalid(data):
    field = data.draw(st.sampled_from(list(COMMITMENT.fields.values())))
    raw = data.draw(st.one_of(valid_values(field), JUNK))
    if field.is_blank(raw):
        return
    try:
        kept = field.clean(raw, TODAY)
    except Invalid as invalid:
        assert field.noun in str(invalid) or "not both" in str(invalid)
        return
    assert field.clean(kept, TODAY) == kept
    assert isinstance(field.export_cell(kept), str)


MOMENT = Moment("moment", "Moment", noun="the moment")


def test_moment_is_stored_in_utc():
    assert MOMENT.clean(" 2027-03-31T13:05:00-04:00 ", TODAY) == "2027-03-31T17:05:00Z"


@pytest.mark.parametrize("raw", ["tomorrow", "0001-01-01T00:00:00+14:00"])
def test_unreadable_moment_is_refused(raw):
    with pytest.raises(Invalid) as refused:
        MOMENT.clean(raw, TODAY)
    assert str(refused.value) == "Enter the moment as a moment, like 2027-03-31T17:05:00Z."


@pytest.mark.parametrize("required", [True, False])
def test_blank_is_none_or_refused(required):
    field = Text("text", "Text", noun="the text", required=required)
    assert field.parse("a", TODAY) == "a"
    if not required:
        assert field.parse(" ", TODAY) is None
        return
    with pytest.raises(Invalid, match="the text"):
        field.parse(" ", TODAY)
