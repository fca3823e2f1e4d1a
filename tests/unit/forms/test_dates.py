"""Tests of dates and ages in words."""

from datetime import UTC, datetime, timedelta

import pytest

from wizard.forms.dates import format_age, format_day, format_moment, parse_moment

NOW = datetime(2027, 3, 31, 12, tzinfo=UTC)
JULY_1, AUGUST_30 = datetime(2027, 7, 1, tzinfo=UTC), datetime(2027, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "age"),
    [(0, "today"), (1, "1 day"), (58, "58 days"), (59, "2 months"), (360, "11 months"),
     (364, "11 months"), (365, "12 months"), (3653, "120 months")],
)  # fmt: skip
def test_age_is_in_days_then_months(days, age):
    assert format_age(NOW - timedelta(days=days), NOW) == age


def test_sixty_days_can_be_less_than_two_months():
    assert format_age(JULY_1, AUGUST_30) == "60 days"


@pytest.mark.parametrize(
    "text",
    ["2027-03-31T17:05:00Z", "2027-03-31T17:05", "2027-03-31T13:05:00-04:00",
     "2027-03-31T19:05:00 02:00"],
)  # fmt: skip
def test_moment_is_parsed_to_utc(text):
    moment = parse_moment(text)
    assert (moment, moment.tzinfo) == (datetime(2027, 3, 31, 17, 5, tzinfo=UTC), UTC)


def test_day_and_moment_are_in_words():
    moment = datetime(2027, 3, 31, 17, 5, tzinfo=UTC)
    assert format_day(moment.date()) == "March 31, 2027"
    assert format_moment(moment) == "March 31, 2027, 17:05 UTC"
