"""Promises as the open data files have them: texts, read in one query for many commitments."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, String, case, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute

from ..db.promises import Promise
from ..forms.groups import ENTRY_ID, Group
from ..forms.json_schema import PROMISE_FIELDS
from ..submissions.promises import state_column

PublicPromise = Row[*tuple[Any, ...]]
"""What anyone may read of a promise; a text without a value is empty.

An entry that was removed after it was published has no `place`. `title` and `topic` are empty
unless they are public. The last columns are `PROMISE_FIELDS`.
"""
SHOWN_DAYS = ("done_on", "dropped_on")
"""The days that stay after a withdrawal, beside those on which it was due."""
VALUE_NAMES = tuple(field.name for field in PROMISE_FIELDS)


def read_public_promises(
    engine: Engine,
    groups: Sequence[Group],
    ids: Collection[int],
    today: date,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> Mapping[int, Sequence[PublicPromise]]:
    """Return the promises of submissions that meet conditions, with their state on a day.

    They have the order of the answers; those that were removed come last.
    """
    places = {group.name: place for place, group in enumerate(groups)}
    if not places:
        return {}
    # The words of a promise without the day of a report are the reason of a correction.
    removed_on = case((Promise.words != "", Promise.dropped_on))
    query = select(
        Promise.submission_id,
        Promise.group.label("group"),
        Promise.entry_id,
        Promise.place,
        _if_public(Promise.title, groups, "title"),
        _if_public(Promise.topic, groups, "topic"),
        _text(Promise.due_on),
        _text(Promise.first_due_on),
        state_column(today).label("progress"),
        _text(Promise.done_on),
        _text(Promise.dropped_on),
        Promise.url,
        Promise.words,
        _text(Promise.reported_on, func.coalesce(Promise.reported_on, removed_on)),
    ).where(Promise.submission_id.in_(ids), Promise.group.in_(places), *conditions)
    order = (Promise.place.is_(None), case(places, value=Promise.group), Promise.place, Promise.id)
    query = query.order_by(Promise.submission_id, *order)  # few are sorted at a time
    found = defaultdict(list)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        found[row[0]].append(row)
    return found


def _text(
    day: InstrumentedAttribute[Any], value: ColumnElement[Any] | None = None
) -> ColumnElement[str]:
    """Return a day, or a value in its place, as text (ISO 8601), by the database: parsing and
    formatting takes longer."""
    shown = day if value is None else value
    return func.coalesce(cast(shown, String), "").label(day.key)


def _if_public(
    column: InstrumentedAttribute[str], groups: Sequence[Group], role: str
) -> ColumnElement[str]:
    """Return the column with the field of a role in each group; empty where that is private."""
    shown = [
        group.name
        for group in groups
        if any(field.name == getattr(group, role) and field.public for field in group.fields)
    ]
    return case((Promise.group.in_(shown), column), else_="").label(role)


def promise_values(promise: PublicPromise) -> dict[str, Any]:
    """Return the values of `json_schema.PROMISE_FIELDS`, without empty ones."""
    values = promise[-len(VALUE_NAMES) :]
    return {name: value for name, value in zip(VALUE_NAMES, values, strict=True) if value}


def bare_promise(promise: PublicPromise) -> dict[str, Any]:
    """Return a promise without what is reported about it, and without its other answers."""
    return {
        "group": promise.group,
        ENTRY_ID: promise.entry_id,
        **{name: text for name in ("title", "topic") if (text := getattr(promise, name))},
        "due_on": promise.due_on,
        "first_due_on": promise.first_due_on,
    }


def withdrawn_promise(promise: PublicPromise) -> dict[str, Any]:
    """Return what stays of a promise after its commitment was withdrawn: its title and dates."""
    days = {name: day for name in SHOWN_DAYS if (day := getattr(promise, name))}
    return bare_promise(promise) | days
