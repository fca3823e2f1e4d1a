"""The columns and the JSON Schema of the open data, derived from the declaration."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from .fields import Choice, Choices, Confirm, Date, Email, Field, Group, Option, Text, Url
from .flow import Flow

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment(Field):
    """A moment in UTC, ISO 8601."""


def public_columns(flow: Flow) -> dict[str, Field]:
    """Return the columns by name: those about the record, then the public questions."""
    fields = (*_record_fields(flow), *flow.fields.values())
    return {field.name: field for field in fields if field.public}


def _record_fields(flow: Flow) -> tuple[Field, ...]:
    branches = tuple(Option(each.name, each.title) for each in flow.branches)
    programs = tuple(Option(each.name, each.title) for each in flow.programs)
    always: dict[str, Any] = {"required": True, "public": True}
    return (
        Text("reference", "Reference", noun="the reference", **always),
        Url("url", "Its page", noun="its page", **always),
        Moment("published_at", "When it was published", noun="the moment", **always),
        Choice("branch", "Asked as", noun="the branch", options=branches, **always),
        Choices("all_programs", "It answers", noun="its programs", options=programs, **always),
    )


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
        "title": "Published commitments",
        **_object(members, members),
        "$defs": {"commitment": commitment_schema(flow)},
    }


def commitment_schema(flow: Flow) -> Schema:
    """Return the schema of one record; required is what every organization must answer."""
    steps = [step for section in flow.sections if section.when is None for step in section.steps]
    asked = [*_record_fields(flow), *(field for step in steps for field in step.fields)]
    everyone = {field.name for field in asked}
    fields = public_columns(flow).values()
    required = [name for name in _required(fields) if name in everyone]
    return {"title": "Commitment", **_object(_properties(fields), required)}


def _properties(fields: Iterable[Field]) -> dict[str, Schema]:
    return {field.name: {"title": field.label, **_values(field)} for field in fields}


def _required(fields: Iterable[Field]) -> list[str]:
    return [field.name for field in fields if field.required is True and field.when is None]


def _object(properties: dict[str, Schema], required: Collection[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _values(field: Field) -> Schema:
    match field:
        case Group():
            inside = [each for each in field.fields if each.public]
            entry = _object(_properties(inside), _required(inside))
            limits = {"minItems": field.min_entries, "maxItems": field.max_entries}
            return {"type": "array", **limits, "items": {"title": field.entry, **entry}}
        case Choices():
            return {"type": "array", "uniqueItems": True, "items": _one_of(field)}
        case Choice():
            return _one_of(field)
        case Confirm():
            return {"const": True}
        case Date():
            return {"type": "string", "format": "date"}
        case Moment():
            return {"type": "string", "format": "date-time"}
        case Text():
            form = {Url: {"format": "iri"}, Email: {"format": "email"}}.get(type(field), {})
            return {"type": "string", "minLength": 1, "maxLength": field.max_length, **form}
        case _:
            raise TypeError(f"no schema for {field!r}")


def _one_of(field: Choice) -> Schema:
    return {"oneOf": [{"const": each.code, "title": each.label} for each in field.options]}
