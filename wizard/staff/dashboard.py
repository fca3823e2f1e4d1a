"""Statistics on submissions and drafts for the dashboard; they read no answers."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Row,
    String,
    cast,
    func,
    literal,
    select,
    union,
)

from .. import clock
from ..db.engine import db
from ..db.models import Draft, Submission
from ..submissions import queue
from ..submissions.listing import facet_columns
from ..web.current import current_flow

MONTHS_SHOWN = 12


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
    reference: str
    party: str


def list_requests(limit: int | None = None) -> list[Request]:
    """Return what waits for a decision, the oldest first."""
    rows = db.session.execute(_query_requests().order_by("at").limit(limit))
    return [Request(*row) for row in rows]


def count_requests() -> int:
    """Return how much waits for a decision."""
    waiting = _query_requests().subquery()
    return db.session.scalars(select(func.count()).select_from(waiting)).one()


def _query_requests() -> CompoundSelect[Any]:
    about = Submission.reference, Submission.party
    return union(
        *(
            select(literal(each.label), each.at.label("at"), *about).where(
                each.key == Submission.id, each.is_waiting, Submission.erased_at.is_(None)
            )
            for each in queue.REQUEST_KINDS
        )
    )


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
