"""The erasure of a case: all that its organization and staff wrote, and its messages."""

from sqlalchemy import String, cast, delete, or_, select, update

from .. import clock
from ..accounts.audit import Actor, record
from ..db.accounts import CaseView
from ..db.engine import db, delete_in_batches, empty_write_ahead_log, write_in_batches
from ..db.models import (
    Contact,
    Draft,
    Event,
    MailMessage,
    OutboxMessage,
    Proposal,
    Report,
    StaffNote,
    Submission,
    SubmissionVersion,
)
from ..db.promises import Progress, Promise, PromiseReminder, ReportDraft
from ..notify import email
from ..submissions import cases
from ..submissions.cases import change_status, locked_case
from ..submissions.events import record_event
from ..submissions.listing import index_columns
from ..submissions.messages import Mail
from ..submissions.versions import raise_version
from ..web.current import current_flow

ABOUT_ANSWERS = (
    CaseView,
    Contact,
    MailMessage,
    OutboxMessage,
    Progress,
    Promise,
    PromiseReminder,
    Proposal,
    Report,
    ReportDraft,
    StaffNote,
    SubmissionVersion,
)
"""The tables that an erasure empties of the submission."""


def erase(reference: str, actor: Actor) -> None:
    """Withdraw an open case and delete all but its record: answers, draft, messages, notes."""
    with locked_case(reference) as submission:
        if submission.status in (*cases.OPEN_STATUSES, "changes_requested", "published"):
            change_status(submission, "withdrawn", actor, Mail(skip=True))
        submission.withdrawal_requested_at = None
        submission.answers = {}
        for name, value in index_columns(current_flow(), submission.reference, {}).items():
            setattr(submission, name, value)
        submission.erased_at = clock.now()
        raise_version(submission)
        message_ids = _message_ids(submission)
        db.session.execute(delete(Draft).where(Draft.id == submission.draft_id))
        for table in ABOUT_ANSWERS:
            db.session.execute(delete(table).where(table.submission_id == submission.id))
        emptied = update(Event).where(Event.submission_id == submission.id)
        db.session.execute(emptied.values(data={}, post=None))
        record_event(submission, "erased", actor)
        record(actor, "erased", submission.reference)
    for message_id in message_ids:
        email.remove_file(message_id)
    empty_write_ahead_log()


def _message_ids(submission: Submission) -> list[str]:
    """Return the Message-IDs of all messages about a submission or its draft."""
    return [
        message_id
        for table in (MailMessage, OutboxMessage)
        for message_id in db.session.scalars(
            select(table.message_id).where(
                or_(
                    table.submission_id == submission.id,
                    table.draft_id == submission.draft_id,
                )
            )
        )
    ]


def purge_after_erasure() -> int:
    """Delete what an earlier version stored about erased submissions; return how many rows."""
    erased = select(Submission.id).where(Submission.erased_at.is_not(None))
    leftovers = select(Event).where(
        Event.submission_id.in_(erased), cast(Event.data, String) != "{}"
    )
    count = write_in_batches(leftovers, lambda events: sum(map(_empty, events))) + sum(
        delete_in_batches(table.id, table.submission_id.in_(erased)) for table in ABOUT_ANSWERS
    )
    empty_write_ahead_log()  # also of what an erasure left while another process read
    return count


def _empty(event: Event) -> bool:
    event.data = {}
    return True
