"""The audit log: who did what, to what, when. Never an answer or a secret."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select

from .extensions import db, writing
from .filters import BadFilter, midnight, read
from .models import AuditEvent

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


FILTERS = ("action", "actor", "subject", "first_day", "last_day")
PAGE = 100
BATCH = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of staff, `token:<name>` or the command line; and from which address."""

    name: str
    address: str = ""


COMMAND_LINE = Actor("command line")


def in_words(details: Mapping[str, Any]) -> str:
    """What an event says besides, for a reader: `before: received; after: in_review`."""
    pairs: list[str] = []
    for name, value in details.items():
        if isinstance(value, Mapping):
            pairs.append(in_words(value))
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


def write(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Keeps an event of its own: something was looked at, nothing changed."""
    with writing():
        record(actor, action, subject, **details)


def parse(given: Mapping[str, Sequence[str]], besides: Sequence[str] = ()) -> dict[str, str]:
    """The filters of an address that are set. Raises `BadFilter`."""
    chosen = read(given, FILTERS, besides)
    if chosen.get("action", "signed_in") not in ACTIONS:
        raise BadFilter("The filter “action” can be: %(values)s.", values=", ".join(ACTIONS))
    return chosen


def page(chosen: Mapping[str, str], before: int = 0) -> list[AuditEvent]:
    """A page of events and one more, the newest first, from the one of that number on."""
    wanted = _conditions(chosen) + ([AuditEvent.id < before] if before else [])
    query = select(AuditEvent).where(*wanted).order_by(AuditEvent.id.desc())
    return list(db.session.scalars(query.limit(PAGE + 1)))


COLUMNS = ("at", "actor", "action", "subject", "details", "address")


def rows(chosen: Mapping[str, str]) -> Iterator[list[str]]:
    """Every event as a table row, the oldest first; read in batches, no transaction in between."""
    last = 0
    while True:
        query = select(AuditEvent).where(*_conditions(chosen), AuditEvent.id > last)
        batch = list(db.session.scalars(query.order_by(AuditEvent.id).limit(BATCH)))
        db.session.close()
        for event in batch:
            details = json.dumps(event.details, ensure_ascii=False) if event.details else ""
            at = f"{event.at:%Y-%m-%dT%H:%M:%SZ}"
            yield [at, event.actor, event.action, event.subject, details, event.address]
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def _conditions(chosen: Mapping[str, str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        getattr(AuditEvent, name) == chosen[name]
        for name in ("action", "actor", "subject")
        if name in chosen
    ]
    if "first_day" in chosen:
        found.append(AuditEvent.at >= midnight(chosen["first_day"]))
    if "last_day" in chosen:
        found.append(AuditEvent.at < midnight(chosen["last_day"]) + timedelta(days=1))
    return found
