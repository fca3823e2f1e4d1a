"""Tests of the JSON Schema of the open data."""

from copy import deepcopy
from dataclasses import replace
from datetime import date

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.conftest import load_case
from tests.reference_rules import NEVER_PUBLIC
from wizard.flows.commitment import COMMITMENT
from wizard.forms import json_schema
from wizard.forms.choices import YES_NO, Choice
from wizard.forms.conditions import Answered
from wizard.forms.fields import Confirm, Email, Field, Phone, Text
from wizard.forms.flow import Branch, Flow, Section, Step
from wizard.forms.groups import ENTRY_ID_SCHEMA, Group, add_entry_ids
from wizard.forms.journey import Journey
from wizard.forms.json_schema import PROMISE_FIELDS
from wizard.forms.outputs import public_record
from wizard.forms.promises import promised_groups

ADDRESS = "https://commitments.example.org/commitments/schema.json"
LICENSE = "https://license.example.org/"
ABOUT = {
    "reference": "PDI-AAAA-AAAA",
    "url": "https://commitments.example.org/commitments/PDI-AAAA-AAAA",
    **dict.fromkeys(("published_at", "first_published_at", "updated_at"), "2026-12-01T00:00:00Z"),
    "branch": "jurisdiction",
    "all_programs": ["police_data_initiative"],
}


@pytest.fixture
def of_one() -> dict:
    """Return the schema of a record, made for this test.

    A mutation test changes functions, and would not change a schema that was made before.
    """
    json_schema.public_columns.cache_clear()
    json_schema.identity_columns.cache_clear()
    return json_schema.commitment_schema(COMMITMENT)


@pytest.fixture
def properties(of_one) -> dict:
    """Return the schemas of its properties by name."""
    return of_one["properties"]


def make_record(case: str) -> dict:
    """Return an open data record of a case."""
    journey = Journey(COMMITMENT, load_case(case), list(COMMITMENT.steps), today=date(2026, 11, 22))
    answers = add_entry_ids(COMMITMENT.groups, journey.answers, ABOUT["reference"])
    return ABOUT | public_record(COMMITMENT, answers)


def validate(value: dict, against: dict) -> None:
    """Raise `ValidationError` unless the value is valid."""
    Draft202012Validator(against, format_checker=FormatChecker()).validate(value)


def test_document_is_valid_schema():
    whole = json_schema.document_schema(COMMITMENT, ADDRESS, LICENSE)
    Draft202012Validator.check_schema(whole)
    assert whole["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert whole["$id"] == ADDRESS


def test_document_has_commitments_and_withdrawn_ones_and_nothing_else():
    whole = json_schema.document_schema(COMMITMENT, ADDRESS, LICENSE)
    lists = {
        name: {"type": "array", "items": {"$ref": f"#/$defs/{kind}"}}
        for name, kind in (("commitments", "commitment"), ("withdrawn", "withdrawn"))
    }
    assert set(whole.pop("$defs")) == {"commitment", "withdrawn", "promise"}
    assert whole == {
        "$schema": Draft202012Validator.META_SCHEMA["$id"],
        "$id": ADDRESS,
        "title": "Published commitments",
        "type": "object",
        "properties": {"describedBy": {"const": ADDRESS}, "license": {"const": LICENSE}, **lists},
        "required": ["describedBy", "license", "commitments", "withdrawn"],
        "additionalProperties": False,
    }


def test_withdrawn_commitment_keeps_whose_it_was_and_its_promises(of_one):
    whole = json_schema.document_schema(COMMITMENT, ADDRESS, LICENSE)
    withdrawn, properties = whole["$defs"]["withdrawn"], of_one["properties"]
    kept = ("reference", "url", "first_published_at")
    whose = ("organization_name", "city", "state", "commitment_title")
    assert withdrawn["title"] == "Withdrawn commitment"
    assert withdrawn["required"] == [*kept, "withdrawn_on", "promises"]
    told = withdrawn["properties"]
    assert {name: told.pop(name) for name in (*kept, *whose)} == {
        name: properties[name] for name in (*kept, *whose)
    }
    assert told.pop("promises") == properties["removed_entries"]
    assert list(told) == ["withdrawn_on", "withdrawal_reason"]


def test_promise_has_group_id_title_topic_and_dates():
    promise = json_schema.document_schema(COMMITMENT, ADDRESS, LICENSE)["$defs"]["promise"]
    text = {"type": "string", "minLength": 1}
    about = {field.name: promise["properties"].pop(field.name) for field in PROMISE_FIELDS}
    assert promise == {
        "type": "object",
        "properties": {
            "group": {"title": "Group of the entry", "enum": ["milestones", "data_sets"]},
            "id": ENTRY_ID_SCHEMA,
            "title": {"title": "Title of the entry", **text},
            "topic": {"title": "Topic of the entry, as a code", **text},
        },
        "required": ["group", "id", "due_on"],
        "additionalProperties": False,
    }
    assert {name: each["title"] for name, each in about.items()} == {
        field.name: field.label for field in PROMISE_FIELDS
    }


def test_facts_about_record_have_names_and_types(properties):
    facts = {name: dict(properties[name]) for name in ABOUT}
    assert {name: each.pop("title") for name, each in facts.items()} == {
        "reference": "Reference",
        "url": "Web page",
        "published_at": "Date and time published",
        "first_published_at": "Date and time first published",
        "updated_at": "Date and time last changed",
        "branch": "Set of questions",
        "all_programs": "Programs",
    }
    moment = {"type": "string", "format": "date-time"}
    assert [facts[name] for name in ABOUT if name.endswith("_at")] == [moment] * 3
    assert {"const": "jurisdiction", "title": "Cities and law enforcement agencies"} in (
        facts["branch"]["oneOf"]
    )
    assert {"const": "opportunity_project", "title": "Opportunity Project"} in (
        facts["all_programs"]["items"]["oneOf"]
    )
    removed = {"type": "array", "items": {"$ref": "#/$defs/promise"}}
    assert properties["removed_entries"] == removed


@pytest.mark.parametrize("case", ["agency", "partner"])
def test_published_document_is_valid(case):
    whole = json_schema.document_schema(COMMITMENT, ADDRESS, LICENSE)
    document = {
        "describedBy": ADDRESS,
        "license": LICENSE,
        "commitments": [make_record(case)],
        "withdrawn": [],
    }
    validate(document, whole)
    del document["license"]
    with pytest.raises(ValidationError):
        validate(document, whole)


def test_properties_are_public_questions_and_metadata(of_one, properties):
    assert of_one["title"] == "Commitment"
    public = {name for name in COMMITMENT.fields if name not in NEVER_PUBLIC}
    assert set(json_schema.public_columns(COMMITMENT)) == public | set(ABOUT)
    assert set(properties) == public | set(ABOUT) | {"removed_entries"}
    assert list(properties)[: len(ABOUT)] == list(ABOUT)


def test_question_names_differ_from_metadata():
    assert not set(ABOUT) & set(COMMITMENT.fields)


def test_required_are_unconditional_questions(of_one, properties):
    everyone = {"organization_kind", "organization_name", "city", "state"}
    assert set(of_one["required"]) == set(ABOUT) | everyone
    data_set = properties["data_sets"]["items"]
    always = ["id", "category", "title", "format", "incident_level", "release_on"]
    assert data_set["required"] == always
    about_promise = {field.name for field in PROMISE_FIELDS}
    assert set(data_set["properties"]) == {*always, "category_other", "url"} | about_promise


def test_each_field_type_has_its_rule(properties):
    assert properties["city"] == {
        "title": "City or town", "type": "string", "minLength": 1, "maxLength": 100,
    }  # fmt: skip
    assert properties["access_plan"]["maxLength"] == 5_000
    assert properties["website"]["format"] == "uri"
    assert properties["published_at"]["format"] == "date-time"
    assert {"const": "FL", "title": "Florida"} in properties["state"]["oneOf"]
    goals = properties["goals"]
    assert (goals["type"], goals["uniqueItems"]) == ("array", True)
    assert {"const": "trust", "title": "Community trust"} in goals["items"]["oneOf"]
    milestones = properties["milestones"]
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
def test_invalid_record_is_rejected(of_one, change):
    with pytest.raises(ValidationError):
        validate(make_record("agency") | change, of_one)


@pytest.mark.parametrize(
    "change",
    [{"release_on": "2027-02-30"}, {"category": "x"}, {"secret": "x"}, {"id": "1"}],
    ids=str,
)
def test_invalid_entry_is_rejected(of_one, change):
    wrong = deepcopy(make_record("agency"))
    wrong["data_sets"][1] |= change
    with pytest.raises(ValidationError):
        validate(wrong, of_one)


def test_missing_required_property_is_rejected(of_one):
    record = make_record("agency")
    for name in of_one["required"]:
        with pytest.raises(ValidationError, match=f"'{name}' is a required property"):
            validate({key: value for key, value in record.items() if key != name}, of_one)


def flow_of_fields(*fields: Field) -> Flow:
    """Return a flow with one step of these fields."""
    branch = Branch("all", "All", Answered(fields[0].name))
    step, review = Step("one", "One", fields, short="One"), Step("review", "Look", (), short="Look")
    return Flow("small", 1, (Section("All", (step,)),), review, branches=(branch,))


def test_other_flow_has_own_schema():
    asked = (
        Choice("sure", "Sure?", noun="x", required=True, public=True, options=YES_NO),
        Email("desk", "Desk", noun="x", required=True, public=True, when=Answered("sure")),
        Phone("phone", "Phone", noun="x", required=Answered("sure"), public=True),
        Confirm("agreed", "Agreed", noun="x", public=True),
        Text("secret", "Secret", noun="x", required=True),
    )
    of_one = json_schema.commitment_schema(flow_of_fields(*asked))
    assert set(of_one["required"]) == {*ABOUT, "sure"} - {"all_programs"}
    assert of_one["properties"]["desk"]["format"] == "email"
    assert of_one["properties"]["agreed"] == {"title": "Agreed", "const": True}
    assert "secret" not in of_one["properties"]


def test_public_field_type_without_schema_raises():
    with pytest.raises(NotImplementedError):
        json_schema.commitment_schema(flow_of_fields(Field("new", "New", noun="x", public=True)))


def test_columns_of_a_group_are_its_questions_then_the_promise_and_whose_it_is():
    _, data_sets = promised_groups(COMMITMENT)
    columns = list(json_schema.entry_columns(COMMITMENT, data_sets))
    asked = [field.name for field in data_sets.fields if field.public]
    assert columns[: len(asked)] == asked
    assert columns[len(asked) : len(asked) + 3] == ["due_on", "first_due_on", "progress"]
    assert columns[-3:] == ["branch", "withdrawn_on", "withdrawal_reason"]
    assert {"organization_name", "state", "organization_kind"} < set(columns)
    assert len(set(columns)) == len(columns) and not NEVER_PUBLIC & set(columns)


def test_columns_of_a_group_without_dates_tell_no_promise():
    group = Group(
        "goals", "Goals", noun="goals", entry="Goal", min_entries=1, max_entries=3,
        required=True, public=True,
        fields=(Text("goal", "Goal", noun="it", public=True), Text("why", "Why", noun="it")),
    )  # fmt: skip
    small = replace(flow_of_fields(group), branches=())
    columns = list(json_schema.entry_columns(small, group))
    assert columns == ["goal", "withdrawn_on", "withdrawal_reason"]
