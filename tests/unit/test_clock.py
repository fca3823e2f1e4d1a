"""Tests of the current day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from wizard import clock, create_app


@pytest.mark.parametrize(
    ("zone", "last_hour"),
    [("America/New_York", 4), ("Pacific/Pago_Pago", 10), ("Pacific/Guam", 13), ("UTC", 23)],
)
def test_today_lasts_until_midnight_in_the_program_zone(tmp_path, monkeypatch, zone, last_hour):
    app = create_app({"INSTANCE_PATH": str(tmp_path), "TIMEZONE": zone})
    last = datetime(2027, 1, 1, last_hour, 59, 59, tzinfo=UTC)
    with app.app_context():
        monkeypatch.setattr(clock, "now", lambda: last)
        day = clock.today()
        assert clock.midnight(day) <= last < clock.midnight(day + timedelta(days=1))
        monkeypatch.setattr(clock, "now", lambda: last + timedelta(seconds=1))
        assert clock.today() == day + timedelta(days=1)


def test_day_of_clock_change_has_23_hours(tmp_path):
    with create_app({"INSTANCE_PATH": str(tmp_path)}).app_context():
        start, end = clock.midnight(date(2027, 3, 14)), clock.midnight(date(2027, 3, 15))
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=23)
