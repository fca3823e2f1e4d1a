"""Cases: their statuses, their lock and the one function that changes a status."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select

from .. import clock
from ..accounts.audit import Actor
from ..db.engine import db, lock_rows, writing
from ..db.models import STATUSES, Event, Submission, describe_status
from ..forms.text import replace_forbidden
from ..web.current import current_flow
from .events import record_event
from .messages import STANDARD, Mail
from .promises import store_promises
from .search import store_words
from .versions import raise_version


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of status: the event it is, the statuses it leads from and to, and who may make it.

    `verb` is the label of the button for staff; without one, it has a page of its own. A `reason`
    must be given if that is True.
    """

    event: str
    sources: tuple[str, ...]
    to: str
    verb: str = ""
    by: tuple[str, ...] = ("staff",)
    reason: bool = False


TRANSITIONS = (
    Transition("review_started", ("received",), "in_review", "Start review"),
    Transition("accepted", ("received", "in_review", "changes_requested"), "accepted", "Accept"),
    Transition("changes_requested", ("received", "in_review", "changes_requested"),
               "changes_requested"),
    Transition("changes_cancelled", ("changes_requested",), "in_review", "Take back the request"),
    Transition("declined", ("received", "in_review", "changes_requested"), "declined", "Decline",
               reason=True),
    Transition("resubmitted", ("changes_requested",), "in_review", by=("organization",)),
    Transition("changes_expired", ("changes_requested",), "in_review", by=("program",)),
    Transition("published", ("accepted",), "published", "Publish"),
    Transition("unpublished", ("published",), "accepted", "Take off the public list"),
    Transition("reopened", ("accepted", "declined", "withdrawn"), "in_review", "Reopen"),
    Transition("withdrawn", ("received", "in_review", "changes_requested", "accepted", "declined",
                             "published"), "withdrawn", "Withdraw"),
)  # fmt: skip
"""Every change of a status; from a status no two lead to the same one for the same side."""
OPEN_STATUSES = ("received", "in_review")
"""Statuses that need action by staff."""
REPORTABLE_STATUSES = ("accepted", "published")
"""Statuses in which the organization reports on its promises."""
CLOSED_STATUSES = ("declined", "withdrawn")
"""Statuses in which nothing is promised, and nothing decided on a correction or progress update:
it waits again once the case is reopened."""
REVIEW_EVENTS = ("accepted", "declined", "changes_requested")
"""Events that start the review of a case that was only received."""
REOPENING_EVENTS = ("resubmitted", "changes_cancelled", "changes_expired", "reopened")
"""Events by which a case waits for staff again."""


REASON_MISSING = "Enter the reason. The organization will read it."
CLOSED = "This case is closed. Reopen it to decide on this."


class CaseNotFound(LookupError):
    """No such submission, message or report."""


class NotAllowed(ValueError):
    """A change that the state of the case does not allow; the text says why."""


class StaleVersion(Exception):
    """The case changed after the page with the decision was drawn."""


class AlreadyDone(Exception):
    """The same post came before, and was done."""


class CaseErased(Exception):
    """The answers were deleted on request; nothing more may be stored about them."""


def find_by_reference(
    reference: str, *conditions: ColumnElement[bool], lock: bool = False
) -> Submission | None:
    """Return the submission with that reference, if any; with `lock`, lock and reread its row."""
    key = {"reference": replace_forbidden(reference), "flow": current_flow().name}
    query = _query_by_reference()
    query = query.where(*conditions) if conditions else query
    if lock:
        query = lock_rows(query)
    return db.session.scalars(query, key).one_or_none()


@cache
def _query_by_reference() -> Select[Submission]:
    is_it = Submission.reference == bindparam("reference")
    return select(Submission).where(is_it, Submission.flow == bindparam("flow"))


@cache
def _query_post() -> Select[int]:
    is_it = Event.submission_id == bindparam("id"), Event.post == bindparam("post")
    return select(Event.id).where(*is_it).limit(1)


@contextmanager
def locked_case(reference: str, version: int | None = None, post: str = "") -> Iterator[Submission]:
    """Lock a case for update; commit at the end, roll back on error.

    Every later change to a submission goes through here, so that nothing is stored after an
    erasure. Raise `CaseNotFound` or `CaseErased`, `AlreadyDone` if this `post` made an event
    already, or `StaleVersion` unless `version` is that of the case.
    """
    with writing():
        submission = find_by_reference(reference, lock=True)
        if submission is None:
            raise CaseNotFound(reference)
        if submission.erased_at is not None:
            raise CaseErased
        if post and db.session.scalar(_query_post(), {"id": submission.id, "post": post}):
            raise AlreadyDone
        if version not in (None, submission.lock_version):
            raise StaleVersion
        before = submission.lock_version
        yield submission
        if submission.lock_version != before and submission.erased_at is None:
            store_promises(submission)
        store_words(submission)


def can_report(submission: Submission) -> bool:
    """Return True if its organization may report now."""
    return submission.status in REPORTABLE_STATUSES


def is_closed(submission: Submission) -> bool:
    """Return True if nothing is decided now on what its organization sent."""
    return submission.status in CLOSED_STATUSES


def require_open(submission: Submission) -> None:
    """Raise `NotAllowed` for a decision on what the organization of a closed case sent."""
    if is_closed(submission):
        raise NotAllowed(CLOSED)


def may_publish(answers: Mapping[str, Any]) -> bool:
    """Return True if the organization agreed to be listed publicly."""
    return current_flow().consents(answers)


def allowed_transitions(submission: Submission, by: str = "staff") -> list[Transition]:
    """Return the changes of status that one side may make now; none from an unknown status."""
    return [
        each
        for each in TRANSITIONS
        if submission.status in each.sources
        and by in each.by
        and (each.to != "published" or may_publish(submission.answers))
    ]


def change_status(
    submission: Submission, to: str, actor: Actor, mail: Mail = STANDARD, /, **data: Any
) -> Event:
    """Change the status of a locked case, record it, and queue its messages. Raise `NotAllowed`.

    Nothing else sets a status, so `published_at` is set exactly while a case is published. `data`
    is that of the event; a `reason` is required for some.
    """
    allowed = allowed_transitions(submission, actor.kind)
    transition = next((each for each in allowed if each.to == to), None)
    if transition is None:
        wanted = describe_status(to).label if to in STATUSES else "that status"
        current = describe_status(submission.status).label
        raise NotAllowed(f"You can’t change the status from {current} to {wanted}.")
    if transition.reason and not data.get("reason"):
        raise NotAllowed(REASON_MISSING)
    if submission.status == "received" and transition.event in REVIEW_EVENTS:
        record_event(submission, "review_started", actor)
    _set_status(submission, to)
    if transition.event in REOPENING_EVENTS:
        submission.returned_at = clock.now()
    raise_version(submission)
    return record_event(submission, transition.event, actor, mail, **data)


def _set_status(submission: Submission, to: str) -> None:
    """Set the status, and the times that depend on it."""
    now, listed_at = clock.now(), submission.published_at
    submission.status = to
    submission.published_at = now if to == "published" else None
    first = submission.first_published_at or listed_at or submission.published_at
    submission.first_published_at = first
    if listed_at or to == "published":
        submission.updated_at = now
    if to == "withdrawn":
        submission.withdrawal_requested_at = None
