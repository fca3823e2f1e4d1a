"""Tests of merging a post into a draft: conflicts, repeated posts, actions."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import strategies
from tests.conftest import load_case, without_ids
from tests.examples import examples
from wizard.flows.commitment import COMMITMENT
from wizard.forms.conditions import Has
from wizard.forms.fields import Text
from wizard.forms.flow import Step
from wizard.forms.groups import Group, add_entry_ids, derive_entry_id, keep_id
from wizard.forms.journey import Journey
from wizard.forms.outcomes import (
    Closed,
    Completed,
    Conflict,
    GoTo,
    Ineligible,
    Invalid,
    Outdated,
    Paused,
    Submitted,
    TooLong,
)
from wizard.forms.saving import (
    DraftState,
    Revision,
    StepPost,
    change_entries,
    decide,
    decide_autosave,
    describe_shown,
    find_untouched,
    journey_digest,
    merge_answers,
    normalized_answers,
    removed_key,
    step_digest,
)

TODAY = date(2026, 11, 22)
REVIEW = COMMITMENT.review
STEPS = [step for step in COMMITMENT.steps.values() if step is not REVIEW]
CONDITIONAL = [step for step in STEPS if any(field.when for field in step.fields)]
CASES = [load_case("agency"), load_case("partner")]
ACTIONS = ["continue", "save", "update", "add", "remove-0", "remove-9", "explode"]
few = examples(60)


def posted_values(step: Step) -> st.SearchStrategy[dict[str, Any]]:
    """Return values that the page of a step can post."""
    return st.fixed_dictionaries(
        {
            field.name: st.lists(strategies.entries(field), max_size=4)
            if isinstance(field, Group)
            else strategies.typed_values(field)
            for field in step.fields
        }
    )


@st.composite
def states(draw) -> DraftState:
    """Draw a draft: a case with some answers missing or replaced, completed up to some step."""
    stored = dict(draw(st.sampled_from(CASES)))
    for name in draw(st.sets(st.sampled_from(sorted(stored)), max_size=3)):
        del stored[name]
    step = draw(st.sampled_from(STEPS))
    stored |= draw(posted_values(step)) | {
        "organization_kind": stored.get("organization_kind", "city")
    }
    stored = add_entry_ids(COMMITMENT.groups, stored, "draft")
    far = draw(st.integers(0, len(STEPS)))
    return DraftState(stored, tuple(each.name for each in STEPS[:far]))


@st.composite
def posts(draw, steps=STEPS, actions=ACTIONS) -> StepPost:
    step = draw(st.sampled_from(steps))
    return StepPost(step, draw(posted_values(step)), action=draw(st.sampled_from(actions)))


def page_post(state: DraftState, post: StepPost, page="here", turn=0) -> StepPost:
    """Return the post of a page that was rendered from this state, with the ids of its entries."""
    answers = dict(post.answers)
    if group := post.step.group:
        typed = answers[group.name]
        entries = [*(state.answers.get(group.name) or ()), *({} for _ in typed)]
        shown = add_entry_ids((group,), {**state.answers, group.name: entries}, page)[group.name]
        pairs = zip(shown, typed, strict=False)
        answers[group.name] = [{**keep_id(drawn), **entry} for drawn, entry in pairs]
    digest = step_digest(post.step, state.answers)
    return replace(post, answers=answers, revision=Revision(page, turn, digest))


def stored_ids(answers: dict[str, Any]) -> list[str]:
    """Return the ids of all entries."""
    groups = [group.name for group in COMMITMENT.groups]
    return [entry["id"] for name in groups for entry in answers.get(name, ())]


def decide_post(state: DraftState, post: StepPost):
    return decide(COMMITMENT, state, post, TODAY)


def complete_draft(case: dict) -> DraftState:
    stored = {name: value for name, value in case.items() if name != "authorized"}
    return DraftState(stored, tuple(each.name for each in STEPS))


@few
@given(states(), posts(), st.data())
def test_newer_answers_are_never_overwritten(before, post, data):
    post = page_post(before, post)
    now = replace(before, answers=before.answers | data.draw(posted_values(post.step)))
    for outcome, after in (decide_post(now, post), decide_autosave(now, post)):
        stored = normalized_answers(post.step, now.answers)
        same = stored in (
            normalized_answers(post.step, before.answers),
            normalized_answers(post.step, merge_answers(now.answers, post)),
        )
        if not same:
            assert after is now
            assert isinstance(outcome, Conflict | Ineligible)


@few
@given(states(), posts(actions=["continue"]), posts())
def test_overtaken_turn_of_same_page_changes_nothing(state, newer, older):
    older = replace(older, step=newer.step, answers=dict(newer.answers))
    _, saved = decide_autosave(state, page_post(state, newer, turn=2))
    for outcome, after in (
        decide_post(saved, page_post(state, older, turn=1)),
        decide_autosave(saved, page_post(state, older, turn=1)),
    ):
        assert after is saved
        assert isinstance(outcome, GoTo | Ineligible)


@few
@given(states(), posts())
def test_later_turn_of_same_page_is_no_conflict(state, post):
    _, saved = decide_autosave(state, page_post(state, post, turn=1))
    outcome, after = decide_autosave(saved, page_post(state, post, turn=2))
    assert not isinstance(outcome, Conflict)
    assert after.answers == merge_answers(saved.answers, post.storable())


@few
@given(states(), posts(), st.booleans())
def test_same_post_twice_is_one_save(state, post, names_page):
    post = page_post(state, post) if names_page else post
    outcome, once = decide_post(state, post)
    assume(not isinstance(outcome, Ineligible))
    again, twice = decide_post(once, post)
    assert type(again) is type(outcome)
    if names_page:
        assert twice == once
    elif not post.action.startswith("remove"):  # entries without ids go by their places
        assert without_ids(twice.answers) == without_ids(once.answers)


@few
@given(states(), posts(), st.booleans())
def test_ids_of_entries_are_in_no_digest(state, post, by_button):
    """An id is no answer: a page that was drawn before there were ids is in no conflict."""
    bare = replace(state, answers=without_ids(state.answers))
    for step in STEPS:
        assert step_digest(step, bare.answers) == step_digest(step, state.answers)
        assert normalized_answers(step, bare.answers) == normalized_answers(step, state.answers)
    journeys = [Journey(COMMITMENT, each.answers, STEPS, today=TODAY) for each in (bare, state)]
    assert journeys[0].answers == without_ids(journeys[1].answers)
    assert journey_digest(journeys[0]) == journey_digest(journeys[1])
    decide_one = decide_post if by_button else decide_autosave
    (outcome, after), (of_bare, after_bare) = [
        decide_one(each, page_post(state, post)) for each in (state, bare)
    ]
    assert type(outcome) is type(of_bare)
    if post.step.group is None:
        assert without_ids(after.answers) == without_ids(after_bare.answers)


@st.composite
def forged_posts(draw) -> tuple[DraftState, StepPost]:
    """Draw a state, and a post to a group with ids of any origin."""
    state, post = draw(states()), draw(posts([step for step in STEPS if step.group]))
    post, name = page_post(state, post), post.step.group.name
    drawn = [derive_entry_id("here", name, place) for place in range(22)]
    others = ["", "x" * 9999, "deadbeef", derive_entry_id("there", name, 0)]
    known = st.sampled_from([*drawn, *others, *stored_ids(state.answers)])
    ids = st.one_of(st.none(), known)
    entries = [
        ({} if (given_id := draw(ids)) is None else {"id": given_id})
        | {key: value for key, value in entry.items() if key != "id"}
        for entry in post.answers[name]
    ]
    return state, replace(post, answers={**post.answers, name: entries})


@few
@given(forged_posts())
def test_ids_come_from_the_draft_or_its_page_only(drawn):
    state, post = drawn
    name = post.step.group.name
    derived = {derive_entry_id("here", name, place, n) for place in range(25) for n in range(9)}
    for answers in (merge_answers(state.answers, post), decide_post(state, post)[1].answers):
        ids = [entry["id"] for entry in answers.get(name, ())]
        assert len(ids) == len(set(ids))
        before = [entry["id"] for entry in state.answers.get(name, ())]
        assert set(ids) <= derived | set(before)
    for place, entry in enumerate(post.answers[name]):
        earlier = [each.get("id") for each in post.answers[name][:place]]
        known = {*before, *(derive_entry_id("here", name, at) for at in range(10))}
        if entry.get("id") in known - {*earlier}:
            assert merge_answers(state.answers, post)[name][place]["id"] == entry["id"]


@few
@given(states(), st.sampled_from(["data_sets", "milestones"]), st.randoms())
def test_entries_are_merged_by_id_in_any_order(state, name, random):
    step = COMMITMENT.steps[name]
    stored = [{**entry, "unasked": entry["id"]} for entry in state.answers.get(name, ())]
    state = replace(state, answers={**state.answers, name: stored})
    shown = list(enumerate(stored))
    random.shuffle(shown)
    typed = [{"id": entry["id"], step.group.title: f"No. {place}"} for place, entry in shown]
    merged = merge_answers(state.answers, StepPost(step, {name: typed}))[name]
    assert [each["unasked"] for each in merged] == [each["id"] for each in merged]
    assert [each[step.group.title] for each in merged] == [f"No. {place}" for place, _ in shown]
    by_place = [{key: value for key, value in each.items() if key != "id"} for each in typed]
    old_page = merge_answers(state.answers, StepPost(step, {name: by_place}))[name]
    assert [each["id"] for each in old_page] == [each["id"] for each in stored]


@few
@given(st.sampled_from(["data_sets", "milestones"]), st.integers(0, 5), st.booleans())
def test_removed_entry_comes_back_with_its_id(name, place, twice):
    step = COMMITMENT.steps[name]
    title = step.group.title
    typed = [{title: f"No. {number}"} for number in range(6)]
    state = DraftState(add_entry_ids(COMMITMENT.groups, CASES[0] | {name: typed}, "draft"))
    before = state.answers[name]
    removal = page_post(state, StepPost(step, {name: typed}, action=f"remove-{place}"))
    _, removed = decide_post(state, removal)
    assert removed.answers[name] == [*before[:place], *before[place + 1 :]]
    if twice:
        assert decide_post(removed, removal)[1] == removed
    others = [{title: each[title]} for each in removed.answers[name]]
    undo = page_post(removed, StepPost(step, {name: others}, action="undo"), "next")
    assert decide_post(removed, undo)[1].answers[name] == before


@few
@given(st.sampled_from(["data_sets", "milestones"]), st.integers(0, 9))
def test_added_entry_has_one_id_however_often_it_is_posted(name, count):
    step = COMMITMENT.steps[name]
    typed = [{step.group.title: str(number)} for number in range(count)]
    state = DraftState(CASES[0] | {name: []})
    post = page_post(state, StepPost(step, {name: typed}, action="add"))
    _, once = decide_post(state, post)
    _, twice = decide_post(once, post)
    ids = [derive_entry_id("here", name, place) for place in range(count + 1)]
    assert [each["id"] for each in once.answers[name]] == ids
    assert once == twice
    _, saved = decide_autosave(twice, replace(post, revision=Revision("here", 1)))
    assert [each["id"] for each in saved.answers[name]] == ids[:count]


@few
@given(states(), posts(), posts())
def test_tabs_on_different_steps_both_win(state, first, second):
    names = [{field.name for field in post.step.fields} for post in (first, second)]
    assume(names[0].isdisjoint(names[1]))  # two branches may share a question
    first, second = page_post(state, first, "one"), page_post(state, second, "two")
    _, after = decide_autosave(state, first)
    outcome, after = decide_autosave(after, second)
    assert not isinstance(outcome, Conflict)
    kept = merge_answers(state.answers, first.storable())
    assert after.answers == merge_answers(kept, second.storable())


@few
@given(states(), posts(), st.booleans())
def test_post_changes_no_other_step(state, post, by_button):
    _, after = decide_post(state, post) if by_button else decide_autosave(state, post)
    own = {field.name for field in post.step.fields}
    own |= {removed_key(group) for group in (post.step.group,) if group}
    assert {name: value for name, value in after.answers.items() if name not in own} == {
        name: value for name, value in state.answers.items() if name not in own
    }


@few
@given(states(), posts())
def test_autosave_completes_no_step(state, post):
    _, after = decide_autosave(state, post)
    assert after.completed_steps == state.completed_steps


@few
@given(states(), posts(actions=["continue"]))
def test_continue_requires_valid_step(state, post):
    outcome, after = decide_post(state, post)
    journey = Journey(COMMITMENT, after.answers, after.completed_steps, today=TODAY)
    match outcome:
        case Completed(name):
            assert journey.steps[post.step.name].complete and name == journey.first_incomplete
        case Invalid(_, answers):
            errors = Journey(COMMITMENT, answers, today=TODAY).steps[post.step.name].result.errors
            assert errors and (answers == after.answers or not post.oversized().isdisjoint(errors))
        case Ineligible():
            assert after is state
        case GoTo(name):
            assert name == journey.first_incomplete != post.step.name
        case _:
            pytest.fail(str(outcome))


@few
@given(states(), posts(), st.data())
def test_conflict_choice_applies_per_field(state, post, data):
    names = [field.name for field in post.step.fields]
    chosen = data.draw(st.sets(st.sampled_from(names)))
    choice = page_post(state, replace(post, action="update", keep_saved=frozenset(chosen)))
    outcome, after = decide_post(state, choice)
    assume(not isinstance(outcome, Ineligible))
    assert not isinstance(outcome, Conflict)
    for field in post.step.fields:
        if field.name in chosen and field.name in state.answers:
            assert after.answers[field.name] == state.answers[field.name]
        elif field.is_storable(post.answers[field.name]) and not isinstance(field, Group):
            assert after.answers[field.name] == post.answers[field.name]


@few
@given(states(), posts(CONDITIONAL), st.data())
def test_field_absent_from_page_keeps_answer(state, post, data):
    conditional = sorted(field.name for field in post.step.fields if field.when)
    hidden = data.draw(st.sets(st.sampled_from(conditional), min_size=1))
    shown = {name: value for name, value in post.answers.items() if name not in hidden}
    merged = merge_answers(state.answers, replace(post, answers=shown))
    assert {name: merged.get(name) for name in hidden} == {
        name: state.answers.get(name) for name in hidden
    }


def test_visible_field_absent_from_page_is_asked_first():
    case = CASES[0]
    step = COMMITMENT.steps["current_data"]
    state = replace(
        complete_draft(case), answers={**case, "publishes_now": "no", "portal_url": None}
    )
    typed = {name: case[name] for name in ("publishes_now", "current_data_description")}
    outcome, after = decide_post(state, StepPost(step, typed, lists_asked=True))
    assert outcome == GoTo("current_data", focus_id="portal_url")
    assert after.answers["publishes_now"] == case["publishes_now"]
    outcome, _ = decide_post(after, StepPost(step, typed | {"portal_url": ""}, lists_asked=True))
    assert isinstance(outcome, Completed)


@few
@given(st.sampled_from(["data_sets", "milestones"]), st.integers(0, 21), st.integers(0, 22))
def test_entries_are_added_and_removed_in_place(name, count, place):
    group = COMMITMENT.steps[name].group
    before = {name: [{"number": number} for number in range(count)], "other": 1}
    added, at = change_entries(group, before, "add")
    if count < group.max_entries:
        assert added == before | {name: [*before[name], {}]} and at == f"{name}-{count}"
    else:
        assert (added, at) == (before, None)
    removed, at = change_entries(group, before, f"remove-{place}")
    kept = [each for each in before[name] if each["number"] != place]
    assert removed == before | {name: kept}
    assert at == (f"{name}-{max(0, min(place, len(kept) - 1))}" if place < count else None)
    assert before == {name: [{"number": number} for number in range(count)], "other": 1}


@few
@given(st.sampled_from(CASES), posts(), st.text(max_size=16))
def test_review_submits_only_what_it_showed(case, change, other):
    drawn, now = complete_draft(case), complete_draft(case)
    if change.step.name != "kind":
        _, now = decide_autosave(now, change)
    shown = journey_digest(Journey(COMMITMENT, drawn.answers, drawn.completed_steps, today=TODAY))
    for based_on in (shown, other):
        sure = StepPost(REVIEW, {"authorized": "yes"}, revision=Revision(based_on=based_on))
        outcome, after = decide_post(now, sure)
        assert after is now
        if isinstance(outcome, Submitted):
            assert not based_on or journey_digest(outcome.journey) == based_on
            assert outcome.journey.complete
        elif isinstance(outcome, Outdated):
            assert journey_digest(outcome.journey) != based_on


def test_review_without_declaration_is_invalid_and_stores_nothing():
    state = complete_draft(CASES[0])
    outcome, after = decide_post(state, StepPost(REVIEW, {"authorized": []}))
    assert isinstance(outcome, Invalid) and after is state
    outcome, after = decide_post(state, StepPost(REVIEW, {"authorized": "yes"}, action="save"))
    assert outcome == Paused() and after is state


@few
@given(states(), posts(steps=[*STEPS, REVIEW]))
def test_submitted_draft_never_changes(state, post):
    closed = replace(state, is_submitted=True)
    assert decide_post(closed, post) == (Closed(), closed)
    assert decide_autosave(closed, post) == (Closed(), closed)


def test_ineligible_answer_is_stored_only_by_autosave():
    state = complete_draft(CASES[0])
    post = StepPost(COMMITMENT.first, {"organization_kind": "individual"})
    assert decide_post(state, post) == (Ineligible(), state)
    _, after = decide_autosave(state, post)
    assert after.answers["organization_kind"] == "individual"


AGENCY_STEPS = list(Journey(COMMITMENT, CASES[0], today=TODAY).steps)
TOO_LONG = "x" * 10**6


def draft_before(name: str) -> DraftState:
    """Return the agency's draft, complete up to a step."""
    return DraftState(CASES[0], tuple(AGENCY_STEPS[: AGENCY_STEPS.index(name)]))


def post_of(name: str, action: str = "continue", **changes) -> StepPost:
    """Return what the page of a step posts for the agency's answers, with some changed."""
    step = COMMITMENT.steps[name]
    answers = {field.name: CASES[0].get(field.name, "") for field in step.fields}
    return StepPost(step, answers | changes, action=action)


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ("save", Paused()),
        ("update", GoTo("contact", is_refresh=True)),
        ("explode", GoTo("contact")),
        ("to-organization", GoTo("organization")),
        ("to-nowhere", GoTo("contact")),
        ("organization", GoTo("contact")),
    ],
)
def test_action_stores_answers_and_completes_no_step(action, outcome):
    state = draft_before("contact")
    decided, after = decide_post(state, post_of("contact", action, contact_name="Ada"))
    assert decided == outcome
    assert after == replace(state, answers=CASES[0] | {"contact_name": "Ada"})


def test_action_on_entries_leads_to_the_entry():
    state, before = draft_before("data_sets"), CASES[0]["data_sets"]
    added, after = decide_post(state, post_of("data_sets", "add"))
    assert added == GoTo("data_sets", focus_id=f"data_sets-{len(before)}")
    assert without_ids(after.answers)["data_sets"] == [*before, {}]
    removed, after = decide_post(state, post_of("data_sets", "remove-0"))
    assert removed == GoTo("data_sets", focus_id="data_sets-0")
    assert without_ids(after.answers)["data_sets"] == before[1:]


def test_post_of_a_later_step_is_stored_and_leads_to_the_first_incomplete():
    state = draft_before("contact")
    for action in ("continue", "update"):
        outcome, after = decide_post(state, post_of("plan", action))
        assert outcome == GoTo("contact") and after.completed_steps == state.completed_steps


def test_removed_entry_comes_back_in_its_place_until_the_step_is_complete():
    group, before = COMMITMENT.steps["data_sets"].group, dict(CASES[0])
    key = removed_key(group)
    assert change_entries(group, before, "undo") == (before, None)
    removed, _ = change_entries(group, before, "remove-1")
    assert removed[key] == [1, before["data_sets"][1]]
    assert change_entries(group, removed, "explode") == (removed, None)
    assert change_entries(group, removed, "undo") == (before, "data_sets-1")
    fewer = removed | {"data_sets": []}
    again, at = change_entries(group, fewer, "undo")
    assert (again["data_sets"], at) == ([before["data_sets"][1]], "data_sets-0")
    full = removed | {"data_sets": [{"title": "x"}] * group.max_entries}
    assert change_entries(group, full, "undo") == (full, None)
    blank, _ = change_entries(group, before | {"data_sets": [{}, {"title": " "}]}, "remove-1")
    assert key not in blank
    state = replace(draft_before("data_sets"), answers=removed)
    outcome, after = decide_post(state, post_of("data_sets", data_sets=[{"title": ""}]))
    assert outcome.journey.steps["data_sets"].result.errors and after.answers[key] == removed[key]
    outcome, after = decide_post(state, post_of("data_sets"))
    assert outcome == Completed("plan")
    assert after.answers.keys() == before.keys() and after.answers["city"] == before["city"]


def test_answer_too_long_to_store_is_an_error_where_it_is_asked():
    state = draft_before("current_data")
    post = post_of("current_data", current_data_description=TOO_LONG)
    assert post.oversized() == {"current_data_description"}
    outcome, after = decide_post(state, post)
    assert outcome.answers == CASES[0] | post.answers
    assert "current_data_description" in outcome.journey.steps["current_data"].result.errors
    assert after == replace(state, answers=CASES[0] | {"portal_url": post.answers["portal_url"]})


def test_answer_too_long_to_store_is_left_out_where_it_is_not_asked():
    state = draft_before("current_data")
    post = post_of("current_data", publishes_now="no", portal_url=TOO_LONG)
    assert post.oversized() == {"portal_url"}
    outcome, after = decide_post(state, post)
    assert outcome == Completed("data_sets")
    assert after.answers == CASES[0] | {"publishes_now": "no"}
    later = post_of("plan", **dict.fromkeys((f.name for f in COMMITMENT.steps["plan"].fields), ""))
    later.answers[next(iter(later.answers))] = TOO_LONG
    outcome, after = decide_post(draft_before("contact"), later)
    assert outcome == GoTo("contact") and TOO_LONG not in after.answers.values()


def test_entry_too_long_to_store_can_be_removed():
    entries = [*CASES[0]["data_sets"], {"title": TOO_LONG}]
    last = f"data_sets-{len(entries) - 1}"
    assert post_of("data_sets", data_sets=entries).oversized() == {f"{last}-title"}
    for action, found in ((f"remove-{len(entries) - 1}", set()), ("remove-0", {f"{last}-title"})):
        assert post_of("data_sets", action, data_sets=entries).oversized() == found


def test_required_fields_that_the_page_did_not_show_are_asked_before_they_are_errors():
    (name,) = [
        each.name for each in STEPS if any(field.name == "delegate_name" for field in each.fields)
    ]
    hidden = ("delegate_name", "delegate_email")
    blank = dict.fromkeys(hidden, "") | {"delegate_is_contact": "no"}
    state, post = draft_before(name), post_of(name, **blank)
    state = replace(state, answers=state.answers | blank)
    shown = {key: value for key, value in post.answers.items() if key not in hidden}
    outcome, after = decide_post(state, replace(post, answers=shown, lists_asked=True))
    assert outcome == GoTo(name, focus_id="delegate_name")
    assert after.completed_steps == state.completed_steps
    outcome, _ = decide_post(state, post)
    assert outcome.journey.steps[name].result.errors.keys() == set(hidden)


def test_outcome_of_a_stale_page_holds_what_the_page_shows_next():
    state, post = draft_before("contact"), post_of("contact", contact_name="Ada")
    stale = replace(post, revision=Revision("one", 1, "another"))
    assert decide_post(state, stale) == (Conflict(CASES[0] | {"contact_name": "Ada"}), state)
    later = replace(state, saves={"contact": ("one", 2)})
    assert decide_post(later, stale) == (GoTo("contact"), later)
    complete = complete_draft(CASES[0])
    outcome, _ = decide_post(state, StepPost(REVIEW, {"authorized": "yes"}))
    assert outcome == GoTo("contact")
    other = StepPost(REVIEW, {"authorized": "yes"}, revision=Revision(based_on="another"))
    outcome, _ = decide_post(complete, other)
    assert outcome.answers is complete.answers
    outcome, _ = decide_post(complete, StepPost(REVIEW, {"authorized": []}))
    assert outcome.answers == complete.answers | {"authorized": []}
    assert outcome.journey.steps["review"].result.errors.keys() == {"authorized"}


def test_autosave_says_what_it_could_not_store():
    state, post = draft_before("contact"), post_of("contact", contact_name="Ada")
    changed = CASES[0] | {"contact_name": "Ada"}
    assert decide_autosave(state, post) == (GoTo("contact"), replace(state, answers=changed))
    stale = replace(post, revision=Revision("one", 1, "another"))
    assert decide_autosave(state, stale) == (Conflict(changed), state)
    later = replace(state, saves={"contact": ("one", 2)})
    assert decide_autosave(later, stale) == (GoTo("contact"), later)
    typed = {"current_data_description": TOO_LONG, "portal_url": "https://new.example.gov/"}
    part = StepPost(COMMITMENT.steps["current_data"], typed)
    outcome, after = decide_autosave(draft_before("current_data"), part)
    assert outcome == TooLong(CASES[0] | typed)
    assert after.answers == CASES[0] | {"portal_url": typed["portal_url"]}


def test_digest_of_the_review_is_that_of_the_other_answers():
    def digest(**changes) -> str:
        return journey_digest(Journey(COMMITMENT, CASES[0] | changes, AGENCY_STEPS, today=TODAY))

    assert digest() == digest(authorized=[])
    assert digest() != digest(contact_name="Ada")


def test_unasked_field_of_an_entry_is_named_by_its_place():
    shown = Has("kind", frozenset({"other"}))
    inner = (Text("kind", "Kind", noun="a kind"), Text("why", "Why", noun="a why", when=shown))
    group = Group(
        "parts", "Parts", noun="parts", entry="Part", min_entries=0, max_entries=3, fields=inner
    )
    step = Step("parts", "Parts", (group,), short="Parts")
    entries = {"parts": [{"kind": "other", "why": ""}, {"kind": "other"}, {"kind": "none"}]}
    post = StepPost(step, entries, lists_asked=True)
    assert post.unasked(["parts-0-why", "parts-1-why"]) == ["parts-1-why"]
    assert replace(post, lists_asked=False).unasked(["parts-1-why"]) == []
    assert StepPost(step, {}, lists_asked=True).unasked(["parts-0-why"]) == []


def test_draft_is_new_until_a_page_saved_or_another_step_is_complete():
    first, second = COMMITMENT.steps["kind"], COMMITMENT.steps["organization"]
    assert DraftState().is_new(first)
    assert DraftState(completed_steps=(first.name,)).is_new(first)
    assert not DraftState(completed_steps=(first.name, second.name)).is_new(first)
    assert not DraftState(saves={first.name: ("page", 1)}).is_new(first)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("step", STEPS)
def test_answer_is_untouched_until_it_changes(step, case):
    given = {each.name: case[each.name] for each in step.fields if each.name in case}
    described = describe_shown(step, given)
    assert described["based_on"] == step_digest(step, given)
    asked = set(normalized_answers(step, given))
    assert find_untouched(step, given, described["shown"]) == asked
    for name in given:
        changed = given | {name: "Other"}
        assert name not in find_untouched(step, changed, described["shown"])
        assert find_untouched(step, changed, described["shown"]) == asked - {name}


@pytest.mark.parametrize("shown", ["", "city", "city:", "city:x nonsense", ": :"])
def test_page_that_shows_nothing_has_no_untouched_answer(shown):
    assert find_untouched(COMMITMENT.steps["organization"], CASES[0], shown) == set()
