"""Tests of the current day."""

from datetime import UTC, datetime

from wizard import clock


def test_today_lasts_until_midnight_in_samoa(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 1, 1, 10, 59, tzinfo=UTC))
    assert clock.today().isoformat() == "2026-12-31"
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 1, 1, 11, tzinfo=UTC))
    assert clock.today().isoformat() == "2027-01-01"
