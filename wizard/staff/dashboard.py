"""Statistics on submissions and drafts for the dashboard; they read no answers."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, cast, func, select

from .. import clock
from ..db.engine import db
from ..db.models import Draft, Proposal, Report, Submission
from ..db.promises import Progress
from ..submissions.listing import facet_columns
from ..submissions.withdrawals import WITHDRAWABLE
from ..web.current import current_flow

MONTHS_SHOWN = 12
OF_PROPOSAL = Proposal.submission_id == Submission.id
OF_REPORT = Report.submission_id == Submission.id


def count_submissions() -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Count by each charted facet, and by status, in one scan of the index of these columns."""
    columns = facet_columns(current_flow())
    facets = current_flow().charted[::-1]  # as in the index
    order = (*(columns[facet] for facet in facets), Submission.status)
    query = select(*order, func.count()).group_by(*order).order_by(*order)
    sums = [Counter[str]() for _ in order]
    rows: Sequence[Row[*tuple[Any, ...]]] = db.session.execute(query).all()
    for place, counts in enumerate(sums):
        for row in rows:
            counts[row[place]] += row[-1]
    *by_facet, statuses = sums
    return {each.name: counts for each, counts in zip(facets, by_facet, strict=True)}, statuses


@dataclass(frozen=True, slots=True)
class Request:
    """Something that an organization sent and staff have not decided on."""

    label: str
    at: datetime
    submission_id: int
    reference: str
    party: str


def list_requests(*conditions: ColumnElement[bool]) -> list[Request]:
    """Return what waits for a decision about the submissions that meet the conditions."""
    asked, sent = Submission.withdrawal_requested_at, Proposal.sent_at
    withdrawn = asked.is_not(None), Submission.status.in_(WITHDRAWABLE)
    waiting = {
        "Asks to withdraw": _about(asked).where(*withdrawn),
        "Correction": _about(sent).join(Proposal, OF_PROPOSAL).where(sent.is_not(None)),
        "Progress update": _about(Report.reported_at)
        .join(Report, OF_REPORT)
        .where(Report.approved.is_(None)),
    }
    rows = Progress.submission_id == Submission.id, Progress.approved.is_(None)
    told = _about(Progress.reported_at).join(Progress, rows[0]).where(rows[1]).distinct()
    found = [
        Request(label, *row)
        for label, query in (*waiting.items(), ("Progress update", told))
        for row in db.session.execute(query.where(Submission.erased_at.is_(None), *conditions))
    ]
    return sorted(found, key=lambda request: request.at)


def _about(at: Any) -> Select[Any]:
    columns = at, Submission.id, Submission.reference, Submission.party
    return select(*columns).select_from(Submission)


def by_label(counts: Mapping[str, int], labels: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return counts by label, in the order of the labels; an unknown code is its own label."""
    codes = [*labels, *(code for code in counts if code and code not in labels)]
    return [(labels.get(code, code), counts.get(code, 0)) for code in codes]


def count_by_month() -> list[tuple[str, int]]:
    """Return the submissions in each of the last months, the current one last."""
    today = clock.today()
    this_month = today.year * 12 + today.month - 1
    months = [divmod(this_month - ago, 12) for ago in reversed(range(MONTHS_SHOWN))]
    starts = [clock.midnight(date(year, month + 1, 1)) for year, month in months]
    end_of_today = clock.midnight(today + timedelta(days=1))
    bounds, at = pairwise([*starts, end_of_today]), Submission.submitted_at
    queries = [select(func.count()).where(at >= start, at < end) for start, end in bounds]
    counts = db.session.execute(select(*(query.scalar_subquery() for query in queries))).one()
    return [(f"{start:%b %Y}", count) for start, count in zip(starts, counts, strict=True)]


def count_drafts_by_step() -> list[tuple[str, int]]:
    """Return the open drafts by the short name of their last completed step, in flow order."""
    completed = cast(Draft.completed_steps, String)
    is_open = Draft.id.not_in(select(Submission.draft_id))
    rows = db.session.execute(select(completed, func.count()).where(is_open).group_by(completed))
    steps = current_flow().steps
    counts = dict.fromkeys(steps, 0)
    for names, count in rows:
        if done := steps.keys() & json.loads(names):
            counts[max(done, key=list(steps).index)] += count
    return [(steps[name].short, count) for name, count in counts.items() if count]
