"""Withdrawals: an organization asks for one, and may take that back until staff decide."""

from collections.abc import Sequence
from typing import Any

from .. import clock
from ..accounts.audit import Actor
from ..db.engine import reading
from ..db.models import Event, Submission
from .cases import TRANSITIONS, NotAllowed, change_status, find_by_reference, locked_case
from .events import list_events, record_event
from .messages import STANDARD, Mail
from .versions import raise_version

WITHDRAWABLE = next(each.sources for each in TRANSITIONS if each.to == "withdrawn")
"""The statuses in which a submission can be withdrawn."""
REQUESTED = "withdrawal_requested"
"""The kind of the event that an organization asked to withdraw."""


def is_requested(submission: Submission) -> bool:
    """Return True while the organization asks to withdraw, and staff have not decided."""
    return submission.withdrawal_requested_at is not None and can_withdraw(submission)


def can_withdraw(submission: Submission) -> bool:
    """Return True if the submission can still be withdrawn."""
    return submission.status in WITHDRAWABLE


def find_reason(history: Sequence[Event]) -> str:
    """Return the reason of the last request; "" if there is none."""
    reasons = [each.data.get("reason", "") for each in history if each.kind == REQUESTED]
    return reasons[-1] if reasons else ""


def request_withdrawal(reference: str, reason: str, actor: Actor) -> None:
    """Ask to withdraw. Raise as `locked_case`, and `NotAllowed` if that is asked already."""
    with locked_case(reference) as submission:
        if is_requested(submission) or not can_withdraw(submission):
            raise NotAllowed("The commitment changed meanwhile. Reload the page.")
        submission.withdrawal_requested_at = clock.now()
        raise_version(submission)
        record_event(submission, REQUESTED, actor, reason=reason)


def cancel_withdrawal(reference: str, actor: Actor) -> bool:
    """Take back the request to withdraw; return False if none is open. Raise as `locked_case`."""
    with locked_case(reference) as submission:
        if is_open := is_requested(submission):
            _close(submission)
            record_event(submission, "withdrawal_cancelled", actor)
        return is_open


def was_decided(reference: str) -> bool:
    """Return True if the last request to withdraw ended by a decision of staff."""
    ends = ("withdrawn", "withdrawal_declined", "withdrawal_cancelled")
    with reading():
        submission = find_by_reference(reference)
        kinds = [each.kind for each in list_events(submission)] if submission else []
    return next((kind for kind in reversed(kinds) if kind in ends), ends[-1]) != ends[-1]


def decide_withdrawal(
    reference: str,
    approved: bool,
    version: int,
    actor: Actor,
    mail: Mail = STANDARD,
    public_reason: str = "",
) -> None:
    """Withdraw a submission on request, or decline to. Raise as `locked_case`, and `NotAllowed`.

    `public_reason` stands on the page of what was published.
    """
    data: dict[str, Any] = {"reason": public_reason} if public_reason else {}
    with locked_case(reference, version, actor.post) as submission:
        if not is_requested(submission):
            raise NotAllowed("There is no request to withdraw. Check the history.")
        if approved:
            change_status(submission, "withdrawn", actor, mail, **data)
        else:
            _close(submission)
            record_event(submission, "withdrawal_declined", actor, mail, **data)


def _close(submission: Submission) -> None:
    submission.withdrawal_requested_at = None
    raise_version(submission)
