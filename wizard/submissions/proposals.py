"""Proposals: changes that staff asked for and corrections, from the organization to staff.

Each works on a locked case (`cases.locked_case`), and locks the proposal after it.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, select

from .. import clock
from ..accounts.audit import PROGRAM, Actor
from ..db import upgrades
from ..db.engine import db, lock_rows, reading
from ..db.models import Event, Proposal, Submission, SubmissionVersion
from ..forms import changes
from ..forms.changes import ChangeJourney
from ..forms.conditions import Answers
from ..forms.fields import LongText
from ..forms.journey import Journey
from ..forms.promises import removes_promise
from ..web.current import current_flow
from . import contact_changes, messages
from .cases import (
    REASON_MISSING,
    CaseErased,
    NotAllowed,
    change_status,
    is_closed,
    locked_case,
    may_publish,
    require_open,
)
from .events import record_event
from .messages import STANDARD, Mail
from .publication import was_published
from .versions import raise_version, store_version

CORRECTABLE = ("received", "in_review", "accepted", "published")
"""Statuses in which the organization may send a correction."""
REMINDER_DAYS = 7
"""Days before the end of the time for changes on which a reminder is sent."""
ASKED = LongText(
    "words", "What is missing?", noun="what is missing", max_length=messages.MAX_MESSAGE_CHARS
)
"""What staff say about a step or question."""


def find_proposal(submission: Submission, *, lock: bool = False) -> Proposal | None:
    """Return the proposal of a submission, if there is one; with `lock`, lock and reread it."""
    query = select(Proposal).where(Proposal.submission_id == submission.id)
    if lock:
        query = lock_rows(query)
    proposal = db.session.scalars(query).one_or_none()
    if lock and proposal and proposal.flow_version != current_flow().version:
        upgrades.store_version(proposal)  # all of it, whichever part is changed next
    return proposal


def is_requested(submission: Submission, proposal: Proposal) -> bool:
    """Return True while staff wait for these changes; later they count as a correction."""
    return proposal.kind == "changes" and submission.status == "changes_requested"


def find_opened(submission: Submission, proposal: Proposal) -> dict[str, str]:
    """Return the steps and questions that staff wait for, with what they wrote about each; nothing
    for a correction, in which everything may be changed."""
    return proposal.opened if is_requested(submission, proposal) else {}


def is_open(submission: Submission, proposal: Proposal | None) -> bool:
    """Return True if the organization may change and send a proposal now."""
    if proposal is None or proposal.sent_at is not None:
        return False
    return is_requested(submission, proposal) or submission.status in CORRECTABLE


def is_waiting(submission: Submission, proposal: Proposal | None) -> bool:
    """Return True if staff decide now on a correction that was sent."""
    return proposal is not None and proposal.sent_at is not None and not is_closed(submission)


def may_correct(submission: Submission) -> bool:
    """Return True if the organization may propose a correction now."""
    return submission.status in CORRECTABLE


def build_journey(
    submission: Submission,
    opened: Collection[str],
    answers: Answers,
    completed_steps: Collection[str] = (),
    *,
    is_sent: bool = False,
) -> ChangeJourney:
    """Return the journey of changed answers; the words of one that `is_sent` are kept elsewhere.

    It is as of the day of submission: a date that was to come then may have passed by now.
    """
    return ChangeJourney(
        current_flow(),
        submission.answers,
        opened,
        answers,
        completed_steps,
        today=clock.local(submission.submitted_at).date(),
        were_published=not is_sent and was_published(submission),
    )


def newest_answers(submission: Submission, proposal: Proposal) -> Answers:
    """Return the answers of a proposal, with those that staff corrected since it began."""
    base = _base_answers(submission, proposal)
    return changes.rebase(proposal.answers, base, submission.answers)


def _base_answers(submission: Submission, proposal: Proposal) -> Answers:
    """Return the version of the answers that a proposal changes."""
    if proposal.base_version == submission.answers_version:
        return submission.answers
    query = select(SubmissionVersion).where(
        SubmissionVersion.submission_id == submission.id,
        SubmissionVersion.number == proposal.base_version,
    )
    return db.session.scalars(query).one().answers


def request_changes(
    submission: Submission, opened: Mapping[str, str], actor: Actor, mail: Mail = STANDARD
) -> Event:
    """Ask the organization of a locked case to change the named steps or questions.

    `opened` has clean words on what is missing, by name. If changes or a correction are under way,
    what was entered stays, and what was asked before stays asked. Raise `NotAllowed`.
    """
    flow = current_flow()
    if not opened or not opened.keys() <= flow.steps.keys() | flow.fields.keys():
        raise NotAllowed("Select at least one step or question of this form.")
    proposal = find_proposal(submission, lock=True) or _add_proposal(submission, "changes")
    steps = changes.completed_steps(_submitted_journey(submission), opened)
    proposal.completed_steps = [name for name in proposal.completed_steps if name in steps]
    proposal.opened = {**_opened_before(submission, proposal), **opened}
    proposal.kind, proposal.sent_at, proposal.reminded_at = "changes", None, None
    days = current_app.config["CHANGES_DAYS"]
    proposal.expires_at = clock.midnight(clock.today() + timedelta(days=days + 1))
    return change_status(submission, "changes_requested", actor, mail, opened=proposal.opened)


def _opened_before(submission: Submission, proposal: Proposal) -> dict[str, str]:
    """Return what stays open: what staff wait for, or what a correction has changed."""
    if opened := find_opened(submission, proposal):
        return opened
    answers = newest_answers(submission, proposal)
    return dict.fromkeys(changes.changed_fields(current_flow(), submission.answers, answers), "")


def propose_correction(submission: Submission, actor: Actor) -> Proposal:
    """Begin a correction of a locked case, or return the one that is under way, to be changed.

    One that was sent is taken back until it is sent again. Raise `NotAllowed`.
    """
    proposal = find_proposal(submission, lock=True)
    if proposal and is_requested(submission, proposal):
        return proposal
    if not may_correct(submission):
        raise NotAllowed("You can’t change your answers now.")
    if proposal and proposal.sent_at:
        proposal.sent_at = None
        raise_version(submission)  # a decision on what was sent is refused
        record_event(submission, "correction_cancelled", actor)
    return proposal or _add_proposal(submission, "correction")


def can_discard(submission: Submission, proposal: Proposal | None) -> bool:
    """Return True for a correction that was begun, declined or taken back, and not sent again."""
    return (
        proposal is not None and proposal.sent_at is None and not is_requested(submission, proposal)
    )


def discard_correction(submission: Submission) -> bool:
    """Delete the correction of a locked case; return False if there is none to discard."""
    proposal = find_proposal(submission, lock=True)
    if not can_discard(submission, proposal):
        return False
    db.session.delete(proposal)
    return True


def _add_proposal(submission: Submission, kind: str) -> Proposal:
    proposal = Proposal(
        submission_id=submission.id,
        kind=kind,
        base_version=submission.answers_version,
        opened={},
        flow=submission.flow,
        flow_version=current_flow().version,
        answers=submission.answers,
        completed_steps=changes.completed_steps(_submitted_journey(submission), ()),
        language=submission.language,
    )
    db.session.add(proposal)
    return proposal


def _submitted_journey(submission: Submission) -> Journey:
    return build_journey(submission, (), submission.answers)


def send(submission: Submission, proposal: Proposal, journey: Journey, actor: Actor) -> Event:
    """Send a complete journey of an open proposal: as a new version if staff asked for the
    changes, else as a correction that they decide on. The case must be locked."""
    words = journey.answers.pop(changes.CHANGE_NOTE.name, "")
    if is_requested(submission, proposal):
        data = _store(submission, proposal, journey, actor)
        return change_status(submission, "in_review", actor, words=words, **data)
    proposal.kind, proposal.expires_at, proposal.opened = "correction", None, {}
    proposal.base_version = submission.answers_version
    proposal.answers, proposal.words = changes.sent_answers(submission.answers, journey), words
    proposal.sent_at = clock.now()
    raise_version(submission)
    return record_event(submission, "correction_proposed", actor, words=words)


def _store(
    submission: Submission, proposal: Proposal, journey: Journey, actor: Actor
) -> dict[str, Any]:
    """Store the answers of a proposal as a new version, and delete it; return both numbers.

    Another contact waits until its mailbox confirms.
    """
    before = submission.answers_version
    answers = contact_changes.ask_new_contact(submission, journey.answers, actor)
    store_version(submission, journey, answers)
    db.session.delete(proposal)
    return {"from": before, "to": submission.answers_version}


def correction_journey(submission: Submission, proposal: Proposal) -> ChangeJourney:
    """Return the journey that a correction leads to when it is approved."""
    steps, answers = current_flow().steps, newest_answers(submission, proposal)
    return build_journey(submission, (), answers, steps, is_sent=True)


def needs_reason(submission: Submission, proposal: Proposal, after: Answers) -> bool:
    """Return True if staff need to say why a correction removes a promise that was published: the
    organization did not, to an earlier version."""
    is_removal = removes_promise(current_flow(), submission.answers, after)
    return is_removal and not proposal.words and was_published(submission)


def changes_only_contact(submission: Submission, after: Answers) -> bool:
    """Return True if answers only name another contact, which must confirm."""
    kept = contact_changes.keep_contact(submission, after)
    return not changes.changed_fields(current_flow(), submission.answers, kept)


def unpublishes(submission: Submission, after: Answers) -> bool:
    """Return True if answers take back the consent to what is published."""
    return submission.published_at is not None and not may_publish(after)


def approve_correction(
    reference: str,
    version: int,
    actor: Actor,
    mail: Mail = STANDARD,
    reason: str = "",
    slips: Collection[str] = (),
) -> None:
    """Make the correction that was sent; without consent any more, it is no longer published.
    One that only names another contact makes no version: that one must confirm first.

    `slips` are the ids of entries whose date before was a slip, and not a promise.

    Raise as `locked_case`, and `NotAllowed`.
    """
    with locked_case(reference, version, actor.post) as submission:
        proposal = _sent_proposal(submission)
        journey = correction_journey(submission, proposal)
        _check_correction(submission, proposal, journey, reason)
        if changes_only_contact(submission, journey.answers):
            raise_version(submission)
            contact_changes.ask_new_contact(submission, journey.answers, actor)
            db.session.delete(proposal)
            return
        data = {"proposed_by": _proposer(submission), "words": proposal.words}
        data |= _store(submission, proposal, journey, actor)
        made: dict[str, Any] = {**data, **({"slips": list(slips)} if slips else {})}
        record_event(submission, "corrected", actor, mail, reason=reason, **made)
        if unpublishes(submission, submission.answers):
            change_status(submission, "accepted", actor, Mail(skip=mail.skip))


def _check_correction(
    submission: Submission, proposal: Proposal, journey: Journey, reason: str
) -> None:
    """Raise `NotAllowed` if a correction cannot be made, with the reason that staff give."""
    if not changes.changed_fields(current_flow(), submission.answers, journey.answers):
        raise NotAllowed("This correction changes nothing. Decline it, and reply by email.")
    if not journey.complete:
        raise NotAllowed("This correction no longer fits the form. Decline it, or ask for changes.")
    if not reason and needs_reason(submission, proposal, journey.answers):
        raise NotAllowed(REASON_MISSING)


def _proposer(submission: Submission) -> str:
    """Return who sent the correction that waits: the organization, or staff who acted for it."""
    proposed = Event.submission_id == submission.id, Event.kind == "correction_proposed"
    newest = select(Event.actor).where(*proposed).order_by(Event.id.desc()).limit(1)
    return "staff" if db.session.scalar(newest) else "organization"


def decline_correction(
    reference: str, version: int, actor: Actor, mail: Mail = STANDARD, reason: str = ""
) -> None:
    """Decline the correction that was sent: the organization can change it and send it again.

    Raise as `locked_case`, and `NotAllowed`.
    """
    with locked_case(reference, version, actor.post) as submission:
        proposal = _sent_proposal(submission)
        proposal.sent_at = None
        raise_version(submission)
        data = {"reason": reason, "words": proposal.words}
        record_event(submission, "correction_declined", actor, mail, **data)


def _sent_proposal(submission: Submission) -> Proposal:
    proposal = find_proposal(submission, lock=True)
    if proposal is None or proposal.sent_at is None:
        raise NotAllowed("No correction is waiting. Check the history.")
    require_open(submission)
    return proposal


def expire_changes() -> int:
    """Take cases back into review whose time for changes is over; return how many.

    What was entered is kept, and can be sent as a correction.
    """
    return _change_each(_expire, Proposal.expires_at <= clock.now())


def _expire(submission: Submission, proposal: Proposal) -> bool:
    is_due = is_requested(submission, proposal)
    proposal.kind, proposal.expires_at = "correction", None
    if is_due:
        change_status(submission, "in_review", PROGRAM)
    return is_due


def remind() -> int:
    """Queue a reminder of each request for changes that ends soon; return how many.

    Where every request ends that soon, none is sent.
    """
    if current_app.config["CHANGES_DAYS"] <= REMINDER_DAYS:
        return 0
    now = clock.now()
    ends_soon = Proposal.expires_at.between(now, now + timedelta(days=REMINDER_DAYS))
    return _change_each(_remind, Proposal.reminded_at.is_(None), ends_soon)


def _remind(submission: Submission, proposal: Proposal) -> bool:
    proposal.reminded_at = clock.now()
    requests = select(Event).where(
        Event.submission_id == submission.id, Event.kind == "changes_requested"
    )
    event = db.session.scalars(requests.order_by(Event.id.desc())).first()
    is_wanted = submission.wants_reminders and is_requested(submission, proposal)
    if event is None or not is_wanted:
        return False
    messages.queue_messages(submission, event, STANDARD, "changes_reminder")
    return True


def _change_each(change: Callable[[Submission, Proposal], bool], *due: ColumnElement[bool]) -> int:
    """Call `change` with each case and proposal that is due, locked; return how many changed."""
    query = select(Submission.reference).join(Proposal, Proposal.submission_id == Submission.id)
    with reading():
        is_ours = Proposal.kind == "changes", Submission.flow == current_flow().name
        references = list(db.session.scalars(query.where(*is_ours, *due)))
    done = 0
    for reference in references:
        with suppress(CaseErased), locked_case(reference) as submission:
            found = select(Proposal).where(Proposal.submission_id == submission.id, *due)
            proposal = db.session.scalars(lock_rows(found)).one_or_none()
            done += proposal is not None and change(submission, proposal)
    return done
