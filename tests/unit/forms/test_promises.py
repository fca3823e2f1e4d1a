"""Tests of the states of promises."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.flows.commitment import COMMITMENT
from wizard.forms.promises import (
    KEPT_STATES,
    STATES,
    DatedVersion,
    Promise,
    Update,
    count_states,
    days_late,
    derive_promises,
    promised_groups,
    state_of,
    tally,
)

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
        ({"due_on": date(2026, 1, 1), "first_due_on": date(2026, 5, 1)}, "already_released"),
        ({"due_on": date(2026, 1, 1), "first_due_on": date(2027, 9, 1)}, "overdue"),
        ({"due_on": date(2027, 9, 1), "first_due_on": date(2026, 1, 1)}, "delayed"),
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
    assert (state in KEPT_STATES) == found.is_kept
    assert (days_late(found, today) > 0) <= (state in ("done", "overdue", "dropped"))


@given(PROMISES, DAYS, DAYS)
def test_kept_promise_stays_kept(found, one, other):
    first, later = sorted([one, other])
    if state_of(found, first) in (*KEPT_STATES, "dropped"):
        assert state_of(found, later) == state_of(found, first)


SETS, MILESTONES = (COMMITMENT.fields[name] for name in ("data_sets", "milestones"))


@pytest.mark.parametrize(
    ("groups", "counts", "sentence"),
    [
        ([SETS], {"done": 1, "already_released": 1, "due_soon": 3}, "2 of 5 released"),
        ([SETS], {"overdue": 1200}, "0 of 1,200 released, 1,200 overdue"),
        ([MILESTONES], {"done": 2, "dropped": 1}, "2 of 3 done, 1 dropped"),
        (
            [SETS, MILESTONES],
            {"done": 1, "overdue": 1, "delayed": 2, "dropped": 3},
            "1 of 7 promises kept, 1 overdue, 2 delayed, 3 dropped",
        ),
        ([SETS], {}, "0 of 0 released"),
    ],
)
def test_sum_is_a_sentence(groups, counts, sentence):
    assert str(tally(groups, counts).sentence) == sentence


@given(st.dictionaries(st.sampled_from(list(STATES)), st.integers(0, 9)))
def test_parts_of_a_line_are_all_promises_side_by_side(counts):
    found, place = tally([SETS], counts), 0
    for state, number, left in found.parts:
        assert (number, left) == (counts[state], place)
        place += number
    assert place == found.total == sum(counts.values())


def test_days_late_is_counted_from_the_newest_date():
    due_on = date(2027, 5, 1)
    assert days_late(promise(due_on=due_on, done_on=date(2027, 5, 4)), TODAY) == 3
    assert days_late(promise(due_on=due_on, done_on=due_on), TODAY) == 0
    assert days_late(promise(due_on=TODAY - timedelta(days=5)), TODAY) == 5
    assert days_late(promise(), TODAY) == 0


def test_days_late_is_none_of_what_was_done_before_it_was_submitted():
    found = promise(due_on=date(2026, 5, 1), done_on=date(2026, 12, 31))
    assert days_late(found, TODAY) == 0


def answers_with(*entries: tuple[str, str]) -> dict:
    """Return answers with a data set for each id and date."""
    return {
        "data_sets": [
            {"id": entry_id, "category": "stops", "title": "Stops", "release_on": day}
            for entry_id, day in entries
        ]
    }


def derived(*revisions: DatedVersion, updates=()) -> dict[str, Promise]:
    found = derive_promises(COMMITMENT, date(2027, 1, 1), revisions, updates)
    return {promise.entry_id: promise for promise in found}


def test_moved_date_is_a_delay_and_a_slip_is_none():
    before = DatedVersion(answers_with(("a", "2027-03-01"), ("b", "2027-03-01")), date(2027, 1, 1))
    later = answers_with(("a", "2027-09-01"), ("b", "2027-09-01"))
    found = derived(before, DatedVersion(later, date(2027, 2, 1), "Late", frozenset("b")))
    assert [found[each].first_due_on.month for each in "ab"] == [3, 9]
    assert state_of(found["a"], TODAY) == "delayed"
    assert state_of(found["b"], TODAY) == "due_later"


def test_date_moved_to_the_past_is_kept_only_if_the_earlier_one_was_a_slip():
    before = DatedVersion(answers_with(("a", "2027-09-01"), ("b", "2027-09-01")), date(2027, 1, 1))
    past = answers_with(("a", "2024-01-01"), ("b", "2024-01-01"))
    found = derived(before, DatedVersion(past, date(2027, 2, 1), "", frozenset("b")))
    assert [state_of(found[each], TODAY) for each in "ab"] == ["overdue", "already_released"]
    assert [found[each].is_kept for each in "ab"] == [False, True]


def test_removed_entry_is_dropped_with_reason_unless_it_was_done():
    before = DatedVersion(answers_with(("a", "2027-03-01"), ("b", "2027-03-01")), date(2027, 1, 1))
    after = DatedVersion(answers_with(), date(2027, 2, 1), "No money")
    found = derived(before, after, updates=[Update("b", "done", date(2027, 1, 9))])
    assert (found["a"].dropped_on, found["a"].words) == (date(2027, 2, 1), "No money")
    assert [found[each].place for each in "ab"] == [None, None]
    assert [state_of(found[each], TODAY) for each in "ab"] == ["dropped", "done"]
    assert derived(after, before)["a"].place == 0


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([("done", date(2027, 2, 3))], "done"),
        ([("done", None), ("on_track", None)], "overdue"),
        ([("dropped", None)], "dropped"),
        ([("dropped", None), ("on_track", None)], "overdue"),
        ([("delayed", date(2027, 9, 1))], "delayed"),
        ([("delayed", date(2027, 9, 1)), ("on_track", None)], "delayed"),
        ([("delayed", date(2027, 9, 1)), ("done", None)], "done"),
        ([("done", None), ("", None)], "done"),
    ],
)
def test_newest_outcome_counts_and_delay_remains(told, state):
    first = DatedVersion(answers_with(("a", "2027-03-01")), date(2027, 1, 1))
    updates = [
        Update("a", outcome, date(2027, 4, 1), day, date(2027, 3, 1), words=outcome)
        for outcome, day in told
    ]
    found = derived(first, updates=updates)["a"]
    assert state_of(found, TODAY) == state
    assert found.words == told[-1][0]


def test_corrected_date_replaces_an_older_delay():
    first = DatedVersion(answers_with(("a", "2027-03-01")), date(2027, 1, 1))
    second = DatedVersion(answers_with(("a", "2027-05-01")), date(2027, 4, 2))
    delay = Update("a", "delayed", date(2027, 4, 1), date(2027, 9, 1), date(2027, 3, 1))
    assert derived(first, second, updates=[delay])["a"].due_on == date(2027, 5, 1)


@pytest.mark.parametrize(
    ("delays", "due_on"),
    [
        ([((3, 1), (9, 1)), ((9, 1), (12, 1))], (12, 1)),
        ([((3, 1), (6, 1)), ((3, 1), (7, 1)), ((6, 1), (12, 1))], (12, 1)),
        ([((9, 1), (12, 1)), ((3, 1), (9, 1))], (9, 1)),
        ([((4, 1), (9, 1)), ((9, 1), (12, 1))], (3, 1)),
    ],
    ids=["of a delay", "of a delay before the last", "before it", "of another date"],
)
def test_delay_counts_from_each_date_that_was_reached(delays, due_on):
    first = DatedVersion(answers_with(("a", "2027-03-01")), date(2027, 1, 1))
    updates = [
        Update("a", "delayed", date(2027, 2, 1), date(2027, *day), date(2027, *before))
        for before, day in delays
    ]
    assert derived(first, updates=updates)["a"].due_on == date(2027, *due_on)


def test_day_done_is_never_later_than_its_report():
    first = DatedVersion(answers_with(("a", "2027-03-01")), date(2027, 1, 1))
    done = Update("a", "done", date(2027, 4, 1), date(2028, 1, 1))
    assert derived(first, updates=[done])["a"].done_on == date(2027, 4, 1)


def test_entry_without_a_date_is_no_promise():
    undated = {"data_sets": [{"id": "a", "title": "Stops"}]}
    assert derived(DatedVersion(undated, date(2027, 1, 1))) == {}


def test_states_are_counted():
    found = [promise(), promise(done_on=TODAY), promise(due_on=TODAY), promise(due_on=TODAY)]
    assert count_states(found, TODAY) == {"due_later": 1, "done": 1, "due_soon": 2}


MILESTONES, DATA_SETS = promised_groups(COMMITMENT)


@pytest.mark.parametrize(
    ("groups", "counts", "says"),
    [
        ([DATA_SETS], {}, "0 of 0 released"),
        ([DATA_SETS], {"done": 1, "already_released": 1, "due_soon": 3}, "2 of 5 released"),
        ([MILESTONES], {"done": 1, "delayed": 1}, "1 of 2 done, 1 delayed"),
        (
            [DATA_SETS, MILESTONES],
            {"done": 1000, "dropped": 3, "delayed": 2000, "overdue": 1},
            "1,000 of 3,004 promises kept, 1 overdue, 2,000 delayed, 3 dropped",
        ),
    ],
)
def test_tally_names_what_is_kept_and_each_exception(groups, counts, says):
    found = tally(groups, counts)
    assert str(found.sentence) == says
    assert found.total == sum(counts.values())


def test_tally_counts_the_kept_and_those_still_to_come():
    counts = {"done": 1, "already_released": 2, "due_soon": 4, "due_later": 8, "delayed": 16}
    found = tally([DATA_SETS], counts | {"overdue": 32, "dropped": 64})
    assert (found.kept, found.not_due, found.total) == (3, 28, 127)
    none = tally([DATA_SETS], {})
    assert (none.kept, none.not_due, none.total) == (0, 0, 0)


def test_parts_of_a_bar_lie_side_by_side_from_kept_to_dropped():
    found = tally([DATA_SETS], {"dropped": 1, "overdue": 2, "done": 3, "due_soon": 0})
    assert list(found.parts) == [("done", 3, 0), ("overdue", 2, 3), ("dropped", 1, 5)]


def test_promise_tells_what_its_entry_is_about():
    told = answers_with(("a", "2027-03-01"))
    told["data_sets"].append({"id": "b", "release_on": "2027-03-01"})
    found = derived(DatedVersion(told, date(2027, 1, 1)))
    assert [(each.group, each.topic, each.title, each.place) for each in found.values()] == [
        ("data_sets", "stops", "Stops", 0),
        ("data_sets", "", "", 1),
    ]
    assert [(each.url, each.words, each.reported_on) for each in found.values()] == [
        ("", "", None)
    ] * 2


def test_entry_that_returns_keeps_its_first_date():
    day = date(2027, 1, 1)
    first, last = answers_with(("a", "2027-03-01")), answers_with(("a", "2027-09-01"))
    found = derived(
        DatedVersion(first, day), DatedVersion(answers_with(), day), DatedVersion(last, day)
    )["a"]
    assert (found.first_due_on, found.due_on) == (date(2027, 3, 1), date(2027, 9, 1))
    assert found.dropped_on is None


def test_words_alone_change_no_state_and_newest_address_remains():
    first = DatedVersion(answers_with(("a", "2027-07-01")), date(2027, 1, 1))
    updates = [
        Update("a", "", date(2027, 2, 1), url="https://a.example/", words="First."),
        Update("a", "", date(2027, 3, 1), words="Second."),
    ]
    found = derived(first, updates=updates)["a"]
    assert (found.url, found.words) == ("https://a.example/", "Second.")
    assert (found.done_on, found.dropped_on, found.reported_on) == (None, None, date(2027, 3, 1))
    assert derived(first, updates=updates[1:])["a"].url == ""


def test_removed_entry_stays_dropped_whatever_was_reported():
    first = DatedVersion(answers_with(("a", "2027-03-01")), date(2027, 1, 1))
    removed = DatedVersion(answers_with(), date(2027, 4, 1), "No money")
    found = derived(first, removed, updates=[Update("a", "on_track", date(2027, 2, 1))])["a"]
    assert (found.dropped_on, found.words) == (date(2027, 4, 1), "No money")
    assert found.reported_on is None  # nobody wrote the reason on that day
