"""The review, the message, the tables and the public record follow from the declaration."""

from datetime import date

import pytest

from tests.conftest import load_case
from tests.oracle import NEVER_PUBLIC
from wizard.flows.commitment import COMMITMENT
from wizard.forms.conditions import Answered, Either, Has, Not
from wizard.forms.journey import Journey
from wizard.forms.outputs import cards, cells, public_record
from wizard.forms.wording import describe_condition


@pytest.fixture(params=["agency", "partner"])
def answers(request):
    case = load_case(request.param)
    journey = Journey(COMMITMENT, case, list(COMMITMENT.steps), today=date(2026, 11, 22))
    assert journey.complete
    return journey.answers


def test_the_cards_show_every_answer_once_in_the_order_of_the_steps(answers):
    shown = cards(COMMITMENT, answers)
    partner = answers["organization_kind"] == "nonprofit"
    names = [card.step.name for card in shown]
    assert names[:3] == ["kind", "organization", "contact"]
    assert ("milestones" in names) == partner
    assert ("data_sets" in names) == (not partner)
    rows = [row.label for card in shown for row in card.rows]
    assert len(rows) == len(set(rows)) == len(answers) - 1  # all but `authorized`


def test_an_entry_of_a_group_has_a_name_and_rows_of_its_own():
    entries = [{"what": "Go", "measure": "Gone", "due": "2027-09-30"}]
    (milestones,) = [
        card
        for card in cards(COMMITMENT, {"organization_kind": "company", "milestones": entries})
        if card.step.name == "milestones"
    ]
    ((title, rows),) = milestones.rows[0].entries
    assert title == "Milestone 1"
    assert [row.text for row in rows] == ["Go", "Gone", "September 30, 2027"]


def test_a_table_row_has_a_cell_for_every_question(answers):
    row = cells(COMMITMENT.fields, answers)
    assert list(row) == list(COMMITMENT.fields)
    assert row["organization_kind"] == answers["organization_kind"]
    assert {name for name, cell in row.items() if cell} == set(answers)
    group = "data_sets" if "data_sets" in answers else "milestones"
    assert row[group] == str(len(answers[group]))


def test_the_public_record_holds_nothing_that_was_not_declared_public(answers):
    record = public_record(COMMITMENT, answers)
    assert set(record) == set(answers) - NEVER_PUBLIC
    for name in set(record) - {"data_sets", "milestones"}:
        assert record[name] == answers[name]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            Has("programs", frozenset({"opportunity_project"})),
            "“It belongs to” is “the Opportunity Project”",
        ),
        (
            Has("organization_kind", frozenset({"company", "city", "nonprofit"})),
            "“I answer for” is “a private-sector company”, “a nonprofit organization” or "
            "“a city or other local government”",
        ),
        (
            Not(Has("works_with", frozenset({"none_yet"}))),
            "“We work with” is not “none of these yet”",
        ),
        (Answered("opportunity_actions"), "“What will you do?” has an answer"),
        (
            Either((Answered("website"), Answered("contact_phone"))),
            "“Website” has an answer, or “Phone number” has an answer",
        ),
    ],
)
def test_a_condition_is_put_in_words(condition, words):
    assert describe_condition(condition, COMMITMENT.fields.values()) == words
