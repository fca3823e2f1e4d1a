"""Tests of results that are recalled, since the same answers were validated before."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest.mock import call, patch

import pytest
from hypothesis import given

from tests.conftest import load_case
from tests.examples import examples
from tests.strategies import typed_answers
from wizard.flows.commitment import COMMITMENT
from wizard.forms import result_cache
from wizard.forms.choices import YES_NO, Choice
from wizard.forms.conditions import Has
from wizard.forms.fields import Date, Field, Phone, Text, Url
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.groups import Group
from wizard.forms.journey import Journey
from wizard.forms.result_cache import ResultCache, ValidationResult

TODAY = date(2026, 11, 22)
CASES = ("agency", "partner")
IS_PUBLIC = Has("is_public", frozenset({"yes"}))
PUBLIC = Choice("is_public", "Is it public?", noun="whether it is public", options=YES_NO)
PHONE = Phone("phone", "Phone", noun="a phone number")
PLACE = Text("place", "Where?", noun="where it is", when=IS_PUBLIC)


class FreshJourney(Journey):
    """A journey that recalls nothing."""

    def _validate_fields(self, fields, raw, earlier, prefix=""):
        return self._find_result(fields, raw, earlier, prefix)


def results(
    typed: dict[str, Any], kind: type[Journey] = Journey
) -> list[tuple[str, ValidationResult, list[str]]]:
    """Return the result of each step, all clean, with its errors in order."""
    journey = kind(COMMITMENT, typed, list(COMMITMENT.steps), today=TODAY)
    assert journey.answers is not None  # all are clean now
    steps = journey.steps.items()
    return [(name, each.result, list(each.result.errors)) for name, each in steps]


def flow_of(*pages: tuple[Field, ...]) -> Flow:
    """Return a form with some pages, named by their first question."""
    steps = tuple(Step(fields[0].name, "", fields, short="") for fields in pages)
    return Flow("small", 1, (Section("", steps),), Step("review", "", (), short=""))


def validate(flow: Flow, typed: dict[str, Any], today: date = TODAY) -> ValidationResult:
    """Return the result of the last page."""
    return [*Journey(flow, typed, today=today).steps.values()][-2].result


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
    assert results(typed) == results(typed) == results(typed, FreshJourney)


@pytest.mark.parametrize("case", CASES)
def test_valid_answers_are_validated_once(case):
    found = results(load_case(case))
    real = Journey._find_result
    with patch.object(Journey, "_find_result", autospec=True, side_effect=real) as used:
        again = results(load_case(case))
    assert again == found
    validated = [call.args[1] for call in used.call_args_list]
    assert all(isinstance(each, Group) for (each, *_) in validated)


@pytest.mark.parametrize("case", CASES)
def test_no_answer_is_stored(case):
    typed = load_case(case)
    results(typed)
    stored = str([vars(each) for each in COMMITMENT.result_caches.values()])
    words = [text for text in texts_in(typed) if " " in text]
    assert len(words) > 10 and "Outline(" in stored
    assert not [text for text in words if repr(text) in stored]


def test_invalid_answer_is_not_recalled():
    flow = flow_of((PHONE,))
    (known,) = (each for fields, each in flow.result_caches.items() if fields)
    recalled = {}
    for raw in ("12", "(407) 555-0142", ""):
        typed = {"phone": raw}
        result = validate(flow, typed)
        if again := known.find(known.digest(typed, {}, "", TODAY), typed, TODAY):
            again.clean(TODAY)
        recalled[raw] = again == result
    assert recalled == {"12": False, "(407) 555-0142": True, "": True}


@pytest.mark.parametrize(
    ("raw", "clean", "is_changed"),
    [("yes", "yes", False), (" yes", "yes", True), (1, True, True), (["a"], ["a"], False)],
)
def test_answer_is_cleaned_again_when_cleaning_changes_it(raw, clean, is_changed):
    known, typed = ResultCache((PUBLIC,)), {"is_public": raw}
    known.store(b"", typed, ValidationResult({"is_public": clean}))
    with patch.object(Choice, "clean", return_value="cleaned") as cleaned:
        recalled = known.find(b"", typed, TODAY)
    assert recalled and recalled.answers == {"is_public": "cleaned" if is_changed else raw}
    assert cleaned.call_args_list == ([call(raw, TODAY)] if is_changed else [])


def test_text_is_cleaned_again_only_when_answers_are_read():
    flow = flow_of((PHONE,))
    typed = {"phone": "(407) 555-0142"}
    validate(flow, typed)
    with patch.object(Phone, "clean", return_value="cleaned") as cleaned:
        journey = Journey(flow, typed, today=TODAY)
        assert not cleaned.called
        answers = [journey.answers, journey.answers]
    assert answers == [{"phone": "cleaned"}] * 2
    assert cleaned.call_count == 1


@pytest.mark.parametrize(("unique", "is_repeated"), [(("link",), True), ((), False)])
def test_entries_are_compared_by_clean_texts(unique, is_repeated):
    link = Url("link", "Link", noun="the link")
    group = Group(
        "links",
        "Links",
        noun="links",
        required=True,
        entry="link",
        fields=(link,),
        min_entries=1,
        max_entries=3,
        unique=unique,
    )
    flow = flow_of((group,))
    typed = {"links": [{"link": "example.org"}, {"link": "https://example.org/"}]}
    for _ in range(2):
        result = validate(flow, typed)
        assert bool(result.errors) == is_repeated
    answers = Journey(flow, typed, today=TODAY).answers
    clean = [{"link": "https://example.org/"}] * 2
    assert answers == ({} if is_repeated else {"links": clean})


def test_result_with_an_error_is_stored_only_when_answers_are_missing():
    known, error = ResultCache((PLACE,)), {"place": "Enter where it is."}
    known.store(b"missing", {}, ValidationResult({}, error, {"place"}))
    known.store(b"wrong", {"place": "?"}, ValidationResult({}, error))
    recalled = [known.find(digest, {}, TODAY) for digest in (b"missing", b"wrong")]
    assert recalled == [ValidationResult({}, error, {"place"}), None]


def test_day_decides_about_result():
    flow = flow_of((Date("due", "When?", noun="the date", not_past=True),))
    assert not validate(flow, {"due": "2026-11-22"}).errors
    assert validate(flow, {"due": "2026-11-22"}, TODAY + timedelta(days=1)).errors


def test_earlier_answer_decides_about_result():
    flow = flow_of((PUBLIC,), (PLACE,))
    asked = [validate(flow, {"is_public": code}).visible for code in ("yes", "no", "yes")]
    assert asked == [{"place"}, set(), {"place"}]


def test_answer_of_an_earlier_page_that_asked_the_same_decides_about_result():
    flow = flow_of((PUBLIC,), (PLACE, PUBLIC))
    known = flow.result_caches[PLACE, PUBLIC]
    digests = {known.digest({}, {"is_public": code}, "", TODAY) for code in ("yes", "no", None)}
    assert len(digests) == 3


def test_recalled_result_is_a_copy():
    due = Date("due", "When?", noun="the date", required=True)
    flow = flow_of((due,))
    first = validate(flow, {})
    for changed in (first.errors, first.missing, first.visible, first.required):
        changed.clear()
    again = validate(flow, {})
    again.errors["due"] = ""
    for changed in (again.missing, again.visible, again.required):
        changed.clear()
    third = validate(flow, {})
    assert third.errors == {"due": due.missing()}
    assert third.missing == third.visible == third.required == {"due"}


def test_result_cache_is_emptied_once_full(monkeypatch):
    monkeypatch.setattr(result_cache, "MAX_RESULTS", 3)
    known, counts = ResultCache((PLACE,)), []
    for number in range(7):
        result = ValidationResult({"place": str(number)}, is_blank=False)
        known.store(bytes([number]), {"place": str(number)}, result)
        recalled = [known.find(bytes([each]), {"place": ""}, TODAY) for each in range(7)]
        counts.append(sum(each is not None for each in recalled))
    assert counts == [1, 2, 3, 1, 2, 3, 1]
    assert len(known._shared) == 1
