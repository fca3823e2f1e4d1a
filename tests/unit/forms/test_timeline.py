"""Tests of the timeline of a public commitment."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wizard.forms.promises import Update
from wizard.forms.timeline import Correction, ReportedUpdate, make_timeline

TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 9), timezones=st.just(UTC))


def test_newest_is_first_and_updates_of_a_day_are_together():
    first, second = (
        ReportedUpdate(at(2, hour), title, "Released", Update("e1", "done", date(2026, 3, 2)))
        for hour, title in ((8, "Stops"), (10, "Arrests"))
    )
    correction = Correction(at(2, 9), True, ())
    published, withdrawn = at(1) - timedelta(days=28), at(1) + timedelta(days=31)
    stops = make_timeline(published, [correction], [first, second], withdrawn)
    kinds = [(stop.day.month, stop.kind) for stop in stops]
    assert kinds == [(4, "withdrawn"), (3, "reported"), (3, "corrected"), (2, "published")]
    assert stops[1].updates == (first, second) and stops[2].correction is correction


def at(day: int, hour: int = 12) -> datetime:
    return datetime.combine(date(2026, 3, day), time(hour), UTC)


def test_entries_of_one_day_are_ordered_by_time():
    told = ReportedUpdate(at(1, 9), "Stops", "Released", Update("e1", "done", date(2026, 3, 1)))
    corrections = [Correction(at(1, hour), True, ()) for hour in (10, 13)]
    stops = make_timeline(at(1, 8), corrections, [told], at(1, 12))
    kinds = [stop.kind for stop in stops]
    assert kinds == ["corrected", "withdrawn", "corrected", "reported", "published"]
    assert {stop.day for stop in stops} == {date(2026, 3, 1)}


@given(TIMES, st.lists(TIMES), st.lists(TIMES), st.none() | TIMES)
def test_everything_is_on_the_timeline_once(published, corrected, reported, withdrawn):
    update = Update("e1", "", date(2026, 1, 1))
    updates = [ReportedUpdate(time, "Stops", "", update) for time in sorted(reported)]
    corrections = [Correction(time, False, ()) for time in sorted(corrected)]
    stops = make_timeline(published, corrections, updates, withdrawn)
    times = [stop.at for stop in stops]
    assert times == sorted(times, reverse=True)
    days = {time.date() for time in reported}
    assert len(stops) == 1 + len(corrected) + len(days) + (withdrawn is not None)
    assert sum(len(stop.updates) for stop in stops) == len(reported)
