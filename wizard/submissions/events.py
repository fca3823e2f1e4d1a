"""Events: what happened to a submission, in one place for the history, timeline and messages.

Each is recorded in the transaction that makes it happen, together with the messages that tell of
it (`messages.py`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select

from ..accounts.audit import Actor
from ..db.accounts import AuditEvent
from ..db.engine import db
from ..db.models import Event, Submission
from ..forms.messages import Declaration
from . import messages, partial_approvals
from .messages import STANDARD, Mail


@dataclass(frozen=True, slots=True)
class EventKind(Declaration):
    """What a kind of event is called: by staff, and by the organization if it is told.

    The last two are for a progress update that was approved in part.
    """

    label: str
    told: str = ""
    label_partly: str = ""
    told_partly: str = ""

    translatable = ("told", "told_partly")


KINDS = {
    "submitted": EventKind("Submitted", "You submitted your answers."),
    "review_started": EventKind("Taken into review", "Program staff started the review."),
    "reopened": EventKind("Reopened", "Program staff resumed the review."),
    "changes_requested": EventKind("Changes requested", "Program staff asked you for changes."),
    "changes_cancelled": EventKind(
        "Took back the request for changes", "Program staff no longer ask you for changes."
    ),
    "changes_expired": EventKind(
        "The time for changes ended", "The time to make the changes ended."
    ),
    "resubmitted": EventKind("Submitted again", "You sent the changes."),
    "correction_proposed": EventKind("Correction proposed", "You sent a correction."),
    "correction_cancelled": EventKind("Correction taken back", "You took back your correction."),
    "correction_declined": EventKind(
        "Correction declined", "Program staff didn’t make your correction."
    ),
    "corrected": EventKind("Corrected", "The answers were corrected."),
    "accepted": EventKind("Accepted", "Program staff accepted it."),
    "declined": EventKind("Declined", "Program staff decided not to accept it."),
    "published": EventKind("Published", "It was added to the public list."),
    "unpublished": EventKind(
        "Taken off the public list", "Program staff took it off the public list."
    ),
    "progress_reported": EventKind("Progress reported", "You sent a progress update."),
    "progress_approved": EventKind(
        "Progress update approved",
        "Program staff approved your progress update.",
        "Progress update approved in part",
        "Program staff approved part of your progress update.",
    ),
    "progress_declined": EventKind(
        "Progress update not approved", "Program staff didn’t approve your progress update."
    ),
    "withdrawal_requested": EventKind("Asked to withdraw", "You asked to withdraw it."),
    "withdrawal_cancelled": EventKind(
        "Took back the request to withdraw", "You took back your request to withdraw it."
    ),
    "withdrawal_declined": EventKind(
        "Request to withdraw declined", "Program staff declined your request to withdraw it."
    ),
    "withdrawn": EventKind("Withdrawn", "It was withdrawn."),
    "contact_changed": EventKind("New contact named", "A new contact person was named."),
    "contact_updated": EventKind(
        "Contact details changed", "The details of the contact person were changed."
    ),
    "contact_confirmed": EventKind("New contact confirmed", "The new contact person confirmed."),
    "contact_removed": EventKind("Second contact removed", "The second contact was removed."),
    "link_renewed": EventKind("Link replaced", "The link to this page was replaced."),
    "assigned": EventKind("Assigned"),
    "noted": EventKind("Added a note"),
    "written": EventKind("Wrote to the organization", "Program staff wrote to you."),
    "message_sent": EventKind("Sent an email again"),
    "message_skipped": EventKind("Sent no email"),
    "message_bounced": EventKind("An email could not be delivered"),
    "reminded": EventKind("Reminded", "We asked you how it’s going."),
    "erased": EventKind("Deleted the answers", "The answers were deleted."),
}
"""Every kind of event, by its code."""
MAKE_VERSIONS = ("submitted", "resubmitted", "corrected", "contact_updated", "contact_confirmed")
"""The kinds that make a version of the answers; the last one does for the first contact."""


def describe_event(kind: str) -> EventKind:
    """Return the words for a kind; an unknown one is shown by its code, to staff only."""
    return KINDS.get(kind) or EventKind(kind)


def find_makers(events: Iterable[Event]) -> dict[int, Event]:
    """Return the event that made each version of the answers, by its number: the first of it."""
    makers: dict[int, Event] = {}
    for event in events:
        if event.kind in MAKE_VERSIONS:
            makers.setdefault(event.version, event)
    return makers


def label_event(event: Event) -> str:
    """Return what staff call an event."""
    kind = describe_event(event.kind)
    return kind.label_partly if partial_approvals.is_partly_approved(event) else kind.label


def tell_event(event: Event) -> str:
    """Return what the organization is told of an event; nothing if it is not told."""
    kind = describe_event(event.kind)
    return kind.told_partly if partial_approvals.is_partly_approved(event) else kind.told


def record_event(
    submission: Submission, kind: str, actor: Actor, mail: Mail = STANDARD, **data: Any
) -> Event:
    """Record an event within the caller's transaction, and queue the messages that tell of it.

    Raise `ValueError` for an unknown kind.
    """
    event = add_event(submission, kind, actor, **data)
    db.session.flush()
    if mail.skip and messages.tells_contacts(kind):
        record_event(submission, "message_skipped", actor, of=kind)
    messages.queue_messages(submission, event, mail)
    return event


def add_event(submission: Submission, kind: str, actor: Actor, **data: Any) -> Event:
    """Record an event without its messages; it has an id once the session is flushed.

    Raise `ValueError` for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no words for an event of the kind {kind!r}")
    event = Event(
        submission_id=submission.id,
        kind=kind,
        actor_kind=actor.kind,
        actor=actor.name,
        version=submission.answers_version,
        lock_version=submission.lock_version,
        post=actor.post or None,
        data=data,
    )
    db.session.add(event)
    return event


def list_events(submission: Submission) -> list[Event]:
    """Return what happened to a submission, oldest first.

    What a version of the program without this table recorded is in the audit log: it is returned as
    events that are not stored.
    """
    recorded, logged = _event_queries()
    events = list(db.session.scalars(recorded, {"id": submission.id}))
    if not any(event.kind == "submitted" for event in events):
        events.append(_submitted(submission))
    audited = db.session.scalars(logged, {"reference": submission.reference})
    return sorted([*events, *map(_read_audited, audited)], key=lambda event: event.at)


@cache
def _event_queries() -> tuple[Select[Event], Select[AuditEvent]]:
    recorded = select(Event).where(Event.submission_id == bindparam("id")).order_by(Event.id)
    about = AuditEvent.subject == bindparam("reference"), *_only_logged()
    return recorded, select(AuditEvent).where(*about).order_by(AuditEvent.id)


def count_events(start: datetime, end: datetime) -> Counter[str]:
    """Count what happened to all submissions from `start` until before `end`, by kind."""
    at = Event.at >= start, Event.at < end
    found = select(Event.kind, func.count()).where(*at).group_by(Event.kind)
    counts = Counter({row.kind: row[1] for row in db.session.execute(found)})
    logged = select(AuditEvent).where(AuditEvent.at >= start, AuditEvent.at < end, *_only_logged())
    counts.update(_read_audited(row).kind for row in db.session.scalars(logged))
    return counts


def _only_logged() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a line of the audit log tells of what no event tells.

    A deletion is an event and a line; versions without this table only wrote the line.
    """
    deletion = (
        select(Event.id)
        .join(Submission, Submission.id == Event.submission_id)
        .where(Submission.reference == AuditEvent.subject, Event.kind == "erased")
    )
    is_known = AuditEvent.action.in_(AUDITED_KINDS)
    return is_known, or_(AuditEvent.action != "erased", ~deletion.exists())


def _submitted(submission: Submission) -> Event:
    at = submission.submitted_at
    return Event(kind="submitted", at=at, actor_kind="organization", actor="", version=1, data={})


AUDITED_KINDS = {
    "moved": "",
    "noted": "noted",
    "resent": "message_sent",
    "report_decided": "",
    "erased": "erased",
}
"""The kinds of event by the action in the audit log; an empty one depends on the details."""
KIND_BY_STATUS = {
    ("received", "in_review"): "review_started",
    ("published", "accepted"): "unpublished",
}


KIND_BY_REPORT = {
    (False, True): "progress_approved",
    (False, False): "progress_declined",
    (True, True): "withdrawn",
    (True, False): "withdrawal_declined",
}
"""The kind of event of a decision on a report: whether it withdraws, and is approved."""


def _read_audited(row: AuditEvent) -> Event:
    """Return a line of the audit log as an event."""
    kind, details = AUDITED_KINDS[row.action], row.details
    if row.action == "moved":
        before, after = details.get("before", ""), details.get("after", "")
        reopened = "reopened" if after == "in_review" else after
        kind = KIND_BY_STATUS.get((before, after), reopened)
    elif row.action == "report_decided":
        kind = KIND_BY_REPORT[bool(details.get("withdraws")), bool(details.get("approved"))]
    return Event(kind=kind, at=row.at, actor_kind="staff", actor=row.actor, version=1, data=details)
