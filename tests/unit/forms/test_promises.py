"""Tests of the states of promises."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.forms.promises import KEPT, STATES, Promise, days_late, state_of

TODAY = date(2027, 6, 15)
DAYS = st.dates(date(2027, 1, 1), date(2027, 12, 31))


def promise(**changes) -> Promise:
    """Return a promise that is due in 100 days, with some changes."""
    due_on = changes.pop("due_on", TODAY + timedelta(days=100))
    given = {"first_due_on": due_on, "submitted_on": date(2027, 1, 1), **changes}
    return Promise("1a2b3c4d", "data_sets", "arrests", due_on, **given)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"dropped_on": TODAY, "done_on": TODAY}, "dropped"),
        ({"done_on": TODAY, "due_on": date(2026, 1, 1)}, "done"),
        ({"due_on": date(2026, 12, 31)}, "already_released"),
        ({"due_on": date(2027, 1, 1)}, "overdue"),
        ({"due_on": TODAY - timedelta(days=1)}, "overdue"),
        ({"due_on": TODAY - timedelta(days=1), "first_due_on": date(2027, 2, 1)}, "overdue"),
        ({"due_on": TODAY, "first_due_on": date(2027, 2, 1)}, "delayed"),
        ({"due_on": TODAY}, "due_soon"),
        ({"due_on": TODAY + timedelta(days=30)}, "due_soon"),
        ({"due_on": TODAY + timedelta(days=31)}, "due_later"),
        ({"first_due_on": TODAY + timedelta(days=200)}, "due_later"),
    ],
)
def test_first_rule_that_holds_is_the_state(changes, state):
    assert state_of(promise(**changes), TODAY) == state


PROMISES = st.builds(
    Promise,
    st.just("1a2b3c4d"),
    st.just("data_sets"),
    st.just("arrests"),
    due_on=DAYS,
    first_due_on=DAYS,
    submitted_on=DAYS,
    done_on=st.none() | DAYS,
    dropped_on=st.none() | DAYS,
)


@given(PROMISES, DAYS)
def test_every_promise_has_one_known_state(found, today):
    state = state_of(found, today)
    assert state in STATES
    assert (state in KEPT) <= (found.dropped_on is None)
    assert (days_late(found, today) > 0) <= (state in ("done", "overdue", "dropped"))


@given(PROMISES, DAYS, DAYS)
def test_kept_promise_stays_kept(found, one, other):
    first, later = sorted([one, other])
    if state_of(found, first) in (*KEPT, "dropped"):
        assert state_of(found, later) == state_of(found, first)


def test_days_late_is_counted_from_the_newest_date():
    due_on = date(2027, 5, 1)
    assert days_late(promise(due_on=due_on, done_on=date(2027, 5, 4)), TODAY) == 3
    assert days_late(promise(due_on=due_on, done_on=due_on), TODAY) == 0
    assert days_late(promise(due_on=TODAY - timedelta(days=5)), TODAY) == 5
    assert days_late(promise(), TODAY) == 0
