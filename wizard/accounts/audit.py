"""The audit log: who did what, to what, when. Never an answer or a secret."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from .. import clock
from ..db.batches import batches
from ..db.engine import db, writing
from ..db.models import AuditEvent
from ..forms.fields import Field, Text
from ..web.query import DAYS, VALUE, Code, within_days

ACTIONS = {
    "signed_in": "Signed in",
    "refused": "Sign-in refused",
    "signed_out": "Signed out",
    "password_changed": "Changed the password",
    "second_factor_set": "Set up a second factor",
    "recovery_code_used": "Used a recovery code",
    "viewed": "Viewed a submission",
    "moved": "Decided",
    "noted": "Wrote a note",
    "resent": "Sent a message again",
    "report_decided": "Decided on a report",
    "erased": "Deleted the answers",
    "exported": "Exported",
    "person_added": "Added a person",
    "person_changed": "Changed a person",
    "token_made": "Made a token",
    "token_revoked": "Revoked a token",
    "backed_up": "Backed up the store",
    "restored": "Put a backup back",
}
"""Everything that is logged, by code, in words."""


FILTERS: dict[str, Field] = {
    "action": Code("action", "action", noun=VALUE, codes=ACTIONS),
    "actor": Text("actor", "actor", noun=VALUE),
    "subject": Text("subject", "subject", noun=VALUE),
    **DAYS,
}
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of staff, `token:<name>` or the command line; and from which address."""

    name: str
    address: str = ""


COMMAND_LINE = Actor("command line")


def describe_event(details: Mapping[str, Any]) -> str:
    """What an event says besides, for a reader: `before: received; after: in_review`."""
    pairs: list[str] = []
    for name, value in details.items():
        if isinstance(value, Mapping):
            pairs.append(describe_event(value))
        else:
            pairs.append(f"{name.replace('_', ' ')}: {value}")
    return "; ".join(filter(None, pairs))


def record(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Puts an event into the caller's transaction, so that it is kept with what it is about."""
    if action not in ACTIONS:
        raise ValueError(f"no words for the action {action!r}")
    db.session.add(
        AuditEvent(
            actor=actor.name, action=action, subject=subject, details=details, address=actor.address
        )
    )


def record_event(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Keeps an event of its own: something was looked at, nothing changed."""
    with writing():
        record(actor, action, subject, **details)


def list_events(chosen: Mapping[str, str], before: int = 0) -> list[AuditEvent]:
    """A page of events and one more, the newest first, from the one of that number on."""
    wanted = _conditions(chosen) + ([AuditEvent.id < before] if before else [])
    query = select(AuditEvent).where(*wanted).order_by(AuditEvent.id.desc())
    return list(db.session.scalars(query.limit(PAGE_SIZE + 1)))


COLUMNS = ("at", "actor", "action", "subject", "details", "address")


def csv_rows(chosen: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield every event as a table row, the oldest first, without an application context."""
    found = batches(db.engine, select(AuditEvent).where(*_conditions(chosen)), AuditEvent.id)
    return map(_row, chain.from_iterable(found))


def _row(event: Row[*tuple[Any, ...]]) -> list[str]:
    details = json.dumps(event.details, ensure_ascii=False) if event.details else ""
    at = clock.iso_utc(event.at)
    return [at, event.actor, event.action, event.subject, details, event.address]


def _conditions(chosen: Mapping[str, str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        getattr(AuditEvent, name) == chosen[name]
        for name in ("action", "actor", "subject")
        if name in chosen
    ]
    days = within_days(AuditEvent.at, chosen.get("first_day", ""), chosen.get("last_day", ""))
    return found + days
