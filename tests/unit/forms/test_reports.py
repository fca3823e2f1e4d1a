"""Tests of the form on which an organization reports on its promises."""

from dataclasses import replace
from datetime import date

import pytest

from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import Choice
from wizard.forms.fields import Date, LongText, Url
from wizard.forms.flow import Flow
from wizard.forms.outputs import Row
from wizard.forms.promises import OUTCOMES, Promise, promised_groups
from wizard.forms.reports import (
    NOTHING_TOLD,
    OUTCOME_LABELS,
    REVIEW,
    TITLE,
    ReportJourney,
    ReportState,
    build_flow,
    promise_title,
    read_report,
    topic_row,
    typed_rows,
)

TODAY = date(2027, 6, 15)
MILESTONES, DATA_SETS = promised_groups(COMMITMENT)
RELEASE = Promise(
    "aaaaaaaa", "data_sets", "arrests", date(2027, 5, 1), date(2027, 5, 1), date(2027, 1, 1),
    title="Arrests",
)  # fmt: skip
TRAINING = replace(RELEASE, entry_id="bbbbbbbb", group="milestones", place=1, title="")


def make_report() -> Flow:
    """Return the form about both promises."""
    return build_flow([DATA_SETS, MILESTONES], [RELEASE, TRAINING])


def journey(answers: dict, posted: tuple[str, ...] = ()) -> ReportJourney:
    return ReportState().walk(make_report(), answers, posted, TODAY)


def about_release(**answers: str) -> dict[str, str]:
    """Return answers about the first promise."""
    return {f"{name}_aaaaaaaa": value for name, value in answers.items()}


def test_each_promise_has_a_step_and_kept_is_called_as_its_group_does():
    report = make_report()
    assert list(report.steps) == ["aaaaaaaa", "bbbbbbbb", REVIEW]
    assert [str(step.title) for step in report.steps.values()] == [
        "Data set 1: Arrests",
        "Milestone 2",
        "Check and send",
    ]
    options = [report.fields[f"outcome_{each.entry_id}"].options for each in (RELEASE, TRAINING)]
    assert [[option.code for option in each] for each in options] == [list(OUTCOMES)] * 2
    assert [each[1].label for each in options] == ["Released", "Done"]
    assert [bool(option.hint) for option in options[0]] == [False, False, True, True]
    assert tuple(OUTCOME_LABELS) == OUTCOMES


BEFORE = {"due_on": date(2026, 12, 31), "first_due_on": date(2026, 12, 31)}
"""The dates of what was there before it was submitted."""


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"done_on": date(2027, 4, 30)}, ["done", "dropped"]),
        (BEFORE, ["done", "dropped"]),
        ({"due_on": date(2026, 12, 31)}, list(OUTCOMES)),
        ({**BEFORE, "dropped_on": date(2027, 2, 1)}, list(OUTCOMES)),
    ],
)
def test_kept_promise_is_neither_on_track_nor_delayed(changed, codes):
    report = build_flow([DATA_SETS], [replace(RELEASE, **changed)])
    assert [option.code for option in report.fields["outcome_aaaaaaaa"].options] == codes


def test_topic_is_named_in_words_where_a_group_has_one():
    assert topic_row(DATA_SETS, RELEASE) == Row("category", "Topic", "Arrests")
    assert topic_row(DATA_SETS, replace(RELEASE, topic="")).text == ""
    assert topic_row(MILESTONES, TRAINING) is None


def test_removed_promise_is_called_by_its_kind_without_a_number():
    removed = replace(RELEASE, place=None)
    assert str(promise_title(DATA_SETS, removed)) == "Data set: Arrests"
    assert str(promise_title(DATA_SETS, replace(removed, title=""))) == "Data set"


def test_empty_report_cannot_be_sent_though_every_step_is_complete():
    empty = journey({}, (REVIEW,))
    assert [state.complete for state in empty.steps.values()] == [True, True, False]
    assert empty.steps[REVIEW].result.errors == {"report": NOTHING_TOLD}
    assert not empty.complete
    assert journey({}).steps[REVIEW].errors_to_show == {}


def test_report_on_one_promise_can_be_sent():
    told = journey(about_release(outcome="on_track"), ("aaaaaaaa", REVIEW))
    assert told.complete
    assert told.steps[REVIEW].result.errors == {}


def test_step_that_was_begun_has_to_be_posted():
    begun = journey(about_release(outcome="on_track"), (REVIEW,))
    assert [state.complete for state in begun.steps.values()] == [False, True, True]


def test_every_step_is_open_and_leads_back_to_the_review():
    empty = journey({})
    assert empty.is_path_known
    assert [empty.may_visit(name) for name in ("bbbbbbbb", REVIEW, "cccccccc")] == [
        True,
        True,
        False,
    ]
    assert [empty.previous_step(name) for name in ("aaaaaaaa", REVIEW)] == [REVIEW, None]
    assert empty.next_step == REVIEW


def test_promise_is_done_once_its_complete_answers_are_posted():
    told = about_release(outcome="on_track")
    assert [journey(told).is_done(name) for name in ("aaaaaaaa", "bbbbbbbb")] == [False, False]
    posted = journey(told, ("aaaaaaaa",))
    assert [posted.is_done(name) for name in ("aaaaaaaa", "bbbbbbbb")] == [True, False]


@pytest.mark.parametrize(("day", "is_later"), [("2027-08-01", False), ("2027-08-02", True)])
def test_delay_leads_to_a_date_after_the_promised_one(day, is_later):
    coming = replace(RELEASE, due_on=date(2027, 8, 1))
    told = about_release(outcome="delayed", new_date=day, words="Late.")
    walked = ReportJourney(build_flow([DATA_SETS], [coming]), told, ("aaaaaaaa",), today=TODAY)
    errors = walked.steps["aaaaaaaa"].result.errors
    assert list(errors) == ([] if is_later else ["new_date_aaaaaaaa"])
    assert is_later or "after August 1, 2027" in str(*errors.values())


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ({"outcome": "on_track"}, {}),
        ({"outcome": "done"}, {"done_on"}),
        ({"outcome": "done", "done_on": "2027-06-16"}, {"done_on"}),
        ({"outcome": "done", "done_on": "2027-06-15", "url": "example.org"}, {}),
        ({"outcome": "delayed"}, {"new_date", "words"}),
        ({"outcome": "delayed", "new_date": "2027-06-15", "words": "Late."}, {"new_date"}),
        ({"outcome": "delayed", "new_date": "2027-06-16", "words": "Late."}, {}),
        ({"outcome": "dropped"}, {"words"}),
        ({"outcome": "dropped", "words": "x" * 500}, {}),
        ({"outcome": "dropped", "words": "x" * 501}, {"words"}),
        ({"outcome": "on_track", "done_on": "2027-06-16"}, {}),
    ],
)
def test_outcome_decides_what_is_asked(answers, errors):
    found = journey(about_release(**answers), ("aaaaaaaa",)).steps["aaaaaaaa"].result.errors
    assert set(found) == {f"{name}_aaaaaaaa" for name in errors} - {"_aaaaaaaa"}


def test_everything_told_is_public():
    assert all(field.public for field in make_report().fields.values())


def test_report_asks_how_it_goes_and_what_follows_from_that():
    step = make_report().steps["aaaaaaaa"]
    assert [(type(field), str(field.label)) for field in step.fields] == [
        (Choice, "How is it going?"),
        (Date, "When was it done?"),
        (Url, "Where can people see it?"),
        (Date, "When will it be done?"),
        (LongText, "In a few words"),
    ]
    assert str(step.fields[-1].hint) == (
        "If it is delayed or dropped, say why. "
        "If what you promised is public, anyone can read this once it’s approved."
    )
    assert make_report().sections[0].title == TITLE


@pytest.mark.parametrize(
    ("outcome", "asked"),
    [
        ({}, []),
        ({"outcome": "on_track"}, ["words"]),
        ({"outcome": "done"}, ["done_on", "url", "words"]),
        ({"outcome": "delayed"}, ["new_date", "words"]),
        ({"outcome": "dropped"}, ["words"]),
    ],
)
def test_question_is_asked_when_the_outcome_needs_it(outcome, asked):
    step, given = make_report().steps["aaaaaaaa"], about_release(**outcome)
    found = [each.name for each in step.fields[1:] if each.when and each.when.holds(given)]
    assert found == [f"{name}_aaaaaaaa" for name in asked]
    assert all(each.when for each in step.fields[1:])


@pytest.mark.parametrize(
    ("answers", "name", "says"),
    [
        ({"outcome": "nope"}, "outcome", "Use the list to select how it’s going."),
        ({"outcome": "done"}, "done_on", "Enter the date it was done, with"),
        ({"outcome": "delayed"}, "new_date", "Enter the new date, with"),
        ({"outcome": "dropped"}, "words", "Describe why it is delayed or dropped."),
        ({"outcome": "done", "url": "x y"}, "url", "Enter where people can see it, like"),
    ],
)
def test_error_says_what_to_do(answers, name, says):
    errors = journey(about_release(**answers), ("aaaaaaaa",)).steps["aaaaaaaa"].result.errors
    assert str(errors[f"{name}_aaaaaaaa"]).startswith(says)


def test_rows_show_what_was_typed_and_applies():
    typed = about_release(
        outcome="delayed", new_date="2027-09-01", done_on="2027-06-01", words="No staff. ", url=" "
    )
    rows = [
        (str(row.label), row.text)
        for row in typed_rows(make_report().steps["aaaaaaaa"].fields, typed, TODAY)
    ]
    assert rows == [
        ("How is it going?", "Delayed"),
        ("When will it be done?", "September 1, 2027"),
        ("In a few words", "No staff."),
    ]
    assert typed_rows(make_report().steps["bbbbbbbb"].fields, typed, TODAY) == []
    assert (
        typed_rows(
            make_report().steps["aaaaaaaa"].fields,
            about_release(outcome=["done", "delayed"]),
            TODAY,
        )
        == []
    )


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"outcome": "on_track"}, {"day": None, "url": "", "words": ""}),
        (
            {"outcome": "done", "done_on": "2027-06-01", "url": "https://a.example/"},
            {"day": date(2027, 6, 1), "url": "https://a.example/", "words": ""},
        ),
        (
            {"outcome": "delayed", "new_date": "2027-09-01", "words": "Late."},
            {"day": date(2027, 9, 1), "url": "", "words": "Late."},
        ),
    ],
)
def test_report_is_told_in_columns(answers, told):
    assert read_report(RELEASE, about_release(**answers)) == {
        "entry_id": "aaaaaaaa",
        "outcome": answers["outcome"],
        "promised_on": date(2027, 5, 1),
        **told,
    }


def test_promise_without_outcome_tells_nothing():
    assert read_report(TRAINING, about_release(outcome="on_track")) == {}
