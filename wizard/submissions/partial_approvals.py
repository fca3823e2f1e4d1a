"""What staff did not approve of a progress update that they approved in part."""

from collections.abc import Collection, Iterable

from sqlalchemy import select

from ..db.engine import db
from ..db.models import Event, Submission
from ..db.promises import Promise
from ..forms import promises
from ..forms.messages import Message
from ..forms.promises import promised_groups
from ..forms.reports import promise_title
from ..web.current import current_flow


def is_partly_approved(event: Event) -> bool:
    """Return True for the approval of a progress update of which something was not approved."""
    return event.kind == "progress_approved" and bool(event.data.get("declined"))


def read_declined_titles(submission: Submission, events: Iterable[Event]) -> dict[str, Message]:
    """Return the titles of the promises that were not approved in approvals of a part, by the ids
    of their entries."""
    partial = [event for event in events if is_partly_approved(event)]
    ids = {entry_id for event in partial for entry_id in event.data["declined"]}
    return _title_promises(submission, ids) if ids else {}


def _title_promises(submission: Submission, entry_ids: Collection[str]) -> dict[str, Message]:
    groups = {group.name: group for group in promised_groups(current_flow())}
    columns = [getattr(Promise, name) for name in promises.Promise.__dataclass_fields__]
    query = select(*columns).where(
        Promise.submission_id == submission.id,
        Promise.entry_id.in_(entry_ids),
        Promise.group.in_(groups),
    )
    found = [promises.Promise(*values) for values in db.session.execute(query.order_by(Promise.id))]
    return {each.entry_id: promise_title(groups[each.group], each) for each in found}
