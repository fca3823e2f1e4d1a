"""The audit log: who did what to which subject, and when. Never an answer or a secret."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, insert, select

from ..db.accounts import AuditEvent, StaffUser
from ..db.batches import read_in_batches
from ..db.engine import db, writing
from ..forms.dates import format_utc
from ..forms.fields import Field, Text
from ..forms.text import fold_text
from ..web.query import DAYS, VALUE, Code, within_days

ACTIONS = {
    "signed_in": "Signed in",
    "refused": "Failed sign-in",
    "signed_out": "Signed out",
    "password_changed": "Changed password",
    "second_factor_set": "Set up two-step sign-in",
    "recovery_code_used": "Used a recovery code",
    "viewed": "Viewed a submission",
    "exported": "Exported data",
    "person_added": "Added a staff account",
    "person_changed": "Changed a staff account",
    "invited": "Invited a colleague",
    "link_sent": "Sent a link again",
    "link_revoked": "Revoked a link",
    "link_used": "Set up an account by a link",
    "token_made": "Created an API token",
    "token_revoked": "Revoked an API token",
    "backed_up": "Backed up the database",
    "restored": "Restored a backup",
}
"""The label of every action, by code. Packages add their own."""
FILTERS: dict[str, Field] = {
    "action": Code("action", "action", noun=VALUE, codes=ACTIONS),
    "actor": Text("actor", "actor", noun=VALUE),
    "subject": Text("subject", "subject", noun=VALUE),
    **DAYS,
}
PAGE_SIZE = 100
COLUMNS = ("at", "actor", "action", "subject", "details", "address", "sentence")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: staff, an organization, or the program itself.

    The name of staff is the e-mail address of a user, `token:<name>` or the command line, also if
    they act for an organization. `address` is the IP address. `post` tells a post of a staff page
    from others, so that one that comes twice is not done twice.
    """

    name: str
    address: str = ""
    kind: Literal["staff", "organization", "program"] = "staff"
    post: str = ""


COMMAND_LINE = Actor("command line")
ORGANIZATION = Actor("", kind="organization")
PROGRAM = Actor("", kind="program")


def describe_details(details: Mapping[str, Any]) -> str:
    """Return the details of an event as text: `before: received; after: in_review`."""
    parts = (
        describe_details(value)
        if isinstance(value, Mapping)
        else f"{name.replace('_', ' ')}: {value}"
        for name, value in details.items()
    )
    return "; ".join(filter(None, parts))


def record(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Add an event to the caller's transaction, so that both commit or neither does."""
    if action not in ACTIONS:
        raise ValueError(f"no words for the action {action!r}")
    event = {"actor": actor.name, "action": action, "subject": subject, "details": details}
    db.session.connection().execute(insert(AuditEvent), event | {"address": actor.address})


def record_event(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Record an event in a transaction of its own."""
    with writing():
        record(actor, action, subject, **details)


def list_events(chosen: Mapping[str, str], before: int = 0) -> list[AuditEvent]:
    """Return a page of events and one more, newest first, with ids lower than `before` if given."""
    conditions = _conditions(chosen) + ([AuditEvent.id < before] if before else [])
    query = select(AuditEvent).where(*conditions).order_by(AuditEvent.id.desc())
    return list(db.session.scalars(query.limit(PAGE_SIZE + 1)))


def csv_rows(chosen: Mapping[str, str], describe: Callable[[Any], str]) -> Iterator[list[str]]:
    """Yield every event as a table row with what `describe` says of it, oldest first.

    It needs no application context.
    """
    events = read_in_batches(
        db.engine, select(AuditEvent).where(*_conditions(chosen)), AuditEvent.id
    )
    return ([*_csv_row(event), describe(event)] for event in chain.from_iterable(events))


def _csv_row(event: Row[*tuple[Any, ...]]) -> list[str]:
    details = json.dumps(event.details, ensure_ascii=False) if event.details else ""
    at = format_utc(event.at)
    return [at, event.actor, event.action, event.subject, details, event.address]


def _conditions(chosen: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [
        *([AuditEvent.action == chosen["action"]] if "action" in chosen else []),
        *([AuditEvent.actor.in_(_actors(chosen["actor"]))] if "actor" in chosen else []),
        *([AuditEvent.subject.in_(_spellings(chosen["subject"]))] if "subject" in chosen else []),
        *within_days(AuditEvent.at, chosen.get("first_day", ""), chosen.get("last_day", "")),
    ]


def _spellings(typed: str) -> list[str]:
    """Return what was typed, as addresses are stored, and as references are.

    A list of values can use the index, which a comparison in lower case cannot.
    """
    return [typed, typed.lower(), typed.upper()]


def _actors(typed: str) -> list[str]:
    """Return what was typed, and the addresses of the staff with that name."""
    rows = db.session.execute(select(StaffUser.email, StaffUser.name).where(StaffUser.name != ""))
    name = fold_text(typed)
    return [*_spellings(typed), *(row.email for row in rows if fold_text(row.name) == name)]
