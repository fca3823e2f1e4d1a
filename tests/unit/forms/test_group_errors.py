"""Tests of what a journey finds in the entries of a group."""

from datetime import date

import pytest

from wizard.forms.choices import Choice, Option
from wizard.forms.conditions import Has
from wizard.forms.fields import Email, Text
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.groups import Group
from wizard.forms.journey import Journey, ValidationResult

KINDS = (Option("event", "an event"), Option("talk", "a talk"))
PLACE = Text(
    "place", "Place", noun="the place", when=Has("kind", frozenset({"event"})), required=True
)


def check(entries: list[dict], least: int = 3, before: tuple = ()) -> ValidationResult:
    """Return what is found in the entries of a group that needs at least some."""
    kind = Choice("kind", "Kind", noun="the kind", options=KINDS)
    title = Text("title", "Title", noun="the title", required=True)
    desk = Email("desk", "Desk", noun="the address of the desk")
    group = Group(
        "goals", "Goals", noun="your goals", entry="Goal", entry_noun="goal", min_entries=least,
        max_entries=9, unique=("kind", "title"), fields=(kind, title, PLACE, desk), required=True,
    )  # fmt: skip
    step, review = Step("one", "One", (group,), short="One"), Step("look", "Look", (), short="Look")
    flow = Flow("small", 1, (Section("All", (step,)),), review)
    journey = Journey(flow, {"goals": entries}, ["one"], today=date(2026, 11, 29))
    return journey.steps["one"].result


def goal(title: str = "", **more: str) -> dict[str, str]:
    return {"title": title, **more}


def test_each_entry_that_is_missing_says_which_and_how_many_there_are():
    found = check([goal("A"), goal(), goal()])
    assert {path: str(error) for path, error in found.errors.items()} == {
        "goals-1": "Add a second goal. You need at least 3 and you have 1.",
        "goals-2": "Add a third goal. You need at least 3 and you have 1.",
    }
    assert found.missing == {"goals-1", "goals-2"}


def test_entries_that_were_removed_are_asked_for_at_the_group():
    found = check([goal("A"), goal("B")])
    expected = "Add a third goal. You need at least 3 and you have 2."
    assert {path: str(error) for path, error in found.errors.items()} == {"goals": expected}
    assert found.missing == {"goals"}


def test_fourth_missing_entry_is_another():
    found = check([goal("A"), goal("B"), goal("C"), goal()], least=4)
    expected = "Add another goal. You need at least 4 and you have 3."
    assert [str(error) for error in found.errors.values()] == [expected]


def test_blank_entries_beyond_enough_are_dropped():
    found = check([goal(), goal("A"), goal(), goal("B"), goal("C")])
    assert [each["title"] for each in found.answers["goals"]] == ["A", "B", "C"]
    assert (found.errors, found.missing) == ({}, set())


def test_only_blank_entry_that_is_needed_has_the_errors_of_its_questions():
    found = check([goal()], least=1)
    assert set(found.errors) == found.missing == {"goals-0-title"}


def test_every_entry_says_what_it_asks_and_requires():
    found = check([goal("A", kind="event"), goal("B"), goal("C")])
    assert "goals-0-place" in found.visible and "goals-1-place" not in found.visible
    assert {f"goals-{place}-title" for place in range(3)} | {"goals-0-place"} == {
        path for path in found.required if path != "goals"
    }
    assert found.missing == {"goals-0-place"}


@pytest.mark.parametrize("first", [goal("A", desk="no address"), goal("A", kind="event")])
def test_missing_answers_are_those_of_all_entries_and_no_invalid_ones(first):
    found = check([first, goal("B"), goal("", kind="talk")])
    names = {"goals-2-title"} | ({"goals-0-place"} if "kind" in first else set())
    assert found.missing == names
    assert set(found.errors) == names | ({"goals-0-desk"} if "desk" in first else set())


def test_repeated_entry_is_told_at_its_last_unique_question():
    found = check([goal("A", kind="talk"), goal("B", kind="talk"), goal("A", kind="talk")])
    assert found.errors == {
        "goals-2-title": "This is the same as Goal 1. Change or remove one of them."
    }
    assert "goals" not in found.answers


def test_entry_that_differs_only_in_case_and_spaces_is_repeated():
    found = check([goal("Café data", kind="talk"), goal("cafe  Data", kind="talk")])
    assert "goals-1-title" in found.errors


def test_last_blank_entries_are_dropped_first():
    found = check([goal(), goal("A"), goal(), goal("B")])
    assert set(found.errors) == {"goals-0"}


def test_entry_that_is_too_long_to_store_leaves_the_others_checked():
    found = check([goal("A" * 10_000, desk="no address"), goal("B"), goal("C", kind="event")])
    assert set(found.errors) == {"goals-0-title", "goals-0-desk", "goals-2-place"}
    assert str(found.errors["goals-0-title"]).startswith("Not saved: too long.")


def test_second_blank_entry_of_two_is_asked_for():
    found = check([goal("A"), goal()], least=2)
    assert set(found.errors) == {"goals-1"}
