"""The columns and the JSON Schema of the open data, derived from the declaration."""

from dataclasses import dataclass
from typing import Any

from .fields import Choice, Choices, Field, Option, Schema, Text, Url, object_schema, required_names
from .flow import Flow


@dataclass(frozen=True, slots=True)
class Moment(Field):
    """A moment in UTC, ISO 8601."""

    def schema(self) -> Schema:
        return {"type": "string", "format": "date-time"}


def public_columns(flow: Flow) -> dict[str, Field]:
    """Return the columns by name: those about the record, then the public questions."""
    fields = (*_record_fields(flow), *flow.fields.values())
    return {field.name: field for field in fields if field.public}


def _record_fields(flow: Flow) -> tuple[Field, ...]:
    branches = tuple(Option(each.name, each.title) for each in flow.branches)
    programs = tuple(Option(each.name, each.title) for each in flow.programs)
    always: dict[str, Any] = {"required": True, "public": True}
    fields = (
        Text("reference", "Reference", noun="the reference", **always),
        Url("url", "Its page", noun="its page", **always),
        Moment("published_at", "When it was published", noun="the moment", **always),
        Choice("branch", "Asked as", noun="the branch", options=branches, **always),
        Choices("all_programs", "It answers", noun="its programs", options=programs, **always),
    )
    return tuple(each for each in fields if not isinstance(each, Choice) or each.options)


def document_schema(flow: Flow, address: str, license: str) -> Schema:
    """Return the schema of `commitments.json`; `address` is the schema's own URL."""
    members: dict[str, Schema] = {
        "describedBy": {"const": address},
        "license": {"const": license},
        "commitments": {"type": "array", "items": {"$ref": "#/$defs/commitment"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "title": f"Published {flow.noun.many}",
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
        "$defs": {"commitment": commitment_schema(flow)},
    }


def commitment_schema(flow: Flow) -> Schema:
    """Return the schema of one record; required is what every organization must answer."""
    steps = [step for section in flow.sections if section.when is None for step in section.steps]
    asked = [*_record_fields(flow), *(field for step in steps for field in step.fields)]
    everyone = {field.name for field in asked}
    fields = public_columns(flow).values()
    required = [name for name in required_names(fields) if name in everyone]
    return {"title": flow.noun.one.capitalize(), **object_schema(fields, required)}
