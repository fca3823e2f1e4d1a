"""Tests of the differences between two versions of the answers."""

import time
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import load_case
from tests.examples import examples
from tests.reference_rules import NEVER_PUBLIC
from tests.strategies import typed_answers
from wizard.flows.commitment import COMMITMENT
from wizard.forms.differences import Difference, Part, differences, mark_versions, mark_words
from wizard.forms.fields import Text
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.groups import Group
from wizard.forms.journey import Journey
from wizard.forms.outputs import public_record

TODAY = date(2026, 11, 22)
few = examples(40)
FIRST = {"id": "a1", "what": "Go", "measure": "Gone", "due": "2027-09-30"}
SECOND = {"id": "b2", "what": "Stay", "measure": "Here", "due": "2028-09-30"}


def clean(typed: dict) -> dict:
    """Return the clean answers to a whole form."""
    return Journey(COMMITMENT, typed, list(COMMITMENT.steps), today=TODAY).answers


CLEAN = typed_answers(COMMITMENT).map(clean)
TEXT = st.text(st.sampled_from("ab ,\n’é\U0001f600"), max_size=40)


def changed_entries(before: list[dict], after: list[dict], **options) -> list[tuple]:
    """Return what is shown about the milestones of two versions."""
    answers = ({"organization_kind": "company", "milestones": each} for each in (before, after))
    found = differences(COMMITMENT, *answers, **options)
    return [
        (entry.change, entry.label, entry.title, [row.name for row in entry.rows])
        for each in found
        for entry in each.entries
    ]


@few
@given(CLEAN)
def test_equal_answers_have_no_difference(answers):
    assert differences(COMMITMENT, answers, dict(answers)) == ()


@few
@given(CLEAN, CLEAN)
def test_differences_lead_from_one_version_to_the_other_and_back(before, after):
    found, back = differences(COMMITMENT, before, after), differences(COMMITMENT, after, before)
    names = [row.name for each in found for row in each.rows]
    expected = {
        name
        for name, field in COMMITMENT.fields.items()
        if not isinstance(field, Group) and before.get(name) != after.get(name)
    }
    assert Counter(names) == Counter(expected)
    for row in [row for each in found for row in each.rows]:
        field = COMMITMENT.fields[row.name]
        assert row.before == (field.display(before[row.name]) if row.name in before else "")
        assert row.after == (field.display(after[row.name]) if row.name in after else "")
    assert {(row.name, row.before, row.after) for each in found for row in each.rows} == {
        (row.name, row.after, row.before) for each in back for row in each.rows
    }


@few
@given(CLEAN, CLEAN)
def test_every_changed_public_answer_is_shown_once_and_no_other(before, after):
    found = differences(COMMITMENT, before, after, public_only=True)
    shown = Counter(row.name for each in found for row in each.rows)
    shown.update({entry.label.split(" ")[0] for each in found for entry in each.entries})
    records = [public_record(COMMITMENT, answers) for answers in (before, after)]
    groups = {"data_sets": "Data", "milestones": "Milestone"}
    changed = {name for name in COMMITMENT.fields if records[0].get(name) != records[1].get(name)}
    assert shown == Counter(groups.get(name, name) for name in changed)
    assert not shown.keys() & NEVER_PUBLIC


@given(TEXT, TEXT)
def test_marked_words_hold_both_texts(before, after):
    if parts := mark_words(before, after):
        texts = {
            kind: "".join(part.text for part in parts if part.change in ("kept", kind))
            for kind in ("removed", "added")
        }
        assert texts == {"removed": before, "added": after}


@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        ("We open six files.", "We open seven files.", "We open -six-+seven+ files."),
        ("One, two, three.", "One, two, three and four.", "One, two, three+ and four+."),
        ("It costs 1,000 a year.", "It costs 1,500 a year.", "It costs -1,000-+1,500+ a year."),
        ("an agency’s data", "an agency’s open data", "an agency’s +open +data"),
        ("Every stop is listed.", "Nothing else remains now", ""),
        ("", "All of it", ""),
    ],
)
def test_words_are_marked_whole(before, after, marked):
    signs = {"kept": "", "removed": "-", "added": "+"}
    parts = mark_words(before, after)
    assert (
        "".join(f"{signs[each.change]}{each.text}{signs[each.change]}" for each in parts) == marked
    )


def test_text_without_common_words_is_shown_whole():
    before, after = ({"commitment_title": text} for text in ("Open stops", "Close the gap"))
    (found,) = differences(COMMITMENT, before, after)
    label = COMMITMENT.fields["commitment_title"].label
    assert found.rows == (Difference("commitment_title", label, "Open stops", "Close the gap"),)


def test_entries_are_matched_by_id_wherever_they_stand():
    later = {**SECOND, "due": "2029-01-01"}
    new = {**FIRST, "id": "c3", "what": "New"}
    assert changed_entries([FIRST, SECOND], [SECOND, FIRST]) == []
    assert changed_entries([FIRST, SECOND], [later, new]) == [
        ("changed", "Milestone 1", "Stay", ["due"]),
        ("added", "Milestone 2", "New", ["what", "measure", "due"]),
        ("removed", "Milestone 1", "Go", ["what", "measure", "due"]),
    ]


@pytest.mark.parametrize("with_id", [{}, {"id": "b2"}], ids=["no ids", "an id twice"])
def test_entries_without_ids_of_their_own_are_matched_by_place(with_id):
    before, after = [{**FIRST, **with_id}, {**SECOND, **with_id}], [{**FIRST, **with_id}]
    for entry in [*before, *after] if not with_id else []:
        del entry["id"]
    after[0] = {**after[0], "measure": "Left"}
    assert changed_entries(before, after) == [
        ("changed", "Milestone 1", "Go", ["measure"]),
        ("removed", "Milestone 2", "Stay", ["what", "measure", "due"]),
    ]


def test_public_differences_leave_private_parts_of_an_entry_out():
    group = Group(
        "items", "Items", noun="an item", entry="Item", min_entries=1, max_entries=3, title="name",
        required=True, public=True,
        fields=(Text("name", "Name", noun="it"), Text("use", "Use", noun="it", public=True)),
    )  # fmt: skip
    step = Step("items", "Items", (group,), short="Items")
    flow = Flow("f", 1, (Section("S", (step,)),), Step("review", "R", (), short="R"))
    before = {"items": [{"name": "a", "use": "x"}, {"name": "b"}]}
    after = {"items": [{"name": "c", "use": "y"}, {"name": "d"}]}
    (found,) = differences(flow, before, after, public_only=True)
    assert [(entry.title, [row.after for row in entry.rows]) for entry in found.entries] == [
        ("", ["y"])
    ]


def test_blank_answer_is_none():
    before = {"website": "", "goals": [], "commitment_description": "One\r\ntwo"}
    after = {"city": " ", "commitment_description": "One\ntwo", "milestones": []}
    assert differences(COMMITMENT, before, after) == ()


def test_steps_come_in_the_order_of_the_flow_and_retired_questions_last():
    earlier = Text("earlier", "An earlier question", noun="it")
    flow = replace(COMMITMENT, retired=(earlier,))
    found = differences(flow, {"earlier": "Yes"}, clean(load_case("agency")))
    names = [each.step.name for each in found]
    assert names == [*(name for name in COMMITMENT.steps if name in names), "retired"]
    assert found[-1].rows == (Difference("earlier", earlier.label, "Yes", ""),)


def test_long_texts_without_common_order_are_compared_in_bounded_time():
    words = [f"w{number}" for number in range(900)]
    before, after = " ".join(words), " ".join(reversed(words))
    begun = time.process_time()
    assert mark_words(before, after) == ()
    assert time.process_time() - begun < 2


def test_few_changes_in_a_long_text_are_all_marked():
    words = [f"w{number}" for number in range(900)]
    after = [f"new{place}" if place % 9 == 0 else word for place, word in enumerate(words)]
    parts = mark_words(" ".join(words), " ".join(after))
    assert sum(part.change == "added" for part in parts) == 100
    assert parts[:2] == (Part("removed", "w0"), Part("added", "new0"))


def test_marked_versions_hold_their_own_words():
    before, after = mark_versions("Two data sets by March", "Three data sets by March")
    assert before == (Part("removed", "Two"), Part("kept", " data sets by March"))
    assert after == (Part("added", "Three"), Part("kept", " data sets by March"))


def test_versions_with_little_in_common_are_not_marked():
    assert mark_versions("Tampa", "") == ((Part("kept", "Tampa"),), (Part("kept", ""),))
    assert mark_versions("Tampa", "Miami") == ((Part("kept", "Tampa"),), (Part("kept", "Miami"),))


def test_words_are_marked_in_texts_and_in_nothing_else():
    before = {"access_plan": "We publish all stops", "website": "https://example.org/a"}
    after = {"access_plan": "We publish some stops", "website": "https://example.org/b"}
    rows = [row for each in differences(COMMITMENT, before, after) for row in each.rows]
    assert {row.name: row.parts for row in rows} == {
        "access_plan": mark_words(before["access_plan"], after["access_plan"]),
        "website": (),
    }
    assert Part("added", "some") in mark_words("all stops", "some stops")
