"""Tests of review cards, table cells and the public record."""

from dataclasses import replace
from datetime import date

import pytest

from tests.conftest import load_case
from tests.reference_rules import NEVER_PUBLIC
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Text
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.groups import Group, add_entry_ids
from wizard.forms.journey import Journey
from wizard.forms.outputs import (
    RETIRED_TITLE,
    Row,
    cards,
    cells,
    format_raw_answer,
    public_record,
    typed_texts,
)


@pytest.fixture(params=["agency", "partner"])
def complete_answers(request):
    """Return the validated answers of each case."""
    case = load_case(request.param)
    journey = Journey(COMMITMENT, case, list(COMMITMENT.steps), today=date(2026, 11, 22))
    assert journey.complete
    return journey.answers


def test_cards_show_every_answer_once_in_step_order(complete_answers):
    shown = cards(COMMITMENT, complete_answers)
    partner = complete_answers["organization_kind"] == "nonprofit"
    names = [card.step.name for card in shown]
    assert names[:3] == ["kind", "organization", "contact"]
    assert ("milestones" in names) == partner
    assert ("data_sets" in names) == (not partner)
    rows = [row.label for card in shown for row in card.rows]
    assert len(rows) == len(set(rows)) == len(complete_answers) - 1  # all but `authorized`


def test_group_entry_has_title_and_rows():
    entries = [{"what": "Go", "measure": "Gone", "due": "2027-09-30"}]
    (milestones,) = [
        card
        for card in cards(COMMITMENT, {"organization_kind": "company", "milestones": entries})
        if card.step.name == "milestones"
    ]
    ((title, rows),) = milestones.rows[0].entries
    assert title == "Milestone 1"
    assert (milestones.rows[0].name, milestones.rows[0].text) == ("milestones", "1")
    assert [row.name for row in rows] == ["what", "measure", "due"]
    assert [row.text for row in rows] == ["Go", "Gone", "September 30, 2027"]


def test_table_has_a_column_for_each_question_that_an_entry_answers():
    what, due, url = (Row(name, name.title(), f"{name} 1") for name in ("what", "due", "url"))
    labels, lines = Row("goals", "Goals", "2", (("One", (what, due)), ("Two", (what, url)))).table
    assert labels == ["What", "Due", "Url"]
    assert lines == [("One", [what, due, None]), ("Two", [what, None, url])]


@pytest.mark.parametrize(
    ("text", "is_link"),
    [("https://example.org", True), ("http://example.org", True), ("See https://a.org", False)],
)
def test_answer_is_a_link_when_it_is_a_web_address(text, is_link):
    assert Row("url", "Where?", text).link == (text if is_link else "")


def test_cells_cover_every_question(complete_answers):
    row = cells(COMMITMENT.fields, complete_answers)
    assert list(row) == list(COMMITMENT.fields)
    assert row["organization_kind"] == complete_answers["organization_kind"]
    assert {name for name, cell in row.items() if cell} == set(complete_answers)
    group = "data_sets" if "data_sets" in complete_answers else "milestones"
    assert row[group] == str(len(complete_answers[group]))


def test_public_record_holds_only_public_answers(complete_answers):
    record = public_record(COMMITMENT, complete_answers)
    assert set(record) == set(complete_answers) - NEVER_PUBLIC
    for name in set(record) - {"data_sets", "milestones"}:
        assert record[name] == complete_answers[name]


def test_public_record_leaves_out_private_answers_in_entries_and_other_names():
    group = Group(
        "goals", "Goals", noun="goals", entry="Goal", min_entries=1, max_entries=3,
        required=True, public=True,
        fields=(Text("goal", "Goal", noun="it", public=True), Text("why", "Why", noun="it")),
    )  # fmt: skip
    asked = (Text("city", "City", noun="it", public=True), Text("desk", "Desk", noun="it"), group)
    step, review = Step("one", "One", asked, short="One"), Step("look", "Look", (), short="Look")
    small = Flow("small", 1, (Section("All", (step,)),), review)
    goals = [{"id": "a1", "goal": "Go", "why": "Because"}, {"why": "Nothing else"}]
    answers = {"city": "Ames", "desk": "Secret", "goals": goals}
    public = {"city": "Ames", "goals": [{"id": "a1", "goal": "Go"}, {}]}
    assert public_record(small, answers) == public
    assert public_record(small, answers, ["city", "desk"]) == {"city": "Ames"}
    assert public_record(small, {"desk": "Secret"}) == {}


def test_ids_of_entries_are_in_the_public_record_alone(complete_answers):
    named = add_entry_ids(COMMITMENT.groups, complete_answers, "key")
    group = "data_sets" if "data_sets" in complete_answers else "milestones"
    ids = [entry["id"] for entry in named[group]]
    assert [entry["id"] for entry in public_record(COMMITMENT, named)[group]] == ids
    shown = repr((cards(COMMITMENT, named), cells(COMMITMENT.fields, named)))
    raw = format_raw_answer(COMMITMENT.fields[group], named[group], date(2026, 11, 22))
    assert not any(each in f"{shown} {raw}" for each in ids)


@pytest.mark.parametrize(
    ("name", "raw", "shown"),
    [
        ("organization_kind", "", ""),
        ("organization_kind", "nonprofit", "A nonprofit organization"),
        ("organization_kind", "a\x00", "a\ufffd"),
        ("works_with", ["one", "two"], "one; two"),
        (
            "milestones",
            [{"what": "First", "measure": "Some"}, {}, {"what": "Third"}],
            "Milestone 1: First; Some\nMilestone 2: \nMilestone 3: Third",
        ),
    ],
)
def test_raw_answer_is_shown_as_people_read_it(name, raw, shown):
    assert format_raw_answer(COMMITMENT.fields[name], raw, date(2026, 11, 22)) == shown


def test_answer_to_retired_question_has_a_card_after_all_others():
    flow = replace(COMMITMENT, retired=(Text("fax", "Fax", noun="your fax"),))
    shown = cards(flow, {"organization_kind": "company", "fax": "none"})
    assert shown[-1].step.title == RETIRED_TITLE
    assert [(row.label, row.text) for row in shown[-1].rows] == [("Fax", "none")]
    assert shown[:-1] == cards(flow, {"organization_kind": "company"})


def test_typed_texts_are_those_that_were_given_valid_or_not():
    fields = [COMMITMENT.fields[name] for name in ("organization_name", "city", "website")]
    typed = {"organization_name": " Orlando  Police ", "website": "no address"}
    assert typed_texts(fields, typed, date(2026, 11, 22)) == [
        (fields[0].label, "Orlando Police"),
        (fields[2].label, "no address"),
    ]
