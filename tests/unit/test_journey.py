"""The path through a flow follows from the answers, whatever they are and in whatever order."""

from datetime import date

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.conftest import load_case
from tests.values import answers
from wizard.flows.commitment import COMMITMENT
from wizard.forms.journey import Journey

TODAY = date(2026, 11, 22)
PARTNER_STEPS = ["involvement", "commitment", "milestones"]
JURISDICTION_STEPS = ["current_data", "data_sets", "plan", "community", "opportunity"]
EVERY_STEP = list(COMMITMENT.steps)


def walked(typed, posted=EVERY_STEP) -> Journey:
    return Journey(COMMITMENT, typed, posted, today=TODAY)


@pytest.mark.parametrize(
    ("typed", "middle"),
    [
        ({}, []),
        ({"organization_kind": "nothing we offer"}, []),
        ({"organization_kind": "company"}, PARTNER_STEPS),
        ({"organization_kind": "nonprofit"}, PARTNER_STEPS),
        ({"organization_kind": "community"}, PARTNER_STEPS),
        ({"organization_kind": "city"}, JURISDICTION_STEPS),
        ({"organization_kind": "agency"}, JURISDICTION_STEPS),
        (
            {"organization_kind": "company", "programs": ["opportunity_project"]},
            [*PARTNER_STEPS, "opportunity"],
        ),
        (
            {"organization_kind": "company", "programs": ["police_data_initiative"]},
            PARTNER_STEPS,
        ),
        (  # `programs` was answered on the other branch: it does not apply, so it decides nothing
            {"organization_kind": "city", "programs": ["opportunity_project"]},
            JURISDICTION_STEPS,
        ),
    ],
)
def test_the_steps_that_apply_follow_the_answers(typed, middle):
    expected = ["kind", "organization", "contact", *middle, "publication", "review"]
    assert list(walked(typed).steps) == expected


def test_someone_who_answers_for_themselves_gets_no_further():
    journey = walked({**load_case("agency"), "organization_kind": "individual"})
    assert list(journey.steps) == ["kind"]
    assert journey.is_ineligible and not journey.complete
    assert journey.first_incomplete == "kind" and journey.may_visit("kind")


@pytest.mark.parametrize("name", ["agency", "partner"])
def test_a_case_is_complete_once_every_step_was_posted(name):
    case = load_case(name)
    journey = walked(case)
    assert journey.complete
    assert journey.branch.name == ("partner" if name == "partner" else "jurisdiction")
    for step in journey.steps:
        without = walked(case, [each for each in EVERY_STEP if each != step])
        assert not without.complete
        assert without.first_incomplete == step


def test_a_step_is_not_complete_by_being_filled_in():
    journey = walked(load_case("agency"), posted=[])
    assert journey.first_incomplete == "kind"
    assert not journey.may_visit("organization")


def test_a_gap_in_the_middle_closes_everything_after_it():
    journey = walked({**load_case("agency"), "data_sets": []})
    assert journey.first_incomplete == "data_sets"
    assert journey.may_visit("contact") and journey.may_visit("data_sets")
    assert not journey.may_visit("plan") and not journey.may_visit("review")
    assert not journey.may_visit("milestones")


def test_a_due_date_that_has_passed_since_opens_its_step_again():
    case = load_case("partner")
    assert walked(case).complete
    late = Journey(COMMITMENT, case, EVERY_STEP, today=date(2027, 10, 1))
    assert late.first_incomplete == "milestones"
    assert list(late.steps["milestones"].checked.errors) == ["milestones-0-due"]


def test_before_a_step_is_posted_only_what_was_typed_can_be_wrong():
    stop = walked({"organization_kind": "city", "city": "a\x00"}, []).steps["organization"]
    assert list(stop.checked.errors) == ["organization_name", "city", "state"]
    assert list(stop.errors_to_show) == ["city"]


@pytest.mark.parametrize(
    ("field", "condition", "shown"),
    [
        ("goals", {"programs": ["police_data_initiative"]}, True),
        ("goals", {"programs": ["opportunity_project"]}, False),
        ("involvement_description", {"works_with": ["none_yet"]}, True),
    ],
)
def test_fields_show_only_when_others_say_so(field, condition, shown):
    typed = {**load_case("partner"), **condition}
    visible = set().union(*(stop.checked.visible for stop in walked(typed).steps.values()))
    assert (field in visible) == shown


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"works_with": ["none_yet", "open_data"]}, "works_with"),
        ({"works_with": ["open_data"], "involvement_description": ""}, "involvement_description"),
        ({"goals": []}, "goals"),
        ({"opportunity_actions": []}, "opportunity_actions"),
        ({"opportunity_description": " "}, "opportunity_description"),
        ({"milestones": []}, "milestones"),
        ({"milestones": [{"what": "a"}] * 11}, "milestones"),
        ({"milestones": "no list"}, "milestones"),
        ({"milestones": ["no entry"]}, "milestones"),
        ({"authorized": None}, "authorized"),
    ],
)
def test_a_partner_that_leaves_out_or_overdoes_something_is_told_where(change, path):
    journey = walked({**load_case("partner"), **change})
    errors = [each for stop in journey.steps.values() for each in stop.checked.errors]
    assert errors == [path]


def test_while_an_answer_is_wrong_nothing_is_asked_that_hinges_on_it():
    typed = {**load_case("partner"), "works_with": ["none_yet", "open_data"]}
    del typed["involvement_description"]
    assert list(walked(typed).steps["involvement"].checked.errors) == ["works_with"]


def test_none_yet_asks_for_no_description():
    typed = {**load_case("partner"), "works_with": ["none_yet"], "involvement_description": ""}
    assert walked(typed).complete


def test_the_same_data_set_twice_is_an_error_on_the_second():
    case = load_case("agency")
    first = case["data_sets"][0]
    journey = walked({**case, "data_sets": [*case["data_sets"], {**first, "format": "xml"}]})
    assert list(journey.steps["data_sets"].checked.errors) == ["data_sets-4-title"]


@pytest.mark.parametrize(
    ("places", "errors"),
    [
        (["full", "full", "full", "blank"], 0),
        (["blank", "full", "full", "full"], 0),
        (["full", "full", "blank"], 5),
        (["blank", "full", "full", "blank"], 5),
        (["full", "full"], 1),
        (["full", "full", "full", "leftover"], 0),
    ],
)
def test_a_blank_entry_counts_only_while_there_are_too_few(places, errors):
    full = load_case("agency")["data_sets"][0]
    entries = [
        {"blank": {"title": " "}, "leftover": {"category_other": "hidden by now"}}.get(
            what, {**full, "title": f"Title {place}"}
        )
        for place, what in enumerate(places)
    ]
    stop = walked({**load_case("agency"), "data_sets": entries}).steps["data_sets"]
    assert len(stop.checked.errors) == errors
    if not errors:
        assert len(stop.checked.answers["data_sets"]) == 3


def test_answers_of_the_other_branch_are_kept_out():
    both = {**load_case("partner"), **load_case("agency")}
    assert set(walked(both).answers) == set(load_case("agency"))
    both["organization_kind"] = "nonprofit"
    assert "data_sets" not in walked(both).answers


@settings(max_examples=600, deadline=None)
@given(answers(COMMITMENT), st.sampled_from(["agency", "partner"]), st.data())
def test_no_answers_reach_a_submission_that_lacks_or_holds_what_it_must_not(typed, name, data):
    case = load_case(name)
    kept = data.draw(st.sets(st.sampled_from(sorted(case))))
    typed |= {field: case[field] for field in set(case) - kept}
    journey = walked(typed)
    event(f"complete: {journey.complete}")
    if journey.complete:
        oracle.check(journey.answers)
    elif not journey.is_ineligible:
        assert journey.steps[journey.first_incomplete].checked.errors
    again = walked(journey.answers)
    assert again.answers == journey.answers
