"""Cases as staff list, read and change them; every change is on the audit log.

The changes raise `CaseNotFound`, `CaseErased`, or `NotAllowed` with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import clock
from ..accounts import audit
from ..accounts.audit import ACTIONS, Actor
from ..db.engine import db, reading
from ..db.models import (
    Event,
    MailMessage,
    OutboxMessage,
    Proposal,
    Report,
    StaffNote,
    Submission,
)
from ..db.promises import Progress
from ..db.related_rows import read_related
from ..forms.differences import StepDifference, differences
from ..forms.fields import LongText
from ..forms.text import Invalid
from ..notify import outbox
from ..submissions import cases, contacts, old_reports, proposals, reports, withdrawals
from ..submissions.cases import CaseNotFound, NotAllowed, change_status, locked_case
from ..submissions.events import (
    KIND_BY_REPORT,
    describe_event,
    find_makers,
    list_events,
    record_event,
)
from ..submissions.messages import STANDARD, Mail, describe_opened
from ..submissions.versions import list_versions, raise_version
from ..web import links
from ..web.current import current_flow
from . import decisions, progress
from .decisions import Decision

ACTIONS.update(
    erased=describe_event("erased").label,
    moved="Changed status (earlier versions)",
    noted="Added a note (earlier versions)",
    resent="Sent an email again (earlier versions)",
    report_decided="Reviewed a progress update (earlier versions)",
    acted="Acted for an organization",
    link_shown="Was shown an organization’s link",
)
RELATED_TABLES = (MailMessage, OutboxMessage, Proposal, Report, Progress, StaffNote)
"""The tables that a case is read from, beside the submission and its events."""
NOTE_FIELD = LongText("text", "New note", noun="what you want to note", required=True)
HOW_ASKED_FIELD = LongText(
    "how", "How did they ask?", noun="how they asked", required=True, max_length=500
)


@dataclass(frozen=True, slots=True)
class ReportToRead:
    """A report of the organization, the title of each entry with what it says, and what staff may
    decide on it."""

    report: Report
    entries: list[tuple[str, Mapping[str, Any]]]
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction that waits, what it changes, and what staff may decide on it. Without consent
    any more, it `unpublishes`."""

    proposal: Proposal
    differences: tuple[StepDifference, ...]
    decisions: list[Decision]
    unpublishes: bool


@dataclass(frozen=True, slots=True)
class Resubmission:
    """What an organization sent on request, and staff have not decided on: the event, what they
    had asked for by title, and what it changed."""

    event: Event
    asked: list[tuple[str, str]]
    differences: tuple[StepDifference, ...]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A request to withdraw that waits, its reason, and what staff may decide."""

    reason: str
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class Case:
    """One submission with everything that staff read about it."""

    submission: Submission
    history: list[Event]
    messages: list[tuple[outbox.AnyMessage, str]]
    words: dict[int, str]
    """What staff wrote in the message about an event, by the id of the event."""
    notes: list[StaffNote]
    reports: list[ReportToRead]
    progress: list[progress.SentReport]
    decisions: list[Decision]
    letter: Decision | None
    proposal: Proposal | None
    correction: Correction | None
    withdrawal: Withdrawal | None
    resubmission: Resubmission | None

    @property
    def may_ask(self) -> bool:
        """True if the organization can be asked for changes."""
        allowed = cases.allowed_transitions(self.submission)
        return any(each.to == "changes_requested" for each in allowed)

    def all_decisions(self) -> list[Decision]:
        """Return everything that staff may decide now."""
        pending = [self.decisions, *(each.decisions for each in self.reports)]
        pending += [each.decisions for each in self.progress]
        pending += [each.decisions for each in (self.correction, self.withdrawal) if each]
        pending += [[self.letter]] if self.letter else []
        return [decision for each in pending for decision in each]


def get_case(reference: str) -> Case:
    """Return a case, read in one snapshot. Raise `CaseNotFound`."""
    with reading(snapshot=True):
        submission = cases.find_by_reference(reference)
        if submission is None:
            raise CaseNotFound(reference)
        found, history = read_related(submission.id, *RELATED_TABLES), list_events(submission)
        proposal = next(iter(found[Proposal]), None)
        sent = sorted(found[OutboxMessage] + found[MailMessage], key=lambda each: each.created_at)
        return Case(
            submission,
            history,
            [(each, outbox.subject_of(each)) for each in sent],
            {
                each.event_id: each.words
                for each in sent
                if isinstance(each, MailMessage) and each.event_id and each.words
            },
            found[StaffNote],
            [_describe_report(each, submission) for each in found[Report]],
            progress.list_sent(submission, found[Progress]),
            [] if submission.erased_at else decisions.status_decisions(submission),
            None if submission.erased_at else decisions.letter_decision(submission),
            proposal,
            _describe_correction(proposal, submission),
            _describe_withdrawal(history, submission),
            _describe_resubmission(history, submission),
        )


def _describe_correction(proposal: Proposal | None, submission: Submission) -> Correction | None:
    if proposal is None or not proposals.is_waiting(submission, proposal):
        return None
    flow, after = current_flow(), proposals.correction_journey(submission, proposal).answers
    changed = differences(flow, submission.answers, after)
    moved = reports.moved_promises(submission, after)
    approve, decline = decisions.correction_decisions(
        submission, moved, needs_reason=proposals.needs_reason(submission, proposal, after)
    )
    if proposals.changes_only_contact(submission, after):
        approve = replace(approve, reason="", subject="")
    offered = [approve, decline] if changed else [decline]
    return Correction(proposal, changed, offered, proposals.unpublishes(submission, after))


def _describe_withdrawal(history: list[Event], submission: Submission) -> Withdrawal | None:
    if not withdrawals.is_requested(submission):
        return None
    reason = withdrawals.find_reason(history)
    return Withdrawal(reason, decisions.withdrawal_decisions(submission, reason))


def _describe_resubmission(history: list[Event], submission: Submission) -> Resubmission | None:
    moves = {each.event for each in cases.TRANSITIONS}
    last = next((each for each in reversed(history) if each.kind in moves), None)
    if last is None or last.kind != "resubmitted" or submission.erased_at is not None:
        return None
    requests = [each.data.get("opened", {}) for each in history if each.kind == "changes_requested"]
    answers = {each.number: each.answers for each in list_versions(submission)}
    before, after = (answers.get(number, {}) for number in (last.version - 1, last.version))
    changed = differences(current_flow(), before, after)
    return Resubmission(last, describe_opened(requests[-1] if requests else {}), changed)


def _describe_report(report: Report, submission: Submission) -> ReportToRead:
    is_waiting = reports.is_waiting(submission, report)
    offered = decisions.report_decisions(submission, report) if is_waiting else []
    return ReportToRead(report, old_reports.describe_report(report, submission), offered)


def decide(
    reference: str, to: str, version: int, actor: Actor, mail: Mail = STANDARD, reason: str = ""
) -> None:
    """Change the status, and tell the contacts. Raise `StaleVersion` unless `version` is that of
    the case."""
    if to == "changes_requested":
        raise NotAllowed("Select what to change on the page for it.")
    with locked_case(reference, version, actor.post) as submission:
        change_status(submission, to, actor, mail, **_reason(reason))


def _reason(reason: str) -> dict[str, str]:
    """Return the data of an event with a reason, if there is one."""
    return {"reason": reason} if reason else {}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of a submission; `makers` are the events that made each version, by number."""

    submission: Submission
    numbers: list[int]
    makers: dict[int, Event]
    before: int
    after: int
    differences: tuple[StepDifference, ...]


def compare_versions(reference: str, before: int | None, after: int | None) -> Comparison:
    """Compare two versions, or the last two. Raise `CaseNotFound`, also for a version."""
    with reading(snapshot=True):
        submission = cases.find_by_reference(reference)
        if submission is None:
            raise CaseNotFound(reference)
        answers = {each.number: each.answers for each in list_versions(submission)}
        numbers = list(answers)
        after = numbers[-1] if after is None else after
        before = max(after - 1, numbers[0]) if before is None else before
        if not {before, after} <= answers.keys():
            raise CaseNotFound(f"{reference}, versions {before} and {after}")
        changed = differences(current_flow(), answers[before], answers[after])
        makers = find_makers(list_events(submission))
        return Comparison(submission, numbers, makers, before, after, changed)


def act_for_organization(reference: str, how: str, actor: Actor) -> None:
    """Note how the organization asked staff to act for it, on the case and in the audit log."""
    with locked_case(reference) as submission:
        try:
            how = HOW_ASKED_FIELD.parse(how, clock.today())
        except Invalid as invalid:
            raise NotAllowed(str(invalid)) from None
        text = f"Acting for the organization: {how}"
        db.session.add(StaffNote(submission_id=submission.id, author=actor.name, text=text))
        audit.record(actor, "acted", reference)


def show_link(reference: str, actor: Actor) -> str:
    """Return the link of the organization, and log that it was shown."""
    with locked_case(reference) as submission:
        audit.record(actor, "link_shown", reference)
        return links.submission_url(submission.reference, submission.link_version)


def add_note(reference: str, text: str, actor: Actor) -> None:
    """Add a note that only staff see."""
    with locked_case(reference, post=actor.post) as submission:
        try:
            text = NOTE_FIELD.parse(text, clock.today())
        except Invalid as invalid:
            raise NotAllowed(str(invalid)) from None
        db.session.add(StaffNote(submission_id=submission.id, author=actor.name, text=text))
        record_event(submission, "noted", actor)


def write(reference: str, actor: Actor, mail: Mail) -> None:
    """Write to the contacts."""
    with locked_case(reference, post=actor.post) as submission:
        if not contacts.has_recipients(submission):
            raise NotAllowed("There is no address to write to.")
        if not mail.words:
            raise NotAllowed("Write the message.")
        record_event(submission, "written", actor, mail)


def resend(reference: str, message_id: str, actor: Actor) -> None:
    """Queue a message of this submission again, unless it is pending, by its Message-ID."""
    with locked_case(reference, post=actor.post) as submission:
        message = outbox.find_message(message_id)
        if message is None or message.submission_id != submission.id:
            raise CaseNotFound(message_id)
        if outbox.is_pending(message):
            raise NotAllowed("This email is already waiting to be sent.")
        try:
            outbox.requeue(message)
        except outbox.NotNeeded as reason:
            raise NotAllowed(str(reason)) from None
        record_event(submission, "message_sent", actor, message=message_id)


def decide_report(
    reference: str,
    report_id: int,
    approved: bool,
    actor: Actor,
    mail: Mail = STANDARD,
    reason: str = "",
) -> None:
    """Approve or decline a pending report; an approved withdrawal withdraws the commitment."""
    with locked_case(reference, post=actor.post) as submission:
        report = db.session.get(Report, report_id)
        if report is None or report.submission_id != submission.id:
            raise CaseNotFound(str(report_id))
        if report.approved is not None:
            raise NotAllowed(reports.ALREADY_DECIDED)
        if not report.withdraws:
            cases.require_open(submission)
        report.approved, report.decided_at = approved, clock.now()
        if not (approved and report.withdraws):
            if approved and submission.published_at:
                submission.updated_at = report.decided_at
            raise_version(submission)
            kind = KIND_BY_REPORT[report.withdraws, approved]
            record_event(submission, kind, actor, mail, **_reason(reason))
        elif submission.status != "withdrawn":
            change_status(submission, "withdrawn", actor, mail, **_reason(reason))
