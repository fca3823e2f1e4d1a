"""Tests of dates and ages in words."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from wizard.forms.dates import format_age, format_moment, parse_moment

TODAY = date(2027, 3, 31)


@pytest.mark.parametrize(
    ("days", "age"),
    [(0, "today"), (1, "1 day"), (58, "58 days"), (59, "2 months"), (360, "11 months"),
     (364, "11 months"), (365, "12 months"), (3653, "120 months")],
)  # fmt: skip
def test_age_is_in_days_then_months(days, age):
    assert format_age(TODAY - timedelta(days=days), TODAY) == age


def test_days_are_counted_until_two_months_are_over():
    assert format_age(date(2027, 7, 1), date(2027, 8, 30)) == "60 days"
    assert format_age(date(2027, 1, 31), date(2027, 3, 30)) == "58 days"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("America/New_York", "March 1, 2027, 12:05 a.m. ET"),
        ("America/Los_Angeles", "February 28, 2027, 9:05 p.m. PT"),
        ("Pacific/Honolulu", "February 28, 2027, 7:05 p.m. HST"),
        ("America/Sao_Paulo", "March 1, 2027, 2:05 a.m. UTC-03"),
        ("UTC", "March 1, 2027, 5:05 a.m. UTC"),
        ("Asia/Tokyo", "March 1, 2027, 2:05 p.m. JST"),
    ],
)
def test_moment_names_its_zone(zone, text):
    moment = datetime(2027, 3, 1, 5, 5, tzinfo=UTC)
    assert format_moment(moment.astimezone(ZoneInfo(zone))) == text


def test_noon_is_12_pm():
    noon = datetime(2027, 7, 1, 12, tzinfo=ZoneInfo("America/Chicago"))
    assert format_moment(noon) == "July 1, 2027, 12:00 p.m. CT"


@pytest.mark.parametrize(
    "text",
    ["2027-03-31T17:05:00Z", "2027-03-31T17:05", "2027-03-31T13:05:00-04:00",
     "2027-03-31T19:05:00 02:00"],
)  # fmt: skip
def test_moment_is_parsed_to_utc(text):
    moment = parse_moment(text)
    assert (moment, moment.tzinfo) == (datetime(2027, 3, 31, 17, 5, tzinfo=UTC), UTC)
