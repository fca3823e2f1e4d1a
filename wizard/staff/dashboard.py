"""Sums over all submissions and drafts, for the dashboard. Nobody's answers are read for them."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, String, cast, func, select

from .. import clock
from ..db.engine import db
from ..db.models import Draft, Submission
from ..web.current import current_flow

MONTHS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Totals:
    """How many submissions there are of each state, kind and status, by code."""

    states: Counter[str]
    kinds: Counter[str]
    statuses: Counter[str]


def count_submissions() -> Totals:
    """Counts all submissions, in one walk along the index that has just these columns."""
    columns = (Submission.state, Submission.organization_kind, Submission.status)
    found = Totals(Counter(), Counter(), Counter())
    for state, kind, status, number in db.session.execute(
        select(*columns, func.count()).group_by(*columns).order_by(*columns)
    ):
        found.states[state] += number
        found.kinds[kind] += number
        found.statuses[status] += number
    return found


def by_label(counts: Mapping[str, int], labels: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return counts by label, in the order of the labels; an unknown code stands for itself."""
    codes = [*labels, *(code for code in counts if code and code not in labels)]
    return [(labels.get(code, code), counts.get(code, 0)) for code in codes]


def count_by_month() -> list[tuple[str, int]]:
    """Submissions in each of the last months, the current one last."""
    starts = _month_starts(clock.now().date())
    ends = [*starts[1:], clock.now().date() + timedelta(days=1)]
    numbers = [
        select(func.count())
        .where(
            Submission.submitted_at >= _midnight(start), Submission.submitted_at < _midnight(end)
        )
        .scalar_subquery()
        for start, end in zip(starts, ends, strict=True)
    ]
    found = db.session.execute(select(*numbers)).one()
    return [(f"{start:%b %Y}", number) for start, number in zip(starts, found, strict=True)]


def _month_starts(day: date) -> list[date]:
    months = day.year * 12 + day.month - 1
    return [
        date(each // 12, each % 12 + 1, 1) for each in range(months - MONTHS_SHOWN + 1, months + 1)
    ]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def count_drafts_by_step() -> list[tuple[str, int]]:
    """How many drafts were left after each step, by the name on the line, in the form's order."""
    posted: ColumnElement[str] = cast(Draft.completed_steps, String)
    open_ones = Draft.id.not_in(select(Submission.draft_id))
    rows = db.session.execute(select(posted, func.count()).where(open_ones).group_by(posted))
    steps = current_flow().steps
    left = dict.fromkeys(steps, 0)
    for text, number in rows:
        done = [name for name in steps if name in json.loads(text)]
        if done:
            left[done[-1]] += number
    return [(steps[name].short, number) for name, number in left.items() if number]
