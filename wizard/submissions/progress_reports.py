"""Progress reports: an organization reports, staff approve, the public page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from .. import clock
from ..accounts.audit import PROGRAM
from ..db.engine import db, write_in_batches
from ..db.models import MailMessage, Report, Submission
from ..forms.groups import Group
from ..forms.messages import Message, join_messages
from ..forms.outputs import entry_label
from ..notify import outbox
from ..web import links
from ..web.current import current_flow
from . import contacts
from .cases import locked_case
from .events import record_event

REPORTABLE_STATUSES = ("accepted", "published")
MAX_PENDING = 5
"""Reports of one commitment that wait for staff; more are a mistake or a flood."""

EntryReports = Mapping[tuple[str, int], Mapping[str, Any]]
"""What is reported, by the name of a group and the index of an entry."""


class TooManyReports(Exception):
    """`MAX_PENDING` reports wait already."""


@dataclass(frozen=True, slots=True)
class ApprovedReport:
    """A report for a reader; `entries` and `titles` are by group name and entry index."""

    reported_at: datetime
    entries: EntryReports
    titles: Mapping[tuple[str, int], str]


def can_report(submission: Submission) -> bool:
    """Return True if its organization may report now."""
    return submission.status in REPORTABLE_STATUSES


def reportable_groups(submission: Submission) -> list[Group]:
    """Return the groups in which it has entries."""
    return [group for group in current_flow().groups if submission.answers.get(group.name)]


def list_reports(submission: Submission) -> list[Report]:
    """Return every report on a submission, oldest first."""
    query = select(Report).where(Report.submission_id == submission.id)
    return list(db.session.scalars(query.order_by(Report.id)))


def describe_report(report: Report, submission: Submission) -> ApprovedReport:
    """Return a report with the titles of its entries."""
    entries, titles = {}, {}
    for group in reportable_groups(submission):
        for index, values in report.entries.get(group.name, {}).items():
            key = (group.name, int(index))
            entries[key], titles[key] = values, entry_title(group, submission.answers, int(index))
    return ApprovedReport(report.reported_at, entries, titles)


def entry_title(group: Group, answers: Mapping[str, Any], index: int) -> str:
    """Return the title of an entry: its number from 1, and its own title if it has one."""
    title = answers[group.name][index].get(group.title)
    return join_messages(": ", [entry_label(group, index + 1), *([title] if title else [])])


def stop_reminders(reference: str) -> None:
    """End the yearly reminders. Raises `CaseNotFound` or `CaseErased`."""
    with locked_case(reference) as submission:
        submission.wants_reminders = False


def send_reminders() -> int:
    """Queue the yearly reminders that are due; return how many."""
    last = func.coalesce(Submission.reminded_at, Submission.submitted_at)
    due = (
        Submission.status.in_(REPORTABLE_STATUSES),
        Submission.erased_at.is_(None),
        Submission.wants_reminders.is_(True),
        last < day_end_a_year_ago(clock.today()),
    )
    return write_in_batches(select(Submission).where(*due), lambda batch: sum(map(_remind, batch)))


def _remind(submission: Submission) -> bool:
    """Queue a reminder; return False if there is no address."""
    submission.reminded_at = clock.now()
    addresses = contacts.recipients(submission)
    if addresses:
        record_event(submission, "reminded", PROGRAM)
    for number, address in enumerate(addresses):
        name = f"{submission.reference}.news-{clock.today():%Y%m%d}-{number}"
        language = submission.language
        outbox.queue_message("news", address, language, name, submission_id=submission.id)
    return bool(addresses)


def day_end_a_year_ago(today: date) -> datetime:
    """Return the end of the same day a year ago; on February 29 that of February 28."""
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return clock.midnight(today.replace(year=today.year - 1, day=day) + timedelta(days=1))


def _context(message: MailMessage) -> dict[str, Any]:
    submission = outbox.submission_of(message)
    link = links.submission_url(submission.reference, submission.link_version)
    return {"submission": submission, "link": link}


outbox.register("news", Message("what became of your %(noun)s?"), _context)
