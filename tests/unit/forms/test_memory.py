"""Tests of what is known of answers that were validated before."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given

from tests.conftest import load_case
from tests.examples import examples
from tests.strategies import typed_answers
from wizard.flows.commitment import COMMITMENT
from wizard.forms import memory
from wizard.forms.choices import YES_NO, Choice
from wizard.forms.conditions import Has
from wizard.forms.fields import Date, Field, Phone, Text
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.journey import Journey
from wizard.forms.memory import ValidationResult, memory_for

TODAY = date(2026, 11, 22)
CASES = ("agency", "partner")
PLACE = Text("place", "Where?", noun="where", when=Has("is_public", frozenset({"yes"})))
PUBLIC = Choice("is_public", "Is it public?", noun="whether it is public", options=YES_NO)
REVIEW = Step("review", "", (), short="")


def results(typed: dict[str, Any]) -> list[tuple[str, ValidationResult, list[str]]]:
    """Return the result of each step, with its errors in order."""
    steps = Journey(COMMITMENT, typed, list(COMMITMENT.steps), today=TODAY).steps
    return [(name, each.result, list(each.result.errors)) for name, each in steps.items()]


def validate(field: Field, raw: Any, today: date = TODAY) -> ValidationResult:
    """Return the result of the only question of a form."""
    flow = Flow("one", 1, (Section("", (Step("one", "", (field,), short=""),)),), REVIEW)
    return Journey(flow, {field.name: raw}, today=today).steps["one"].result


def texts_in(value: Any) -> Iterator[str]:
    """Yield the texts of some answers."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)


@given(typed_answers(COMMITMENT))
@examples(100)
def test_recalled_result_is_the_one_found(typed):
    memory_for.cache_clear()
    found = results(typed)
    assert results(typed) == found


@pytest.mark.parametrize("case", CASES)
def test_valid_answers_are_validated_once(case):
    found = results(load_case(case))
    with patch.object(
        Journey, "_find_result", autospec=True, side_effect=Journey._find_result
    ) as used:
        again = results(load_case(case))
    assert again == found
    assert all(memory_for(call.args[1]).has_group for call in used.call_args_list)


@pytest.mark.parametrize("case", CASES)
def test_no_answer_is_kept(case):
    typed = load_case(case)
    results(typed)
    steps = COMMITMENT.steps.values()
    asked = [each.fields for step in steps for each in (step, step.group) if each]
    kept = str([vars(memory_for(fields)) for fields in asked])
    words = [text for text in texts_in(typed) if " " in text]
    assert len(words) > 10 and "Outline(" in kept
    assert not [text for text in words if repr(text) in kept]


def test_invalid_answer_is_not_kept():
    phone = Phone("phone", "Phone", noun="a phone number")
    known, recalled = memory_for((phone,)), {}
    for raw in ("12", "(407) 555-0142", ""):
        result = validate(phone, raw)
        digest = known.digest({"phone": raw}, {}, "", TODAY)
        recalled[raw] = known.recall(digest, {"phone": raw}, TODAY) == result
    assert recalled == {"12": False, "(407) 555-0142": True, "": True}


def test_day_decides_about_result():
    due = Date("due", "When?", noun="the date", not_past=True)
    assert not validate(due, "2026-11-22").errors
    assert validate(due, "2026-11-22", TODAY + timedelta(days=1)).errors


def test_earlier_answer_decides_about_result():
    steps = [Step(each.name, "", (each,), short="") for each in (PUBLIC, PLACE)]
    flow = Flow("two", 1, (Section("", tuple(steps)),), REVIEW)
    asked = [
        Journey(flow, {"is_public": code}, today=TODAY).steps["place"].result.visible
        for code in ("yes", "no", "yes")
    ]
    assert asked == [{"place"}, set(), {"place"}]


def test_recalled_result_is_a_copy():
    due = Date("due", "When?", noun="the date", required=True)
    first = validate(due, "")
    for changed in (first.errors, first.missing, first.visible, first.required):
        changed.clear()
    again = validate(due, "")
    again.errors["due"] = ""
    again.required.clear()
    third = validate(due, "")
    assert third.errors["due"] == due.missing() and third.required == {"due"}


def test_memory_is_emptied_once_full(monkeypatch):
    monkeypatch.setattr(memory, "MAX_RESULTS", 3)
    name = Text("name", "Name", noun="a name")
    step = (name,)
    known, kept = memory_for(step), []
    for number in range(7):
        result = ValidationResult({"name": str(number)}, is_blank=False)
        known.keep(bytes([number]), {"name": str(number)}, result)
        kept.append(
            sum(known.recall(bytes([each]), {"name": ""}, TODAY) is not None for each in range(7))
        )
    assert kept == [1, 2, 3, 1, 2, 3, 1]
