"""Tests of the timeline of a public commitment."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from wizard.forms.promises import Update
from wizard.forms.timeline import Correction, ReportedUpdate, make_timeline

DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 9))


def test_newest_is_first_and_updates_of_a_day_are_together():
    first, second = (
        ReportedUpdate(title, "Released", Update("e1", "done", date(2026, 3, 2)))
        for title in ("Stops", "Arrests")
    )
    correction = Correction(date(2026, 3, 2), True, ())
    stops = make_timeline(date(2026, 2, 1), [correction], [first, second], date(2026, 4, 1))
    kinds = [(stop.day.month, stop.kind) for stop in stops]
    assert kinds == [(4, "withdrawn"), (3, "reported"), (3, "corrected"), (2, "published")]
    assert stops[1].updates == (first, second) and stops[2].correction is correction


@given(DAYS, st.lists(DAYS), st.lists(DAYS), st.none() | DAYS)
def test_everything_is_on_the_timeline_once(published, corrected, reported, withdrawn):
    updates = [ReportedUpdate("Stops", "", Update("e1", "", day)) for day in sorted(reported)]
    corrections = [Correction(day, False, ()) for day in sorted(corrected)]
    stops = make_timeline(published, corrections, updates, withdrawn)
    days = [stop.day for stop in stops]
    assert days == sorted(days, reverse=True)
    assert len(stops) == 1 + len(corrected) + len(set(reported)) + (withdrawn is not None)
    assert sum(len(stop.updates) for stop in stops) == len(reported)
