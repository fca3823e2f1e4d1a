"""What becomes of a commitment: its organization tells, staff approve, the public page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from .. import clock
from ..db import models
from ..db.engine import db, reading, write_in_batches
from ..db.models import Report, Submission
from ..forms.fields import Confirm, Field, Group, Text, Url
from ..forms.messages import Message, join_messages
from ..forms.outputs import entry_label
from ..forms.text import Invalid
from ..notify import outbox
from ..web import links
from ..web.current import current_flow
from .cases import NotAllowed, allowed_transitions, find_by_reference, locked_case

REPORT_FIELDS: tuple[Field, ...] = (
    Confirm("done", "Done", noun="that it is done", public=True),
    Url("url", "Where to see it", noun="where to see it", public=True),
    Text("note", "In a line", noun="the line", max_length=300, public=True),
)
"""What an organization may tell of a data set or milestone."""
REPORTABLE_STATUSES = ("accepted", "published")
"""The states in which a commitment has news."""
MAX_PENDING = 5
"""Reports of one commitment that wait for staff; more are a mistake or a flood."""


class TooManyReports(Exception):
    """Enough reports wait already."""


@dataclass(frozen=True, slots=True)
class ApprovedReport:
    """One report that was approved: when it was given, and what it tells by entry."""

    reported_at: datetime
    entries: Mapping[tuple[str, int], Mapping[str, Any]]
    titles: Mapping[tuple[str, int], str]


def find_reportable(reference: str) -> Submission | None:
    """Return the submission that an organization comes back to; None once it is erased."""
    with reading():
        found = find_by_reference(reference)
    return found if found and found.erased_at is None else None


def can_report(submission: Submission) -> bool:
    """Return True if its organization can send news now."""
    return submission.status in REPORTABLE_STATUSES


def can_withdraw(submission: Submission) -> bool:
    """Return True if its organization can ask to withdraw it now."""
    return "withdrawn" in allowed_transitions(submission)


def reportable_groups(submission: Submission) -> list[Group]:
    """The groups that it has entries of."""
    return [group for group in current_flow().groups if submission.answers.get(group.name)]


def validate_report(
    submission: Submission, typed: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed, cleaned, by group and place; and messages by HTML name (`milestones-0-url`).

    An entry of which nothing is told is left out.
    """
    told: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for group in reportable_groups(submission):
        for place in range(len(submission.answers[group.name])):
            for field in REPORT_FIELDS:
                path = f"{group.name}-{place}-{field.name}"
                try:
                    value = field.parse(typed.get(path), clock.today())
                except Invalid as invalid:
                    errors[path] = invalid.message
                    continue
                if value is not None:
                    told.setdefault(group.name, {}).setdefault(str(place), {})[field.name] = value
    return told, errors


def submit_report(reference: str, entries: Mapping[str, Any], *, withdraws: bool = False) -> None:
    """Store a report for staff to decide on.

    Raises `CaseNotFound`, `NotAllowed` if the status does not allow it (any more), `CaseErased`,
    `TooMany`.
    """
    with locked_case(reference) as submission:
        if not (can_withdraw(submission) if withdraws else can_report(submission)):
            raise NotAllowed("The commitment changed meanwhile. Reload the page.")
        waiting = select(func.count()).where(
            Report.submission_id == submission.id, Report.approved.is_(None)
        )
        if (db.session.scalar(waiting) or 0) >= MAX_PENDING:
            raise TooManyReports
        report = Report(submission_id=submission.id, entries=dict(entries), withdraws=withdraws)
        db.session.add(report)


def list_reports(submission: Submission) -> list[Report]:
    """Every report on a submission, the oldest first."""
    query = select(Report).where(Report.submission_id == submission.id)
    return list(db.session.scalars(query.order_by(Report.id)))


def pending_references() -> list[str]:
    """The references of commitments with a report to decide on, the oldest first."""
    query = (
        select(Submission.reference)
        .join(Report, Report.submission_id == Submission.id)
        .where(Report.approved.is_(None))
        .order_by(Report.id)
    )
    return list(dict.fromkeys(db.session.scalars(query)))


def approved_reports(submission: Submission) -> list[ApprovedReport]:
    """What was approved, the newest first."""
    return [
        describe_report(report, submission)
        for report in reversed(list_reports(submission))
        if report.approved and not report.withdraws
    ]


def describe_report(report: Report, submission: Submission) -> ApprovedReport:
    """A report in the words of its submission."""
    entries, titles = {}, {}
    for group in reportable_groups(submission):
        for place, told in report.entries.get(group.name, {}).items():
            key = (group.name, int(place))
            entries[key], titles[key] = told, entry_title(group, submission.answers, int(place))
    return ApprovedReport(report.reported_at, entries, titles)


def entry_title(group: Group, answers: Mapping[str, Any], place: int) -> str:
    """What an entry is called: its number, and its first line of text."""
    entry = answers[group.name][place]
    texts = (
        entry[field.name] for field in group.fields if type(field) is Text and entry.get(field.name)
    )
    parts = [entry_label(group, place + 1), next(texts, "")]
    return join_messages(": ", [part for part in parts if part])


def newest_by_entry(news: list[ApprovedReport]) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    """For each entry what was told of it last."""
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    for each in reversed(news):
        found |= each.entries
    return found


def stop_reminders(reference: str) -> None:
    """Send no yearly message any more. Raises `CaseNotFound`, `CaseErased`."""
    with locked_case(reference) as submission:
        submission.wants_reminders = False


def send_reminders() -> int:
    """Queues the yearly message for each commitment that stands; how many."""
    last = func.coalesce(Submission.reminded_at, Submission.submitted_at)
    due = (
        Submission.status.in_(REPORTABLE_STATUSES),
        Submission.erased_at.is_(None),
        Submission.wants_reminders.is_(True),
        last < day_end_a_year_ago(clock.now()),
    )
    return write_in_batches(select(Submission).where(*due), lambda batch: sum(map(_remind, batch)))


def _remind(submission: Submission) -> bool:
    """Queue the yearly message of a commitment; return whether an address is known."""
    submission.reminded_at = clock.now()
    address = submission.answers.get("contact_email")
    if address:
        _queue(submission, address)
    return bool(address)


def day_end_a_year_ago(now: datetime) -> datetime:
    """Return the end of the same calendar day (UTC) a year ago; of February 28 on February 29.

    What happened before it is due again: every year on the same day, at whatever hour.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return today.replace(year=today.year - 1, day=day) + timedelta(days=1)


def _queue(submission: Submission, address: str) -> None:
    name = f"{submission.reference}.news-{clock.now():%Y%m%d}"
    language = submission.language
    outbox.queue_message("news", address, language, name, submission_id=submission.id)


def _context(message: models.MailMessage) -> dict[str, Any]:
    submission = outbox.submission_of(message)
    return {"submission": submission, "link": links.update_url(submission.reference)}


outbox.register("news", Message("what became of your commitment?"), _context)
