"""What an event of a case holds, in words for staff."""

from collections.abc import Iterator, Sequence

from ..accounts.accounts import describe_person
from ..db.models import Event
from ..submissions.events import describe_event
from ..submissions.messages import describe_opened


def describe_data(event: Event) -> Iterator[tuple[str, str]]:
    """Yield what was said with an event: who or what it is, and the text."""
    data = event.data
    yield from describe_opened(data.get("opened", {}))
    if data.get("words"):
        is_acting = event.actor_kind == "organization" and event.actor
        by_staff = is_acting or data.get("proposed_by") == "staff"
        yield "Staff wrote for it" if by_staff else "The organization wrote", str(data["words"])
    if data.get("reason"):
        yield "Reason", str(data["reason"])
    if event.kind == "assigned" and "to" in data:
        yield "To", describe_person(str(data["to"])) if data["to"] else "nobody"
    if data.get("of"):
        yield "About", describe_event(str(data["of"])).label


def find_change(history: Sequence[Event], version: int) -> Event | None:
    """Return the last event that changed a case after it had that `lock_version`; None if events
    of an earlier release do not say."""
    newest = max((event.lock_version or 0 for event in history), default=0)
    made = (event for event in history if event.lock_version == newest)
    return next(made) if newest > version else None


def find_assignment(history: Sequence[Event]) -> Event | None:
    """Return the last assignment of a case."""
    return next((event for event in reversed(history) if event.kind == "assigned"), None)
