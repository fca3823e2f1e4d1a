"""Cases: their statuses, their lock and the one function that changes a status."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from .. import clock
from ..accounts.audit import Actor, record
from ..db.engine import db, writing
from ..db.models import Submission, describe_status
from ..forms.text import replace_forbidden
from ..web.current import current_flow

TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "received": ("in_review", "withdrawn"),
    "in_review": ("accepted", "declined", "withdrawn"),
    "accepted": ("published", "in_review", "withdrawn"),
    "published": ("accepted", "withdrawn"),
    "declined": ("in_review", "withdrawn"),
    "withdrawn": ("in_review",),
}
"""The statuses that may follow each status."""
OPEN_STATUSES = ("received", "in_review")
"""Statuses that need action by staff."""


class CaseNotFound(LookupError):
    """No such submission, message or report."""


class NotAllowed(ValueError):
    """A change that the state of the case does not allow; the text says why."""


class CaseErased(Exception):
    """The answers were deleted on request; nothing more may be stored about them."""


def find_by_reference(reference: str, *, lock: bool = False) -> Submission | None:
    """Return the submission with that reference, if any; with `lock`, lock and reread its row."""
    is_it = Submission.reference == replace_forbidden(reference)
    query = select(Submission).where(is_it, Submission.flow == current_flow().name)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one_or_none()


@contextmanager
def locked_case(reference: str) -> Iterator[Submission]:
    """Lock a case for update; commit at the end, roll back on error.

    Every later change to a submission goes through here, so that nothing is stored after an
    erasure. Raises `CaseNotFound` or `CaseErased`.
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
    return current_flow().consents(answers)


def allowed_transitions(submission: Submission) -> list[str]:
    """Return the statuses that may follow now; none after an unknown one."""
    next_statuses = TRANSITIONS.get(submission.status, ())
    return [to for to in next_statuses if to != "published" or may_publish(submission.answers)]


def change_status(submission: Submission, to: str, actor: Actor) -> None:
    """Change the status of a locked case and record it. Raises `NotAllowed`.

    Nothing else sets a status, so `published_at` is set exactly while a case is published.
    """
    before = submission.status
    if to not in allowed_transitions(submission):
        wanted = describe_status(to).label if to in TRANSITIONS else "that status"
        current = describe_status(before).label
        raise NotAllowed(f"You can’t change the status from {current} to {wanted}.")
    submission.status = to
    submission.published_at = clock.now() if to == "published" else None
    raise_version(submission)
    record(actor, "moved", submission.reference, before=before, after=to)


def raise_version(submission: Submission) -> None:
    """Raise the version of a changed case, so that a post from an older page is recognized."""
    submission.lock_version += 1
    submission.changed_at = clock.now()
