"""Progress reports: an organization reports, staff approve, the public page shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..db.models import Report, Submission
from ..forms.groups import Group
from ..forms.messages import join_messages
from ..forms.outputs import entry_label
from ..web.current import current_flow
from .versions import first_answers

REPORTABLE_STATUSES = ("accepted", "published")
MAX_PENDING = 5
"""Reports of one commitment that wait for staff; more are a mistake or a flood."""


class TooManyReports(Exception):
    """`MAX_PENDING` reports wait already."""


def can_report(submission: Submission) -> bool:
    """Return True if its organization may report now."""
    return submission.status in REPORTABLE_STATUSES


def describe_report(report: Report, submission: Submission) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the title of each entry that a report of a version before is about, and what it says.

    It names the places of entries in the answers as they were submitted.
    """
    answers = first_answers(submission)
    return [
        (_entry_title(group, answers.get(group.name, ()), int(place)), told)
        for group in current_flow().groups
        for place, told in report.entries.get(group.name, {}).items()
    ]


def _entry_title(group: Group, entries: Sequence[Mapping[str, Any]], place: int) -> str:
    """Return the number of an entry, and its own title if it has one."""
    title = entries[place].get(group.title) if place < len(entries) else None
    return join_messages(": ", [entry_label(group, place + 1), *([title] if title else [])])
