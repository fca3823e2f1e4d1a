"""A decision on a case that changed meanwhile: what changed it, and whether it was this decision.

A button that is pressed twice without JavaScript, or a page that is posted again, comes twice.
"""

from collections.abc import Callable, Mapping, Sequence

from ..accounts.audit import Actor
from ..db.engine import reading
from ..db.models import Event
from ..submissions.cases import TRANSITIONS
from .cases import Case, get_case
from .decisions import InvalidDecision, make_decision, parse_decision

RAISE_VERSION = {
    *(each.event for each in TRANSITIONS),
    *("correction_proposed", "corrected", "correction_declined"),
    *("progress_approved", "progress_declined"),
    *("withdrawal_requested", "withdrawal_cancelled", "withdrawal_declined"),
    *("contact_updated", "contact_confirmed"),
}
"""The kinds of events after which a decision on an older page is refused."""


def find_conflict(history: Sequence[Event], *, over_assignment: bool = False) -> Event | None:
    """Return the event that a page did not know yet: the last one that refuses its decision."""
    kinds = {"assigned"} if over_assignment else RAISE_VERSION
    return next((event for event in reversed(history) if event.kind in kinds), None)


def was_taken(
    reference: str,
    form: Mapping[str, str],
    actor: Actor,
    is_same: Callable[[Event], bool] = lambda event: True,
) -> bool:
    """Return True if a person took this decision already, and nothing changed the case since.

    The form holds the `key` and the `kind` of the decision, and what was typed beside it. `is_same`
    compares what else was chosen.
    """
    with reading():
        return _is_taken(get_case(reference), form, actor, is_same)


def _is_taken(
    case: Case, form: Mapping[str, str], actor: Actor, is_same: Callable[[Event], bool]
) -> bool:
    key, kind = form.get("key", ""), form.get("kind", "")
    event = find_conflict(case.history)
    if event is None or (event.kind, event.actor) != (kind, actor.name) or not is_same(event):
        return False
    try:
        decision = make_decision(case.submission, key, kind, "", "")
        mail, reason = parse_decision([decision], key, form)
    except InvalidDecision:
        return False
    words = "" if mail.skip else mail.words
    return (reason, words) == (event.data.get("reason", ""), case.words.get(event.id, ""))
