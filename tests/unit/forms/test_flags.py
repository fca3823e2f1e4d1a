"""Tests of the flags for staff: what speaks, and what must not."""

from dataclasses import astuple
from datetime import date

import pytest

from tests.conftest import load_case
from wizard.flows.commitment import COMMITMENT
from wizard.forms.flags import MAX_NAME_CHARS, Flag, describe_organization, find_flags

SUBMITTED_ON = date(2026, 11, 28)


def flags_of(**changed) -> list[Flag]:
    return find_flags(COMMITMENT, load_case("agency") | changed, SUBMITTED_ON)


def data_set(**changed) -> dict:
    plain = {"category": "arrests", "title": "Arrests", "release_on": "2027-03-01"}
    return {"data_sets": [plain | changed]}


@pytest.mark.parametrize("case", ["agency", "partner"])
def test_real_answers_have_no_flag(case):
    answers = load_case(case) | ({"website": "https://example.gov"} if case == "agency" else {})
    assert find_flags(COMMITMENT, answers, SUBMITTED_ON) == []


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("We will post it.", "Very short: 4 words."),
        ("Portal", "Very short: 1 word."),
        ("The plan is TBD, and we will send it to you in the spring.", "It says “tbd”."),
        ("N/A", "Very short: 2 words."),
        ("El calendario está por definir con el personal de la ciudad.", "It says “por definir”."),
    ],
)
def test_vague_plan_has_flag(answer, text):
    (flag,) = flags_of(access_plan=answer, website="https://example.gov")
    assert (flag.label, flag.text) == (
        "How will you make data more accessible to the public?", text,
    )  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        "We publish each data set monthly on our portal.",
        "Each month the TBDM office posts new files there.",
        "我们每月在门户网站上发布数据。",
    ],
)
def test_short_plan_that_says_enough_has_no_flag(answer):
    assert flags_of(access_plan=answer, website="https://example.gov") == []


def test_short_title_and_contact_have_no_flag():
    changed = {"commitment_title": "Open stops", "contact_name": "TBD", "city": "Tampa"}
    changed |= {"organization_name": "TBA Bank, N.A."}
    assert flags_of(**changed, website="https://example.gov") == []


def test_same_text_twice_has_flag_on_second():
    text = "We publish each data set monthly on our portal."
    (flag,) = flags_of(access_plan=text, engagement_plan=text, website="https://example.gov")
    assert flag.label == "How will you use data to engage with residents?"
    assert flag.text == "The same text as “How will you make data more accessible to the public?”."


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("http://police.example.gov/", "The link isn’t secure: no https."),
        ("https://bit.ly/3xYz", "The link hides where it leads: bit.ly shortens addresses."),
        ("https://intranet/", "The link looks wrong: not everyone can open it."),
        ("http://localhost:8000/", "The link looks wrong: not everyone can open it."),
        ("https://10.0.0.7/data", "The link looks wrong: not everyone can open it."),
        ("https://[", "The link looks wrong: not everyone can open it."),
    ],
)
def test_odd_link_has_flag(address, text):
    assert flags_of(website=address) == [Flag("Website", text)]


@pytest.mark.parametrize("address", ["https://police.example.gov/", "https://bit.ly.example.org/"])
def test_usual_link_has_no_flag(address):
    assert flags_of(website=address) == []


def test_link_of_entry_is_named_by_its_number():
    (flag,) = flags_of(**data_set(url="http://example.gov/a"), website="https://example.gov")
    assert flag.label == "Data set 1: Link to the data set"


@pytest.mark.parametrize(
    ("day", "years"),
    [("2024-11-28", "2 years"), ("2019-12-01", "6 years"), ("1927-01-01", "99 years")],
)
def test_date_in_far_past_has_flag(day, years):
    (flag,) = flags_of(**data_set(release_on=day), website="https://example.gov")
    assert flag.label == "Data set 1: Release date"
    assert flag.text.endswith(f" was {years} before the submission.")


@pytest.mark.parametrize(("day", "years"), [("2037-02-01", 10), ("2099-03-04", 72)])
def test_date_in_far_future_has_flag(day, years):
    (flag,) = flags_of(
        **data_set(release_on=day, url="https://example.gov/a"), website="https://example.gov"
    )
    assert flag.text.endswith(f" is {years} years after the submission.")


@pytest.mark.parametrize(
    "entry",
    [
        {"release_on": "2024-11-29"},
        {"release_on": "2036-11-27"},
        {"release_on": "2012-01-01", "url": "https://example.gov/arrests"},
    ],
)
def test_recent_or_shown_release_has_no_flag(entry):
    assert flags_of(**data_set(**entry), website="https://example.gov") == []


def test_entry_without_date_has_no_flag():
    assert flags_of(data_sets=[{"title": "Arrests"}], website="https://example.gov") == []


@pytest.mark.parametrize(
    ("given", "known_by"),
    [
        (("ORLANDO  police department.",), ("orlando police department", "", "")),
        (("Orlándo Police Department",), ("orlando police department", "", "")),
        (("", "https://www.orlando.gov/police"), ("", "orlando.gov", "")),
        (("", "http://Orlando.gov", "data@Orlando.gov"), ("", "orlando.gov", "orlando.gov")),
        (("", "no address", "data@police.orlando.gov"), ("", "", "police.orlando.gov")),
        (("", "https://www.facebook.com/one", "one@gmail.com"), ("", "", "")),
        (("…",), ("", "", "")),
    ],
)
def test_organization_is_known_by_name_and_own_hosts(given, known_by):
    assert astuple(describe_organization(*given)) == known_by


def test_long_name_of_organization_fits_into_index():
    name = describe_organization("ﷺ" * 200).name  # each is 18 letters and spaces
    assert len(name) == MAX_NAME_CHARS
    assert len(name.encode()) < 2704
