"""Reports on promises as staff read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from ..db.models import Submission
from ..db.promises import Progress
from ..submissions import reports
from . import decisions
from .decisions import Decision


@dataclass(frozen=True, slots=True)
class SentReport:
    """The reports on promises that were sent together, and what staff may decide on them."""

    at: datetime
    rows: list[tuple[str, Progress]]
    decisions: list[Decision]


def list_sent(submission: Submission, all_rows: Sequence[Progress]) -> list[SentReport]:
    """Return all reports on promises of a submission by when they were sent, oldest first."""
    found = list[SentReport]()
    if not all_rows:
        return found
    promises = reports.match_reports(submission, all_rows)
    titles = {each.promise.entry_id: each.title for each in promises}
    for at, sent in groupby(all_rows, key=lambda row: row.reported_at):
        rows = [(titles.get(row.entry_id, "Removed since"), row) for row in sent]
        waiting = {str(row.id): title for title, row in rows if reports.is_waiting(submission, row)}
        offered = decisions.progress_decisions(submission, waiting) if waiting else []
        found.append(SentReport(at, rows, offered))
    return found
