"""Tests of the path through a flow, by answers."""

from datetime import date

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests import reference_rules
from tests.conftest import load_case
from tests.examples import examples
from tests.strategies import typed_answers
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Text
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.groups import Group, add_entry_ids
from wizard.forms.journey import Journey

TODAY = date(2026, 11, 22)
PARTNER_STEPS = ["programs", "commitment", "milestones"]
JURISDICTION_STEPS = ["current_data", "data_sets", "plan", "community", "opportunity"]
EVERY_STEP = list(COMMITMENT.steps)


def make_journey(typed, posted=EVERY_STEP) -> Journey:
    """Return the journey of these answers; by default every step was posted."""
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
            ["programs", "involvement", "commitment", "milestones"],
        ),
        (  # `programs` was answered on the other branch: it does not apply, so it decides nothing
            {"organization_kind": "city", "programs": ["opportunity_project"]},
            JURISDICTION_STEPS,
        ),
    ],
)
def test_steps_depend_on_answers(typed, middle):
    expected = ["kind", "organization", "contact", *middle, "publication", "review"]
    assert list(make_journey(typed).steps) == expected


def test_individual_ends_after_first_step():
    journey = make_journey({**load_case("agency"), "organization_kind": "individual"})
    assert list(journey.steps) == ["kind"]
    assert journey.is_ineligible and not journey.complete
    assert journey.first_incomplete == journey.next_step == "kind" and journey.may_visit("kind")


@pytest.mark.parametrize("name", ["agency", "partner"])
def test_case_is_complete_after_every_step(name):
    case = load_case(name)
    journey = make_journey(case)
    assert journey.complete
    assert journey.branch.name == ("partner" if name == "partner" else "jurisdiction")
    for step in journey.steps:
        without = make_journey(case, [each for each in EVERY_STEP if each != step])
        assert not without.complete
        assert without.first_incomplete == step
        assert [each for each in without.steps if not without.is_done(each)] == [step]


def test_filled_step_is_incomplete_until_posted():
    journey = make_journey(load_case("agency"), posted=[])
    assert journey.first_incomplete == "kind"
    assert not journey.may_visit("organization")


def test_incomplete_step_blocks_later_steps():
    journey = make_journey({**load_case("agency"), "data_sets": []})
    assert journey.first_incomplete == "data_sets"
    assert journey.may_visit("contact") and journey.may_visit("data_sets")
    assert not journey.may_visit("plan") and not journey.may_visit("review")
    assert not journey.may_visit("milestones")


def test_passed_due_date_reopens_step():
    case = load_case("partner")
    assert make_journey(case).complete
    late = Journey(COMMITMENT, case, EVERY_STEP, today=date(2027, 10, 1))
    assert late.first_incomplete == "milestones"
    assert list(late.steps["milestones"].result.errors) == ["milestones-0-due"]


def test_unposted_step_shows_only_errors_of_typed_fields():
    stop = make_journey({"organization_kind": "city", "city": "a\x00"}, []).steps["organization"]
    assert list(stop.result.errors) == ["organization_name", "city", "state"]
    assert list(stop.errors_to_show) == ["city"]


@pytest.mark.parametrize(
    ("field", "condition", "shown"),
    [
        ("goals", {"programs": ["police_data_initiative"]}, True),
        ("goals", {"programs": ["opportunity_project"]}, False),
        ("involvement_description", {"works_with": ["none_yet"]}, False),
    ],
)
def test_conditional_field_follows_its_condition(field, condition, shown):
    typed = {**load_case("partner"), **condition}
    visible = set().union(*(stop.result.visible for stop in make_journey(typed).steps.values()))
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
def test_invalid_partner_answer_names_its_field(change, path):
    journey = make_journey({**load_case("partner"), **change})
    errors = [each for stop in journey.steps.values() for each in stop.result.errors]
    assert errors == [path]


def test_condition_on_invalid_answer_is_ignored():
    typed = {**load_case("partner"), "works_with": ["none_yet", "open_data"]}
    del typed["involvement_description"]
    assert list(make_journey(typed).steps["involvement"].result.errors) == ["works_with"]


def test_none_yet_needs_no_description():
    typed = {**load_case("partner"), "works_with": ["none_yet"], "involvement_description": ""}
    assert make_journey(typed).complete


def test_duplicate_data_set_is_error_on_second():
    case = load_case("agency")
    first = case["data_sets"][0]
    journey = make_journey({**case, "data_sets": [*case["data_sets"], {**first, "format": "xml"}]})
    assert list(journey.steps["data_sets"].result.errors) == ["data_sets-4-title"]


@pytest.mark.parametrize(
    ("places", "errors"),
    [
        (["full", "full", "full", "blank"], 0),
        (["blank", "full", "full", "full"], 0),
        (["full", "full", "blank"], 1),
        (["blank", "full", "full", "blank"], 1),
        (["full", "blank", "blank"], 2),
        (["full", "full"], 1),
        (["full", "full", "full", "leftover"], 0),
    ],
)
def test_blank_entry_is_ignored_above_minimum(places, errors):
    full = load_case("agency")["data_sets"][0]
    entries = [
        {"blank": {"title": " "}, "leftover": {"category_other": "hidden by now"}}.get(
            what, {**full, "title": f"Title {place}"}
        )
        for place, what in enumerate(places)
    ]
    stop = make_journey({**load_case("agency"), "data_sets": entries}).steps["data_sets"]
    assert len(stop.result.errors) == errors
    if not errors:
        assert len(stop.result.answers["data_sets"]) == 3


def test_other_branch_answers_are_excluded():
    both = {**load_case("partner"), **load_case("agency")}
    assert set(make_journey(both).answers) == set(load_case("agency"))
    both["organization_kind"] = "nonprofit"
    assert "data_sets" not in make_journey(both).answers


@examples(200)
@given(typed_answers(COMMITMENT), st.sampled_from(["agency", "partner"]), st.data())
def test_complete_journey_meets_reference_rules(typed, name, data):
    case = load_case(name)
    kept = data.draw(st.sets(st.sampled_from(sorted(case))))
    typed |= {field: case[field] for field in set(case) - kept}
    journey = make_journey(typed)
    event(f"complete: {journey.complete}")
    if journey.complete:
        reference_rules.check_commitment(journey.answers)
    elif not journey.is_ineligible:
        assert journey.steps[journey.first_incomplete].result.errors
    again = make_journey(journey.answers)
    assert again.answers == journey.answers


def test_clean_entries_keep_their_ids_and_an_id_alone_is_blank():
    case = add_entry_ids(COMMITMENT.groups, load_case("agency"), "key")
    assert make_journey(case).answers["data_sets"][1]["id"] == case["data_sets"][1]["id"]
    blank = {"id": "00000000"}
    with_blank = make_journey(case | {"data_sets": [blank, *case["data_sets"]]})
    assert with_blank.answers["data_sets"] == case["data_sets"]
    errors = make_journey(case | {"data_sets": [*case["data_sets"][:2], blank]}).steps["data_sets"]
    assert set(errors.result.errors) == {"data_sets-2"}


def test_ids_make_no_two_entries_differ():
    first, *others = load_case("agency")["data_sets"]
    entries = [first | {"id": "00000000"}, *others, first | {"id": "00000001"}]
    journey = make_journey(load_case("agency") | {"data_sets": entries})
    assert set(journey.steps["data_sets"].result.errors) == {f"data_sets-{len(others) + 1}-title"}


def test_previous_step_is_the_one_before_that_applies():
    journey = make_journey(load_case("agency"))
    names = list(journey.steps)
    assert [journey.previous_step(name) for name in names] == [None, *names[:-1]]


def test_number_of_steps_is_known_after_the_first():
    assert make_journey({"organization_kind": "city"}).is_path_known
    assert not make_journey({"organization_kind": "city"}, []).is_path_known


def test_only_entry_that_is_missing_is_asked_for_as_the_group_is():
    group = Group(
        "goals", "Goals", noun="your goal", entry="Goal", required=True, min_entries=1,
        max_entries=3, fields=(Text("goal", "Goal", noun="the goal"),),
    )  # fmt: skip
    step, review = Step("one", "One", (group,), short="One"), Step("look", "Look", (), short="Look")
    flow = Flow("small", 1, (Section("All", (step,)),), review)
    journey = Journey(flow, {}, ["one"], today=TODAY)
    assert list(journey.steps["one"].result.errors.values()) == [group.missing()]


def test_list_of_steps_tells_what_is_done_and_what_can_be_opened():
    journey = make_journey({**load_case("agency"), "city": ""}, ["kind", "organization", "contact"])
    listed = journey.list_steps("contact")
    assert [(each.name, each.status, each.is_reachable) for each in listed.steps[:4]] == [
        ("kind", "done", True),
        ("organization", "open", True),
        ("contact", "current", False),
        ("current_data", "open", False),
    ]
    assert [each.title for each in listed.steps[:2]] == ["Organization type", "Organization"]
    assert [each.section for each in listed.steps[:3]] == [COMMITMENT.sections[0]] * 3
    assert (listed.place, listed.section, listed.is_path_known) == (3, COMMITMENT.sections[0], True)


def test_list_of_steps_is_open_when_the_path_is_unknown():
    listed = make_journey({}, []).list_steps("kind")
    assert (listed.place, listed.is_path_known) == (1, False)
