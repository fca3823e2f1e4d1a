"""Tests of each field type: clean, refuse, format."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.strategies import JUNK, valid_values
from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import YES_NO, Choice, Choices, Option
from wizard.forms.fields import (
    MAX_YEAR,
    MIN_YEAR,
    Confirm,
    Date,
    Email,
    Field,
    Invalid,
    LongText,
    Moment,
    Phone,
    Text,
    Url,
)
from wizard.forms.text import normalize_text

TODAY = date(2026, 11, 22)
TEXT = Text("text", "Text", noun="the text", max_length=5)
LONG = LongText("long", "Long", noun="the long text", max_length=10)
EMAIL = Email("email", "E-mail", noun="the address")
PHONE = Phone("phone", "Phone", noun="the number")
URL = Url("url", "Website", noun="the website")
DAY = Date("day", "Day", noun="the day")
DUE = Date("due", "Due", noun="the day", not_past=True)
DONE = Date("done", "Done", noun="the day", not_future=True)
LATER = Date("later", "Later", noun="the day", after_today=True)
CHOICE = Choice("choice", "Choice", noun="one", options=YES_NO)
CHOICES = Choices(
    "choices",
    "Choices",
    noun="some",
    options=(Option("a", "A"), Option("b", "B"), Option("none", "None of these")),
    exclusive="none",
)
CONFIRM = Confirm("confirm", "Confirm", noun="that it is so")


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        (TEXT, "  a b ", "a b"),
        (TEXT, "e\u0301", "é"),
        (TEXT, "a\tb\nc", "a b c"),
        (TEXT, "a   b \n c", "a b c"),
        (TEXT, "12345", "12345"),
        (TEXT, "🧭🧭🧭🧭🧭", "🧭🧭🧭🧭🧭"),
        (LONG, "a\r\nb\rc", "a\nb\nc"),
        (LONG, "a\tb", "a\tb"),
        (LONG, "a\x0bb\x0cc", "a\nb\nc"),
        (LONG, "a\u2028b\u2029c\x85d", "a\nb\nc\nd"),
        (TEXT, "a\x0bb\u2028c", "a b c"),
        (TEXT, "\ufeffa\u200b", "a"),
        (TEXT, "a \u2800\u3164", "a"),
        (TEXT, "\u2060\xada\u200e", "a"),
        (TEXT, "می\u200cخ", "می\u200cخ"),
        (TEXT, "葛\U000e0100", "葛\U000e0100"),
        (TEXT, "a\ufe0f", "a"),
        (TEXT, "a\u200bb \u202e\u2066c\u2069", "ab c"),
        (EMAIL, " Desk@EXAMPLE.org ", "Desk@example.org"),
        (PHONE, "(407) 555-0142", "+14075550142"),
        (PHONE, "407.555.0142", "+14075550142"),
        (PHONE, "1-407-555-0142", "+14075550142"),
        (PHONE, "+44 20 7946 0018", "+442079460018"),
        (PHONE, "671 555 0142", "+16715550142"),
        (PHONE, "940-555-0142 ext 12", "+19405550142;ext=12"),
        (PHONE, "940-555-0142 x12", "+19405550142;ext=12"),
        (PHONE, "940-555-0142 extensión 12", "+19405550142;ext=12"),
        (PHONE, "tel:+1-940-555-0142;ext=12", "+19405550142;ext=12"),
        (PHONE, "+44 20 7946 0018 ext. 7", "+442079460018;ext=7"),
        (PHONE, "\u202a940\u2011555\u20110142\u202c", "+19405550142"),
        (PHONE, "1-800-FLOWERS", "+18003569377"),
        (PHONE, "(800) 4ADOPT1", "+18004236781"),
        (URL, "example.org", "https://example.org/"),
        (URL, "HTTPS://Example.ORG", "https://example.org/"),
        (URL, "https:example.org", "https://example.org/"),
        (URL, "https://example.org/\u200b", "https://example.org/"),
        (URL, "<https://example.org/a>", "https://example.org/a"),
        (URL, "https://example.org/d?where={1}", "https://example.org/d?where={1}"),
        (URL, "https://example.org/a b", "https://example.org/a%20b"),
        (URL, "https://example.org\\a", "https://example.org/a"),
        (URL, "https://भारत.भारत", "https://xn--h2brj9c.xn--h2brj9c/"),
        (URL, "https://example.org/" + "a" * 1_980, "https://example.org/" + "a" * 1_980),
        (URL, "www.example.org/a b".replace(" ", "%20"), "https://www.example.org/a%20b"),
        (URL, "http://example.org:8080/?q=1#a", "http://example.org:8080/?q=1#a"),
        (URL, "https://bücher.example", "https://xn--bcher-kva.example/"),
        (URL, "example.org/?next=https://x.org", "https://example.org/?next=https://x.org"),
        (URL, "http://192.0.2.8/x", "http://192.0.2.8/x"),
        (EMAIL, "a@bücher.de", "a@xn--bcher-kva.de"),
        (EMAIL, "desk@example.org\u200b", "desk@example.org"),
        (EMAIL, "desk@exa\u200dmple\xad.org", "desk@example.org"),
        (EMAIL, "Desk <desk@example.org>", "desk@example.org"),
        (EMAIL, '"Desk, City" <desk@example.org>;', "desk@example.org"),
        (EMAIL, "desk@example.org <desk@example.org>", "desk@example.org"),
        (EMAIL, "mailto:desk@example.org", "desk@example.org"),
        (EMAIL, "MAILTO:desk@example.org?subject=Hi", "desk@example.org"),
        (EMAIL, "desk@example.org,", "desk@example.org"),
        (EMAIL, "(desk@example.org).", "desk@example.org"),
        (EMAIL, "desk＠example.org", "desk@example.org"),
        (DAY, "2027-02-01", "2027-02-01"),
        (DAY, " 2/1/2027 ", "2027-02-01"),
        (DAY, "1999-12-31", "1999-12-31"),
        (DAY, "2027-3-31", "2027-03-31"),
        (DAY, "3/31/27", "2027-03-31"),
        (DAY, "31/3/2027", "2027-03-31"),
        (DAY, "3-31-2027", "2027-03-31"),
        (DAY, "31.3.2027", "2027-03-31"),
        (DAY, "2027\u201103\u201331", "2027-03-31"),
        (DAY, "March 31, 2027", "2027-03-31"),
        (DAY, "Mar. 31st, 2027", "2027-03-31"),
        (DAY, "31-Mar-2027", "2027-03-31"),
        (DAY, "the 31st of March 2027", "2027-03-31"),
        (DAY, "31 de marzo de 2027", "2027-03-31"),
        (DAY, "1 ENERO 2027", "2027-01-01"),
        (DAY, "15 sept 2027", "2027-09-15"),
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
        (TEXT, "123456", "Use 5 characters or fewer to enter the text. You now have 6."),
        (TEXT, "a\x00", "U+0000"),
        (TEXT, "a\x1b[2J", "U+001B"),
        (LONG, "\na\nb\x07", "the long text (line 3)"),
        (LONG, "a\r\nb\x02\nc", "(line 2)"),
        (TEXT, "\ud800", "U+D800"),
        (TEXT, "\ufffd", "U+FFFD"),
        (TEXT, ["a", "b"], "Give only one answer"),
        (LONG, "x" * 11, "to describe the long text"),
        (EMAIL, "desk", "Enter the address in full"),
        (EMAIL, "@example.org", "Enter the address in full"),
        (EMAIL, "a@b", "Part of “a@b” is wrong"),
        (EMAIL, "a@example..org", "Part of “a@example..org” is wrong"),
        (EMAIL, "a@example.org, b@example.org", "Enter only one."),
        (EMAIL, "a@example.org <b@example.org>", "Enter only one."),
        (EMAIL, "a@example.org\nBcc: b@example.org", "Enter only one."),
        (EMAIL, "maria@@gmail,com", "It has more than one @."),
        (EMAIL, "a@b@example.org", "It has more than one @."),
        (EMAIL, "a@example.c", "Part of “a@example.c” is wrong"),
        (EMAIL, "desk@ example.org", "Remove the space in “desk@ example.org”"),
        (EMAIL, "pölice@example.org", "don’t accept “pölice@example.org”"),
        (EMAIL, "=?utf-8?q?=0A?=@example.org", "is wrong or missing"),
        (LONG, "a" + "\u0301\u0316" * 50_000, "Remove accent marks"),
        (URL, "https://example..org", "like https://example.org or example.org"),
        (PHONE, "555-0142", "with its area code"),
        (PHONE, "call me", "with its area code"),
        (PHONE, "555-0199 ext", "with its area code"),
        (PHONE, "555-0199 Joe", "with its area code"),
        (PHONE, "1234567 abc", "with its area code"),
        (PHONE, "(202) 555-0143 (desk)", "without other words"),
        (PHONE, "+82 00 1234 5678", "with its area code"),
        (PHONE, "407 555 0142 or 407 555 0143", "without other words"),
        (URL, "ftp://example.org", "It must start with https:// or http://."),
        (URL, "javascript:alert(1)", "like https://example.org or example.org"),
        (URL, "https://user:secret@example.org", "like https://example.org or example.org"),
        (URL, "https://", "like https://example.org or example.org"),
        (URL, "not an address", "like https://example.org or example.org"),
        (URL, "https://example.org/" + "a" * 1_981, "fewer to enter the website"),
        (
            URL,
            "https://a.example.org/ https://b.example.org/",
            "like https://example.org or example.org",
        ),
        (URL, "https://exa mple.org", "like https://example.org or example.org"),
        (URL, "http://1.1", "like https://example.org or example.org"),
        (URL, "https://%00.org", "like https://example.org or example.org"),
        (URL, "https://[::1", "like https://example.org or example.org"),
        (URL, "http://127.0.0.1/data", "only your own network can open it"),
        (URL, "http://192.168.1.20", "only your own network can open it"),
        (URL, "http://10.1.2.3:8080", "only your own network can open it"),
        (URL, "data.city.local", "only your own network can open it"),
        (URL, "https://gis.internal./", "only your own network can open it"),
        (URL, "localhost", "like https://example.org or example.org"),
        (DAY, "2027-02-30", "as month/day/year"),
        (DAY, "tomorrow", "as month/day/year"),
        (DAY, "1/2/27", "with a four-digit year"),
        (DAY, "12/31/99", "with a four-digit year"),
        (DAY, "02/30/2027", "as month/day/year"),
        (DAY, "March 2027", "as month/day/year"),
        (DAY, "ma 3 2027", "as month/day/year"),
        (DAY, "2027-03", "as month/day/year"),
        (DAY, "20270201", "as month/day/year"),
        (DAY, "٢٠٢٧-٠٢-٠١", "as month/day/year"),
        (DAY, "0027-02-01", "Check the year"),
        (DUE, "2026-11-21", "to today or a later date"),
        (DONE, "2026-11-23", "to today or an earlier date"),
        (LATER, "2026-11-22", "to a date after today"),
        (CHOICE, "maybe", "Use the list to select one."),
        (CHOICE, ["yes", "no"], "Give only one answer"),
        (CHOICES, ["a", "c"], "Use the list to select some."),
        (CHOICES, ["a", "none"], "If you select “None of these,”"),
        (CHOICES, [["a"]], "Use the list to select some."),
        (CONFIRM, "no", "Check the box to confirm that it is so."),
        (CONFIRM, ["yes", "yes"], "Give only one answer"),
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
        (PHONE, "+19405550142;ext=12", "(940) 555-0142 ext. 12", "+19405550142;ext=12"),
        (PHONE, "+442079460018;ext=7", "+44 20 7946 0018 ext. 7", "+442079460018;ext=7"),
        (PHONE, "of an earlier version", "of an earlier version", "of an earlier version"),
        (EMAIL, "a@xn--bcher-kva.example", "a@bücher.example", "a@xn--bcher-kva.example"),
        (EMAIL, "of@an earlier version", "of@an earlier version", "of@an earlier version"),
        (EMAIL, "a@xn--0.gov", "a@xn--0.gov", "a@xn--0.gov"),
        (
            URL,
            "https://xn---n3h.net/",
            "https://xn---n3h.net/",
            "https://xn---n3h.net/",
        ),  # not ☃.net
        (
            URL,
            "https://xn--h2brj9c.xn--h2brj9c/",
            "https://भारत.भारत/",
            "https://xn--h2brj9c.xn--h2brj9c/",
        ),
        (URL, "https://example.org/a", "https://example.org/a", "https://example.org/a"),
        (URL, "of an earlier version", "of an earlier version", "of an earlier version"),
        (DAY, "2027-02-01", "February 1, 2027", "2027-02-01"),
        (CHOICE, "yes", "Yes", "yes"),
        (CHOICES, ["a", "b"], "A; B", "a;b"),
        (CONFIRM, True, "Yes", "yes"),
    ],
)
def test_reader_gets_labels_and_cell_gets_codes(field: Field, kept, shown, cell):
    assert field.display(kept) == shown
    assert field.export_cell(kept) == cell


@pytest.mark.parametrize(
    "blank",
    [
        None,
        "",
        "  \r\n",
        [],
        "\u0301",
        "\u200b\u0316\u0301 ",
        "\u00a0",
        "\u200b",
        "\u2800",
        "\u3164\xad",
        "\ufe0f",
        "\U000e0041",
    ],
)
def test_white_space_and_invisible_characters_are_blank(blank):
    assert TEXT.is_blank(blank)


@examples(300)
@given(
    st.lists(
        st.sampled_from(["a", "é", "e\u0301", "✈", " ", "\n", "\x0b", "\u200b", "\u200d", "\ufe0f"])
    ).map("".join)
)
def test_clean_text_has_visible_ends_and_stays(raw):
    if TEXT.is_blank(raw):
        return
    kept = normalize_text(raw, "it")
    assert normalize_text(kept, "it") == kept != ""
    assert not TEXT.is_blank(kept[0])
    assert kept[-1] == "\ufe0f" or not TEXT.is_blank(kept[-1])


@examples(400)
@given(st.data())
def test_clean_is_idempotent_and_raises_only_invalid(data):
    field = data.draw(st.sampled_from(list(COMMITMENT.fields.values())))
    raw = data.draw(st.one_of(valid_values(field), JUNK))
    if field.is_blank(raw):
        return
    try:
        kept = field.clean(raw, TODAY)
    except Invalid as invalid:
        assert field.noun in str(invalid) or "don’t select anything else" in str(invalid)
        return
    assert field.clean(kept, TODAY) == kept
    assert isinstance(field.export_cell(kept), str)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("2026-01-31", "2026-01-31"), ("1/31/2026", "2026-01-31"), ("2/30/2027", ""), (["x"], "")],
)
def test_date_control_keeps_real_day(raw, shown):
    assert DUE.control_value(raw) == shown


MOMENT = Moment("moment", "Moment", noun="the moment")


def test_moment_is_stored_in_utc():
    assert MOMENT.clean(" 2027-03-31T13:05:00-04:00 ", TODAY) == "2027-03-31T17:05:00Z"


@pytest.mark.parametrize("raw", ["tomorrow", "0001-01-01T00:00:00+14:00"])
def test_unreadable_moment_is_refused(raw):
    with pytest.raises(Invalid) as refused:
        MOMENT.clean(raw, TODAY)
    assert str(refused.value) == "Enter the moment as a date and time, like 2027-03-31T17:05:00Z."


@pytest.mark.parametrize("required", [True, False])
def test_blank_is_none_or_refused(required):
    field = Text("text", "Text", noun="the text", required=required)
    assert field.parse("a", TODAY) == "a"
    if not required:
        assert field.parse(" ", TODAY) is None
        return
    with pytest.raises(Invalid, match="the text"):
        field.parse(" ", TODAY)


def test_day_of_today_is_accepted_where_no_later_or_no_earlier_one_is():
    assert [field.clean("2026-11-22", TODAY) for field in (DUE, DONE)] == ["2026-11-22"] * 2
    assert LATER.clean("2026-11-23", TODAY) == "2026-11-23"


def test_field_type_without_clean_raises():
    with pytest.raises(NotImplementedError):
        Field("new", "New", noun="it").clean("text", TODAY)


ONE_OF = {"oneOf": [{"const": "yes", "title": "Yes"}, {"const": "no", "title": "No"}]}
SOME_OF = {
    "oneOf": [
        {"const": "a", "title": "A"},
        {"const": "b", "title": "B"},
        {"const": "none", "title": "None of these"},
    ]
}
STRING = {"type": "string", "minLength": 1}


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        (TEXT, {**STRING, "maxLength": 5}),
        (LONG, {**STRING, "maxLength": 10}),
        (EMAIL, {**STRING, "maxLength": 254, "format": "email"}),
        (PHONE, {**STRING, "maxLength": 200}),
        (URL, {**STRING, "maxLength": 2_000, "format": "uri"}),
        (DAY, {"type": "string", "format": "date"}),
        (Moment("at", "At", noun="the time"), {"type": "string", "format": "date-time"}),
        (CHOICE, ONE_OF),
        (CHOICES, {"type": "array", "uniqueItems": True, "items": SOME_OF}),
        (CONFIRM, {"const": True}),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_schema_of_field_is_exact(field, schema):
    assert field.schema() == schema


@pytest.mark.parametrize(
    ("field", "typed", "asks"),
    [
        (TEXT, "abcdefg", "Use 5 characters or fewer to enter the text. You now have 7."),
        (TEXT, ["abc", "defgh"], "Use 5 characters or fewer to enter the text. You now have 8."),
        (CHOICE, "x" * 9_000, "Select one."),
        (DAY, "1" * 9_000, "Enter the day, with the month, day and year."),
    ],
)
def test_answer_too_long_to_store_says_how_much(field, typed, asks):
    assert str(field.not_stored(typed)) == f"Not saved: too long. {asks}"


def test_day_of_optional_answer_is_checked():
    assert DUE.parse("11/22/2026", TODAY) == "2026-11-22"
    with pytest.raises(Invalid, match="today or a later date"):
        DUE.parse("11/21/2026", TODAY)


def test_code_that_is_no_longer_offered_is_shown_as_it_is():
    assert CHOICE.display("yes") == "Yes"
    assert CHOICE.display("gone") == "gone"


def test_address_of_previous_version_is_shown_as_it_is():
    assert URL.display("https://xn--mnchen-3ya.example/xn--mnchen-3ya") == (
        "https://münchen.example/xn--mnchen-3ya"
    )
    assert URL.display("xn--mnchen-3ya.example") == "xn--mnchen-3ya.example"


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        (TEXT, ["a", "b"], "Give only one answer. Enter the text."),
        (DAY, "31 31 2027", "Enter the day as month/day/year, with a four-digit year, "
                            "like 3/31/2027."),
        (DAY, "3/31/1899", "Check the year in the day. It can’t be 1899."),
        (DUE, "11/21/2026", "Change the day to today or a later date."),
        (DONE, "11/23/2026", "Change the day to today or an earlier date."),
        (LATER, "11/22/2026", "Change the day to a date after today."),
        (CHOICE, "maybe", "Use the list to select one."),
        (CHOICES, ["maybe"], "Use the list to select some."),
        (CHOICES, ["a", "none"], "If you select “None of these,” don’t select anything else."),
        (PHONE, "555", "Enter the number with its area code, like (202) 555-0143. "
                       "For numbers outside the U.S., start with + and the country code."),
    ],
)  # fmt: skip
def test_message_says_what_to_change(field, typed, message):
    with pytest.raises(Invalid) as refused:
        field.clean(typed, TODAY)
    assert str(refused.value) == message


@pytest.mark.parametrize("year", [MIN_YEAR, MAX_YEAR])
def test_first_and_last_year_are_accepted(year):
    assert DAY.clean(f"3/31/{year}", TODAY) == f"{year}-03-31"


def test_several_choices_are_kept_in_their_order():
    assert CHOICES.clean(["b", "a", "b"], TODAY) == ["a", "b"]
    assert CHOICES.clean("b", TODAY) == ["b"]
