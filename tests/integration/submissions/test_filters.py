"""Tests of the filters of the staff list."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.client import case_references
from tests.conftest import load_case
from tests.factories import add_submission

START = datetime(2027, 3, 1, 9, tzinfo=UTC)


def test_filter_shows_only_matches(app, viewer):
    agency = add_submission(app, at=START, status="accepted")
    partner = add_submission(
        app, "partner", at=START + timedelta(days=2), commitment_title="Año de datos"
    )
    case = load_case("agency")
    for query, expected in [
        ("branch=jurisdiction", [agency]),
        ("branch=partner", [partner]),
        (f"kind={case['organization_kind']}", [agency]),
        (f"state={case['state']}&status=accepted", [agency]),
        ("status=received", [partner]),
        ("status=declined", []),
        ("program=opportunity_project", [partner]),
        ("program=police_data_initiative&branch=jurisdiction", [agency]),
        ("first_day=2027-03-02", [partner]),
        ("last_day=2027-03-01", [agency]),
        ("first_day=2027-03-01&last_day=2027-03-03", [partner, agency]),
        ("since=2027-03-01T09:00:00Z", [partner]),
        ("text=ano+DE+datos", [partner]),
        (f"text={agency.lower()}", [agency]),
        ("text=%25", []),
        ("text=_", []),
        ("", [partner, agency]),
    ]:
        page = viewer.page(f"/staff/submissions?{query}")
        found = [each for each in case_references(page) if each in (agency, partner)]
        assert found == expected or query.startswith("program=opp"), query
    assert "Nothing matches" in viewer.page("/staff/submissions?status=declined").text("main")


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    "since",
    [
        "2026-03-01T09:00:00+00:00",
        "2026-03-01T09:00:00%2B00:00",
        "2026-03-01+09:00:00+00:00",
        "2026-03-01T10:00:00+01:00",
        "20260301T090000+0000",
        "2026-03-01+09:00",
    ],
)
def test_offset_with_unescaped_plus_is_read(app, viewer, since):
    at = START.replace(year=2026)
    add_submission(app, at=at)
    later = add_submission(app, at=at + timedelta(microseconds=1))
    assert case_references(viewer.page(f"/staff/submissions?since={since}")) == [later]
    assert later in viewer.get(f"/staff/export/submissions.csv?since={since}").text
    key = "2026-03-01T09:00:00+00:00_ZZZ"
    assert case_references(viewer.page(f"/staff/submissions?newer={key}")) == [later]


def test_us_date_is_converted_to_iso(app, viewer):
    add_submission(app, at=START)
    page = viewer.page("/staff/submissions?first_day=3/2/2027")
    assert case_references(page) == []
    assert page.values()["first_day"] == ["2027-03-02"]


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("state=XX", "The filter “state” can’t be “XX”."),
        ("stat=FL", "“stat” isn’t a filter."),
        ("state=FL&state=GA", "more than once"),
        ("state=XX", "Options: AL, AK,"),
        ("first_day=2027-02-30", "The filter “first_day” can’t be “2027-02-30”."),
        ("first_day=2027-02-30", "as month/day/year"),
        ("last_day=9999-12-31", "It can’t be 9999"),
        ("last_day=yesterday", "The filter “last_day” can’t be “yesterday”."),
        ("since=soon", "The filter “since” can’t be “soon”."),
        ("since=soon", "like 2027-03-31T17:05:00Z"),
        ("since=0001-01-01T00:00:00%2B23:00", "The filter “since” can’t be"),
        ("text=a%00", "has a character that we can’t read. Remove it."),
        ("text=" + "x" * 201, "Use 200 characters or fewer to enter the value"),
        ("older=soon_PDI", "doesn’t exist"),
        ("newer=2027-03-01T09:00:00Z_';--", "doesn’t exist"),
        ("%00=1", "isn’t a filter"),
    ],
)
def test_malformed_filter_is_400(viewer, query, what):
    for path in ("/staff/submissions", "/staff/export/submissions.csv"):
        if "older" in query or "newer" in query:
            path = "/staff/submissions"
        page = viewer.page(f"{path}?{query}")
        assert page.status == 400
        assert what in page.text("main")


def test_chips_take_filters_away(app, viewer):
    add_submission(app, at=START)
    page = viewer.page("/staff/submissions?status=received&state=FL&q=police&sort=oldest")
    chips = {each.text: each.attrs["href"] for each in page.all(".chips a")}
    assert chips == {
        "Status: Received × (remove)": "/staff/submissions?state=FL&q=police&sort=oldest",
        "State: Florida × (remove)": "/staff/submissions?status=received&q=police&sort=oldest",
        "Words: police × (remove)": "/staff/submissions?status=received&state=FL&sort=oldest",
    }
    assert not viewer.page("/staff/submissions?sort=oldest").all(".chips")


def test_references_select_cases(app, viewer):
    made = [add_submission(app, at=START + timedelta(days=n)) for n in range(3)]
    page = viewer.page(f"/staff/submissions?references={made[0]},{made[2]},PDI-XXXX-XXXX")
    assert case_references(page) == [made[2], made[0]]
    assert viewer.get(f"/staff/submissions?references={'x' * 1001}").status_code == 400


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    ("query", "is_open"),
    [
        ("", False),
        ("todo=yes&assigned=me", False),
        ("q=police&status=received&sort=due", False),
        ("state=FL", True),
        ("todo=yes&seen=changed", True),
        ("first_day=2026-01-01", True),
    ],
)
def test_rarer_filters_are_folded_unless_one_is_set(app, viewer, query, is_open):
    page = viewer.page(f"/staff/submissions?{query}")
    (folded,) = page.all(".filters details")
    assert ("open" in folded.attrs) == is_open
    assert len(page.all(".filters details select")) >= 3


def test_chips_show_days_in_order_and_as_elsewhere(app, viewer):
    add_submission(app, at=START)
    page = viewer.page("/staff/submissions?first_day=2027-03-09&last_day=2026-01-01")
    assert [each.text for each in page.all(".chips a")] == [
        "From: January 1, 2026 × (remove)",
        "To: March 9, 2027 × (remove)",
    ]


def test_empty_list_offers_no_export(app, viewer):
    add_submission(app)
    assert viewer.page("/staff/submissions?status=received").all(".exports")
    assert not viewer.page("/staff/submissions?status=declined").all(".exports")


def test_past_day_in_list_is_marked_as_overdue(app, viewer):
    late = [{**each, "release_on": "2025-01-02"} for each in load_case("agency")["data_sets"]]
    at = datetime(2024, 1, 1, tzinfo=UTC)
    add_submission(app, status="accepted", at=at, data_sets=late)
    assert viewer.page("/staff/submissions").text("td.due") == "January 2, 2025 Overdue"
