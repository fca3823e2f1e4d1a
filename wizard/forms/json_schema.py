"""The columns and the JSON Schema of the open data, derived from the declaration."""

from functools import cache, partial
from typing import Any

from . import choices, fields
from .choices import Option
from .fields import Field, Schema
from .flow import Flow
from .groups import ENTRY_ID, ENTRY_ID_SCHEMA, Group, object_schema, required_names
from .promises import STATES, public_groups, shows_promises


@cache
def public_columns(flow: Flow) -> dict[str, Field]:
    """Return the columns by name: those about the record, then the public questions."""
    columns = (*_record_fields(flow), *flow.fields.values())
    return {column.name: column for column in columns if column.public}


def _column(kind: type[Field], name: str, label: str, **more: Any) -> Field:
    """Return a column that answers no question, so that nobody reads its noun."""
    return kind(name, label, noun="the value", public=True, **more)


PROMISE_FIELDS = (
    _column(fields.Date, "due_on", "Newest due date"),
    _column(fields.Date, "first_due_on", "Due date when first published"),
    _column(
        choices.Choice,
        "progress",
        "State on the day of the file, in the program’s time zone",
        options=tuple(Option(code, state.label) for code, state in STATES.items()),
    ),
    _column(fields.Date, "done_on", "Day on which it was done"),
    _column(fields.Date, "dropped_on", "Day on which it was dropped"),
    _column(fields.Url, "result_url", "Web address of the result"),
    _column(fields.LongText, "last_report", "Words of the newest approved report"),
    _column(fields.Date, "last_reported_on", "Day of the newest approved report"),
)
"""What the files say about each entry that is a promise."""
WITHDRAWN_FIELDS = (
    _column(fields.Date, "withdrawn_on", "Day on which it was withdrawn"),
    _column(fields.LongText, "withdrawal_reason", "Why it was withdrawn"),
)
"""What the files say about a withdrawn submission."""


@cache
def identity_columns(flow: Flow) -> dict[str, Field]:
    """Return the columns that say whose promise it is: party, place and title."""
    roles, columns = flow.roles, public_columns(flow)
    names = dict.fromkeys(filter(None, (roles.party, *roles.place, roles.title)))
    return {name: columns[name] for name in names if name in columns}


def entry_columns(flow: Flow, group: Group) -> dict[str, Field]:
    """Return the columns of a group's file after those that number its entries, by name."""
    about = public_columns(flow)
    charted = [about[facet.source] for facet in flow.charted if facet.source in about]
    columns = [
        *(field for field in group.fields if field.public),
        *(PROMISE_FIELDS if shows_promises(group) else ()),
        *identity_columns(flow).values(),
        *charted,
        *([about["branch"]] if "branch" in about else []),
        *WITHDRAWN_FIELDS,
    ]
    return {column.name: column for column in columns}


def _record_fields(flow: Flow) -> tuple[Field, ...]:
    branches = tuple(Option(each.name, each.title) for each in flow.branches)
    programs = tuple(Option(each.name, each.title) for each in flow.programs)
    fact = partial(_column, required=True)
    about = (
        fact(fields.Text, "reference", "Reference"),
        fact(fields.Url, "url", "Web page"),
        fact(fields.Moment, "published_at", "Date and time published"),
        fact(fields.Moment, "first_published_at", "Date and time first published"),
        fact(fields.Moment, "updated_at", "Date and time last changed"),
        fact(choices.Choice, "branch", "Set of questions", options=branches),
        fact(choices.Choices, "all_programs", "Programs", options=programs),
    )
    return tuple(each for each in about if getattr(each, "options", True))


def document_schema(flow: Flow, address: str, license: str) -> Schema:
    """Return the schema of `commitments.json`; `address` is the schema's own URL."""
    members: dict[str, Schema] = {
        "describedBy": {"const": address},
        "license": {"const": license},
        "commitments": {"type": "array", "items": {"$ref": "#/$defs/commitment"}},
        "withdrawn": {"type": "array", "items": {"$ref": "#/$defs/withdrawn"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "title": f"Published {flow.noun.many}",
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
        "$defs": {
            "commitment": commitment_schema(flow),
            "withdrawn": _withdrawn_schema(flow),
            "promise": _promise_schema(flow),
        },
    }


def commitment_schema(flow: Flow) -> Schema:
    """Return the schema of one record; required is what every organization must answer."""
    steps = [step for name, step in flow.steps.items() if not flow.conditions[name]]
    asked = [*_record_fields(flow), *(field for step in steps for field in step.fields)]
    everyone = {field.name for field in asked}
    columns = public_columns(flow).values()
    required = [name for name in required_names(columns) if name in everyone]
    schema = {"title": flow.noun.one.capitalize(), **object_schema(columns, required)}
    schema["properties"]["removed_entries"] = _PROMISES
    promised = object_schema(PROMISE_FIELDS, ())["properties"]
    for group in columns:
        if isinstance(group, Group) and shows_promises(group):
            schema["properties"][group.name]["items"]["properties"] |= promised
    return schema


_PROMISES: Schema = {"type": "array", "items": {"$ref": "#/$defs/promise"}}


def _withdrawn_schema(flow: Flow) -> Schema:
    """Return the schema of what stays of a withdrawn submission."""
    about = [field for field in _record_fields(flow) if field.name in WITHDRAWN_RECORD]
    columns = [*about, *identity_columns(flow).values(), *WITHDRAWN_FIELDS]
    schema = object_schema(columns, (*WITHDRAWN_RECORD, "withdrawn_on", "promises"))
    schema["properties"]["promises"] = _PROMISES
    return {"title": f"Withdrawn {flow.noun.one}", **schema}


WITHDRAWN_RECORD = ("reference", "url", "first_published_at")
"""The facts about a submission that stay in the files after it was withdrawn."""


def _promise_schema(flow: Flow) -> Schema:
    """Return the schema of a promise without its other answers: removed, or withdrawn."""
    groups = [group.name for group in public_groups(flow)]
    schema = object_schema(PROMISE_FIELDS, ("group", ENTRY_ID, "due_on"))
    text = {"type": "string", "minLength": 1}
    schema["properties"] = {
        "group": {"title": "Group of the entry", "enum": groups},
        ENTRY_ID: ENTRY_ID_SCHEMA,
        "title": {"title": "Title of the entry", **text},
        "topic": {"title": "Topic of the entry, as a code", **text},
        **schema["properties"],
    }
    return schema
