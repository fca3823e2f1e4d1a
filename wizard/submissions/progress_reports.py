"""Progress reports: an organization reports, staff approve, the public page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..db.models import Report, Submission
from ..forms.groups import Group
from ..forms.messages import join_messages
from ..forms.outputs import entry_label
from ..web.current import current_flow

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
