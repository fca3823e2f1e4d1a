"""Tests of changes to submitted answers: only what is open can be changed."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from tests.conftest import load_case
from tests.examples import examples
from tests.unit.forms.test_saving import posts
from wizard.flows.commitment import COMMITMENT
from wizard.forms.changes import (
    CHANGE_NOTE,
    NOTHING_CHANGED,
    REMOVED_WITHOUT_WORDS,
    ChangeJourney,
    ChangeState,
    changed_fields,
    completed_steps,
    last_step,
    open_fields,
    rebase,
    sent_answers,
)
from wizard.forms.groups import add_entry_ids
from wizard.forms.journey import Journey
from wizard.forms.outcomes import Completed, GoTo, Invalid, Submitted
from wizard.forms.saving import StepPost, decide, decide_autosave

TODAY = date(2026, 11, 22)
NAMES = [*COMMITMENT.steps, *COMMITMENT.fields]
STEPS = list(COMMITMENT.steps)
OWN = {field.name for field in COMMITMENT.review.fields}
few = examples(60)


def submitted(case: str) -> dict[str, Any]:
    """Return the answers of a case as they were submitted."""
    typed = add_entry_ids(COMMITMENT.groups, load_case(case), "PDI-0000-0000")
    return Journey(COMMITMENT, typed, STEPS, today=TODAY).answers


ANSWERS = {case: submitted(case) for case in ("agency", "partner")}


def change(case: str, opened: list[str], typed: dict[str, Any] | None = None) -> ChangeState:
    """Return the state of changes that were asked for, with what was typed."""
    answers = {name: value for name, value in ANSWERS[case].items() if name not in OWN}
    answers |= typed or {}
    steps = completed_steps(walk(case, [], ANSWERS[case], ()), opened)
    journey = walk(case, opened, answers, steps)
    return ChangeState(journey=journey, answers=answers, completed_steps=tuple(steps))


def walk(case: str, opened: list[str], typed: Any, posted: Any, **options: bool) -> ChangeJourney:
    """Return the journey of changed answers."""
    return ChangeJourney(COMMITMENT, ANSWERS[case], opened, typed, posted, today=TODAY, **options)


def decide_post(state: ChangeState, post: StepPost) -> Any:
    """Decide a post on the day of submission."""
    return decide(COMMITMENT, state, post, TODAY)


def test_lists_of_steps_are_equal_when_a_page_is_narrowed():
    first, again = (walk("agency", ["city"], ANSWERS["agency"], ()) for _ in range(2))
    assert len(first.steps["organization"].step.fields) == 1
    assert first.list_steps("organization") == again.list_steps("organization")


cases = st.sampled_from(sorted(ANSWERS))
names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3)
some_answers = st.lists(st.sampled_from(sorted(COMMITMENT.fields)), max_size=4).flatmap(
    lambda chosen: st.fixed_dictionaries(
        {name: strategies.typed_values(COMMITMENT.fields[name]) for name in chosen}
    )
)


@few
@given(cases, names, some_answers, posts())
def test_no_post_changes_a_closed_answer(case, opened, typed, post):
    state = change(case, opened, typed)
    closed = COMMITMENT.fields.keys() - state.journey.open_fields
    for _, after in (decide_post(state, post), decide_autosave(state, post)):
        assert {name: after.answers.get(name) for name in closed} == {
            name: state.answers.get(name) for name in closed
        }
        journey = after.journey.replace_answers(after.answers, STEPS)
        for name in COMMITMENT.fields.keys() - journey.open_fields & journey.answers.keys():
            assert journey.answers.get(name) == ANSWERS[case].get(name)


@few
@given(cases, names, some_answers)
def test_whatever_keeps_changes_from_being_sent_is_open(case, opened, typed):
    journey = walk(case, opened, typed, STEPS)
    for state in journey.steps.values():
        shown = {field.name for field in state.step.fields}
        assert {path.partition("-")[0] for path in state.result.errors} <= shown
    assert journey.first_incomplete in journey.steps


@few
@given(cases, names)
def test_unchanged_answers_can_be_sent_with_words_once_every_open_step_was_seen(case, opened):
    state = change(case, opened)
    for name in state.journey.steps:
        step = state.journey.steps[name].step
        answers = {field.name: state.answers.get(field.name) for field in step.fields}
        if name == "review":
            break
        outcome, state = decide_post(state, StepPost(step, answers))
        assert isinstance(outcome, Completed)
    typed = {"authorized": "yes"}
    for blank in (None, " ", "\u200b"):
        post = StepPost(last_step(COMMITMENT), typed | {CHANGE_NOTE.name: blank})
        outcome, _ = decide_post(state, post)
        assert isinstance(outcome, Invalid)
        assert outcome.journey.steps["review"].result.errors == {CHANGE_NOTE.name: NOTHING_CHANGED}
    typed |= {CHANGE_NOTE.name: "It is right as it is."}
    outcome, _ = decide_post(state, StepPost(last_step(COMMITMENT), typed))
    assert isinstance(outcome, Submitted)
    assert outcome.journey.answers == ANSWERS[case] | {CHANGE_NOTE.name: typed[CHANGE_NOTE.name]}


@pytest.mark.parametrize("case", ANSWERS)
def test_everything_is_open_and_complete_in_a_correction(case):
    state = change(case, [])
    assert list(state.journey.steps) == list(walk(case, STEPS, {}, ()).steps)
    assert state.journey.first_incomplete == "review"


def test_dependent_question_is_open_beside_the_one_that_was_asked_for():
    assert open_fields(COMMITMENT, ["delegate_is_contact"]) == {
        "delegate_is_contact",
        "delegate_name",
        "delegate_email",
    }
    assert open_fields(COMMITMENT, ["help_wanted"]) == {"help_wanted"}


def test_unknown_name_opens_everything():
    assert open_fields(COMMITMENT, ["no_longer_asked"]) == set(COMMITMENT.fields)


def test_step_that_becomes_necessary_is_open():
    both = ["opportunity_project", "police_data_initiative"]
    given = {**ANSWERS["partner"], "programs": ["police_data_initiative"]}
    answers = Journey(COMMITMENT, given, STEPS, today=TODAY).answers
    journey = ChangeJourney(
        COMMITMENT, answers, ["programs"], {"programs": both}, STEPS, today=TODAY
    )
    assert list(journey.steps) == ["programs", "opportunity", "review"]
    assert journey.first_incomplete == "opportunity"


def test_changed_branch_opens_its_steps_and_reverting_closes_them():
    state = change("agency", ["organization_kind"], {"organization_kind": "company"})
    assert {"programs", "commitment", "milestones"} <= state.journey.steps.keys()
    again = change("agency", ["organization_kind"], {"access_plan": "typed meanwhile"})
    assert list(again.journey.steps) == ["kind", "review"]
    assert again.journey.answers["access_plan"] == ANSWERS["agency"]["access_plan"]


def test_date_that_passed_since_submission_stays_valid():
    later = ChangeJourney(COMMITMENT, ANSWERS["partner"], ["city"], {}, STEPS, today=TODAY)
    assert "milestones" not in later.steps


def test_closed_step_leads_to_an_open_one():
    state = change("agency", ["city"])
    post = StepPost(COMMITMENT.steps["plan"], {"access_plan": "forged"})
    outcome, after = decide_post(state, post)
    assert (outcome, after.answers) == (GoTo("organization"), state.answers)


def test_removed_entry_of_an_open_group_can_be_restored():
    state = change("agency", ["data_sets"])
    step = COMMITMENT.steps["data_sets"]
    entries = ANSWERS["agency"]["data_sets"]
    post = StepPost(step, {"data_sets": entries}, action="remove-0")
    _, removed = decide_post(state, post)
    assert removed.answers["data_sets"] == entries[1:]
    typed = change("agency", ["data_sets"], dict(removed.answers))
    post = replace(post, answers={"data_sets": entries[1:]}, action="undo")
    _, restored = decide_post(typed, post)
    assert restored.answers["data_sets"] == entries


def test_rebase_keeps_what_was_typed_and_takes_what_was_corrected():
    base = {"city": "Orlando", "state": "FL", "website": "a"}
    typed = {"city": "Tampa", "state": "FL", "website": "a", "city:removed": 1}
    newest = {"city": "Miami", "state": "GA"}
    assert rebase(typed, base, newest) == {"city": "Tampa", "state": "GA", "city:removed": 1}


def test_rebase_keeps_a_removal():
    base = {"city": "Orlando", "website": "a"}
    expected = {"city": "Miami", "website": None}
    for typed in ({"city": "Orlando"}, {"city": "Orlando", "website": None}):
        assert rebase(typed, base, {"city": "Miami", "website": "a"}) == expected


@pytest.mark.parametrize(
    ("were_published", "words", "is_missing"),
    [(True, "", True), (True, " ", True), (True, "No money.", False), (False, "", False)],
)
def test_removal_of_what_was_public_needs_words(were_published, words, is_missing):
    entries = ANSWERS["agency"]["data_sets"]
    typed = {**ANSWERS["agency"], "data_sets": entries[:-1], "words": words}
    first = walk("agency", ["data_sets"], {}, (), were_published=were_published)
    errors = first.replace_answers(typed, STEPS).steps["review"].result.errors
    assert errors.get("words") == (REMOVED_WITHOUT_WORDS if is_missing else None)


def test_moved_and_renamed_entries_need_no_words():
    first, *others = ANSWERS["agency"]["data_sets"]
    typed = {**ANSWERS["agency"], "data_sets": [*others, {**first, "title": "Other"}]}
    journey = walk("agency", [], typed, STEPS, were_published=True)
    assert "words" not in journey.steps["review"].result.errors


some_blanks = st.lists(st.sampled_from(sorted(COMMITMENT.fields)), max_size=4).map(dict.fromkeys)


@few
@given(cases, names | st.just([]), some_answers, some_blanks)
def test_correction_keeps_what_was_sent(case, opened, typed, blank):
    submitted = ANSWERS[case]
    sent = walk(case, opened, {**submitted, **typed, **blank}, STEPS)
    of_version_before = sent.answers
    for stored in (sent_answers(submitted, sent), of_version_before):
        kept = walk(case, opened, rebase(stored, submitted, submitted), STEPS)
        assert kept.answers == sent.answers
        assert kept.complete == sent.complete or not sent.complete


def test_sent_correction_keeps_answers_that_are_no_longer_asked():
    typed = {**ANSWERS["agency"], "organization_kind": "company", "website": ""}
    stored = sent_answers(ANSWERS["agency"], walk("agency", [], typed, STEPS))
    assert stored["access_plan"] == ANSWERS["agency"]["access_plan"]
    assert (stored["organization_kind"], stored["website"]) == ("company", None)


def test_changed_fields_ignore_blanks_and_the_review():
    before = {"city": "Orlando", "authorized": True}
    after = {"city": "Tampa", "website": " ", "state": "FL"}
    assert changed_fields(COMMITMENT, before, after) == ["city", "state"]


def test_number_of_steps_is_known_before_any_is_changed():
    assert change("agency", ["commitment_title"]).journey.is_path_known


def test_names_of_steps_and_questions_open_both():
    contact = {field.name for field in COMMITMENT.steps["contact"].fields}
    assert open_fields(COMMITMENT, ["city", "contact"]) == {"city"} | contact


def test_removed_answer_is_changed():
    assert changed_fields(COMMITMENT, {"city": "Ames"}, {"city": " "}) == ["city"]
    assert changed_fields(COMMITMENT, {}, {"city": "Ames"}) == ["city"]
    assert changed_fields(COMMITMENT, {"city": "Ames"}, {"city": "Ames"}) == []


def test_answer_that_ends_a_published_form_has_no_review():
    typed = {**ANSWERS["agency"], "organization_kind": "individual"}
    journey = walk("agency", [], typed, (), were_published=True)
    assert journey.is_ineligible and COMMITMENT.review.name not in journey.steps
    assert not journey.complete


def test_review_is_never_complete_before_it_is_posted():
    journey = walk("agency", [], ANSWERS["agency"], ())
    for opened in ([], ["city"]):
        assert "review" not in completed_steps(journey, opened)


def test_answer_to_closed_question_is_left_out_of_a_post():
    step = COMMITMENT.steps["organization"]
    post = change("agency", ["city"]).narrow(StepPost(step, {"city": "Ames", "state": "IA"}))
    assert post.answers == {"city": "Ames"}
    assert [field.name for field in post.step.fields] == ["city"]
