"""The schema of the open data follows from the declaration, and says what it means."""

from copy import deepcopy
from datetime import date

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.conftest import load_case
from tests.oracle import NEVER_PUBLIC
from wizard.flows.commitment import COMMITMENT
from wizard.forms import json_schema
from wizard.forms.conditions import Answered
from wizard.forms.fields import YES_NO, Choice, Confirm, Email, Field, Phone, Text
from wizard.forms.flow import Branch, Flow, Section, Step
from wizard.forms.journey import Journey
from wizard.forms.outputs import public_record

ADDRESS = "https://commitments.example.org/commitments/schema.json"
LICENSE = "https://license.example.org/"
ABOUT = {
    "reference": "PDI-AAAA-AAAA",
    "url": "https://commitments.example.org/commitments/PDI-AAAA-AAAA",
    "published_at": "2026-12-01T00:00:00Z",
    "branch": "jurisdiction",
    "all_programs": ["police_data_initiative"],
}
OF_ONE = json_schema.commitment_schema(COMMITMENT)
PROPERTIES = OF_ONE["properties"]


def record(case: str) -> dict:
    """A record of the open data, made from a case."""
    journey = Journey(COMMITMENT, load_case(case), list(COMMITMENT.steps), today=date(2026, 11, 22))
    return ABOUT | public_record(COMMITMENT, journey.answers)


def check(value: dict, against: dict = OF_ONE) -> None:
    """Fails unless the value is valid."""
    Draft202012Validator(against, format_checker=FormatChecker()).validate(value)


def test_it_is_a_schema():
    whole = json_schema.document_schema(COMMITMENT, ADDRESS, LICENSE)
    Draft202012Validator.check_schema(whole)
    assert whole["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert whole["$id"] == ADDRESS


@pytest.mark.parametrize("case", ["agency", "partner"])
def test_what_is_published_is_valid(case):
    whole = json_schema.document_schema(COMMITMENT, ADDRESS, LICENSE)
    document = {"describedBy": ADDRESS, "license": LICENSE, "commitments": [record(case)]}
    check(document, whole)
    del document["license"]
    with pytest.raises(ValidationError):
        check(document, whole)


def test_a_record_has_all_public_questions_and_no_other():
    public = {name for name in COMMITMENT.fields if name not in NEVER_PUBLIC}
    assert set(PROPERTIES) == set(json_schema.public_columns(COMMITMENT)) == public | set(ABOUT)
    assert list(PROPERTIES)[: len(ABOUT)] == list(ABOUT)


def test_no_question_has_the_name_of_a_column_about_it():
    assert not set(ABOUT) & set(COMMITMENT.fields)


def test_required_is_what_everyone_is_asked():
    everyone = {"organization_kind", "organization_name", "city", "state"}
    assert set(OF_ONE["required"]) == set(ABOUT) | everyone
    data_set = PROPERTIES["data_sets"]["items"]
    assert data_set["required"] == ["category", "title", "format", "incident_level", "release_on"]
    assert set(data_set["properties"]) == {*data_set["required"], "category_other", "url"}


def test_each_type_of_question_has_its_own_rule():
    assert PROPERTIES["city"] == {
        "title": "City or town", "type": "string", "minLength": 1, "maxLength": 100,
    }  # fmt: skip
    assert PROPERTIES["access_plan"]["maxLength"] == 5_000
    assert PROPERTIES["website"]["format"] == "iri"
    assert PROPERTIES["published_at"]["format"] == "date-time"
    assert {"const": "FL", "title": "Florida"} in PROPERTIES["state"]["oneOf"]
    goals = PROPERTIES["goals"]
    assert (goals["type"], goals["uniqueItems"]) == ("array", True)
    assert {"const": "trust", "title": "community trust"} in goals["items"]["oneOf"]
    milestones = PROPERTIES["milestones"]
    assert (milestones["minItems"], milestones["maxItems"]) == (1, 10)
    assert milestones["items"]["properties"]["due"]["format"] == "date"


WRONG = {
    "a name that is not declared": {"contact_email": "me@example.org"},
    "a code that is not offered": {"state": "XX"},
    "a code of a multiple choice that is not offered": {"help_wanted": ["money"]},
    "the same code twice": {"help_wanted": ["privacy", "privacy"]},
    "a text that is too long": {"commitment_title": "x" * 121},
    "a text of nothing": {"city": ""},
    "a program that there is not": {"all_programs": ["other"]},
    "too few entries": {"data_sets": []},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_breaks_a_rule_is_not_valid(change):
    with pytest.raises(ValidationError):
        check(record("agency") | change)


@pytest.mark.parametrize(
    "change", [{"release_on": "2027-02-30"}, {"category": "x"}, {"secret": "x"}], ids=str
)
def test_the_rules_hold_within_entries(change):
    wrong = deepcopy(record("agency"))
    wrong["data_sets"][1] |= change
    with pytest.raises(ValidationError):
        check(wrong)


@pytest.mark.parametrize("name", sorted(OF_ONE["required"]))
def test_what_is_required_may_not_be_missing(name):
    with pytest.raises(ValidationError):
        check({key: value for key, value in record("agency").items() if key != name})


def flow_of(*fields: Field) -> Flow:
    """A flow of one step."""
    branch = Branch("all", "All", Answered(fields[0].name))
    step, review = Step("one", "One", fields, short="One"), Step("review", "Look", (), short="Look")
    return Flow("small", 1, (Section("All", (step,)),), review, branches=(branch,))


def test_another_flow_has_a_schema_of_its_own():
    asked = (
        Choice("sure", "Sure?", noun="x", required=True, public=True, options=YES_NO),
        Email("desk", "Desk", noun="x", required=True, public=True, when=Answered("sure")),
        Phone("phone", "Phone", noun="x", required=Answered("sure"), public=True),
        Confirm("agreed", "Agreed", noun="x", public=True),
        Text("secret", "Secret", noun="x", required=True),
    )
    of_one = json_schema.commitment_schema(flow_of(*asked))
    assert set(of_one["required"]) == {*ABOUT, "sure"}
    assert of_one["properties"]["desk"]["format"] == "email"
    assert of_one["properties"]["agreed"] == {"title": "Agreed", "const": True}
    assert "secret" not in of_one["properties"]


def test_a_type_without_a_rule_is_said_at_once():
    with pytest.raises(TypeError, match="no schema"):
        json_schema.commitment_schema(flow_of(Field("new", "New", noun="x", public=True)))
