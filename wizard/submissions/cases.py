"""A case: the statuses it can have, its lock, and the one function that changes its status."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from .. import clock
from ..accounts.audit import Actor, record
from ..db.engine import db, writing
from ..db.models import Submission, describe_status
from ..forms.text import replace_forbidden

TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "received": ("in_review", "withdrawn"),
    "in_review": ("accepted", "declined", "withdrawn"),
    "accepted": ("published", "in_review", "withdrawn"),
    "published": ("accepted", "withdrawn"),
    "declined": ("in_review", "withdrawn"),
    "withdrawn": ("in_review",),
}
"""The statuses that can follow each status."""
OPEN_STATUSES = ("received", "in_review")
"""The statuses in which the office has to act next."""


class CaseNotFound(LookupError):
    """No submission has that reference, or it has no such message or report."""


class NotAllowed(ValueError):
    """The state of the case does not allow the change; the text says why."""


class CaseErased(Exception):
    """The answers were deleted on request: nothing is stored about them any more."""


def find_by_reference(reference: str, *, lock: bool = False) -> Submission | None:
    """Return the submission with that reference, if any; `lock` also locks and rereads its row."""
    query = select(Submission).where(Submission.reference == replace_forbidden(reference))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one_or_none()


@contextmanager
def locked_case(reference: str) -> Iterator[Submission]:
    """Lock a case to change it or to add to it; commit at the end, roll back on an error.

    Everything that is stored about a submission after it was made is stored in here, so that
    nothing follows an erasure. Raises `CaseNotFound`, and `CaseErased`.
    """
    with writing():
        submission = find_by_reference(reference, lock=True)
        if submission is None:
            raise CaseNotFound(reference)
        if submission.erased_at is not None:
            raise CaseErased
        yield submission


def may_publish(answers: Mapping[str, Any]) -> bool:
    """Return True if the organization agreed to be listed publicly."""
    return bool(answers.get("publish_consent") == "yes")


def allowed_transitions(submission: Submission) -> list[str]:
    """Return the statuses that a case can go to; none from a status that is not known here."""
    following = TRANSITIONS.get(submission.status, ())
    return [to for to in following if to != "published" or may_publish(submission.answers)]


def change_status(submission: Submission, to: str, actor: Actor) -> None:
    """Move a locked case to another status, and record it.

    Nothing else sets a status, so `published_at` is set exactly while a case is published.
    Raises `NotAllowed`.
    """
    before = submission.status
    if to not in allowed_transitions(submission):
        wanted = describe_status(to).label.lower() if to in TRANSITIONS else "that"
        raise NotAllowed(f"What is {describe_status(before).label.lower()} cannot become {wanted}.")
    submission.status = to
    submission.published_at = clock.now() if to == "published" else None
    touch(submission)
    record(actor, "moved", submission.reference, before=before, after=to)


def touch(submission: Submission) -> None:
    """Give a case that changes its next version, so that older pages of it are recognized."""
    submission.lock_version += 1
    submission.changed_at = clock.now()
