"""The columns and the JSON Schema of the open data, derived from the declaration."""

from typing import Any

from . import choices, fields
from .choices import Option
from .fields import Field, Schema
from .flow import Flow
from .groups import object_schema, required_names


def public_columns(flow: Flow) -> dict[str, Field]:
    """Return the columns by name: those about the record, then the public questions."""
    columns = (*_record_fields(flow), *flow.fields.values())
    return {column.name: column for column in columns if column.public}


def _record_fields(flow: Flow) -> tuple[Field, ...]:
    branches = tuple(Option(each.name, each.title) for each in flow.branches)
    programs = tuple(Option(each.name, each.title) for each in flow.programs)
    always: dict[str, Any] = {"required": True, "public": True}
    about = (
        fields.Text("reference", "Reference", noun="the reference", **always),
        fields.Url("url", "Web page", noun="the web page", **always),
        fields.Moment(
            "published_at", "Date and time published", noun="the date and time", **always
        ),
        fields.Moment(
            "first_published_at",
            "Date and time first published",
            noun="the date and time",
            **always,
        ),
        fields.Moment(
            "updated_at", "Date and time last changed", noun="the date and time", **always
        ),
        choices.Choice("branch", "Set of questions", noun="the branch", options=branches, **always),
        choices.Choices("all_programs", "Programs", noun="programs", options=programs, **always),
    )
    return tuple(each for each in about if getattr(each, "options", True))


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
    steps = [step for name, step in flow.steps.items() if not flow.conditions[name]]
    asked = [*_record_fields(flow), *(field for step in steps for field in step.fields)]
    everyone = {field.name for field in asked}
    columns = public_columns(flow).values()
    required = [name for name in required_names(columns) if name in everyone]
    return {"title": flow.noun.one.capitalize(), **object_schema(columns, required)}
