"""The figures of the office: what waits, what is due, and what happened in a period."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from .. import clock
from ..db.engine import db
from ..db.models import Submission
from ..db.promises import Promise
from ..forms.fields import Field
from ..forms.promises import DUE_SOON_PERIOD
from ..submissions import due_dates, queue
from ..submissions.cases import REPORTABLE_STATUSES
from ..submissions.events import count_events, describe_event
from ..submissions.promises import dated_id, is_open
from ..web.query import DAYS, VALUE, Args, Code, parse_args

WEEK = timedelta(days=7)
PRESETS = {"week": "This week, from Monday", "month": "This month", "quarter": "This quarter"}
"""The periods that have a name, by code."""
PERIOD_ARGS: dict[str, Field] = {
    "period": Code("period", "period", noun=VALUE, codes=PRESETS),
    **DAYS,
}
COUNTED = (
    *("changes_requested", "resubmitted", "accepted", "declined", "published", "unpublished"),
    *("corrected", "progress_reported", "progress_approved", "withdrawn", "erased"),
)
"""The kinds of event that a report counts, in order, after what was submitted."""
MAX_WAITING = 1_000_000
"""Cases that wait are counted up to this."""
MAX_LISTED = 10
"""Promises of each list of a report."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from the first to the last, and the code of the preset that they are, if any."""

    first_day: date
    last_day: date
    preset: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The query string of an address with this period."""
        if self.preset:
            return {"period": self.preset}
        return {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}

    @property
    def before(self) -> "Period":
        """The period of the same length that ends the day before."""
        days = self.last_day - self.first_day
        end = self.first_day - timedelta(days=1)
        return Period(end - days, end)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The moments of its start, and of its end, which does not belong to it."""
        return clock.midnight(self.first_day), clock.midnight(self.last_day + timedelta(days=1))


def parse_period(args: Args) -> Period:
    """Return the period in an address, this month unless it names one. Raise `BadQuery`."""
    chosen, today = parse_args(args, PERIOD_ARGS), clock.today()
    days = {name: date.fromisoformat(chosen[name]) for name in DAYS if name in chosen}
    if not days:
        preset = chosen.get("period", "month")
        return Period(_first_day(preset, today), today, preset)
    last = days.get("last_day", today)
    first, last = sorted((days.get("first_day", date(last.year, 1, 1)), last))
    return Period(first, last)


def _first_day(preset: str, today: date) -> date:
    """Return the first day of the current week (a Monday), month or quarter."""
    if preset == "week":
        return today - timedelta(days=today.weekday())
    months = 3 if preset == "quarter" else 1
    return today.replace(month=today.month - (today.month - 1) % months, day=1)


@dataclass(frozen=True, slots=True)
class Figures:
    """How many cases wait for staff, how many promises are due in 30 days or overdue, and how many
    submissions are new."""

    waiting: int
    due_soon: int
    overdue: int
    new: int


def count_now(new_since: datetime) -> Figures:
    """Return the figures of today."""
    is_new = Submission.submitted_at > new_since, Submission.submitted_at <= clock.now()
    new = db.session.scalar(select(func.count()).where(*is_new)) or 0
    accepted = select(Submission.id).where(Submission.status.in_(REPORTABLE_STATUSES))
    today, day = clock.today(), Promise.due_on
    overdue, due_soon = db.session.execute(
        select(func.count().filter(day < today), func.count().filter(day >= today)).where(
            day <= today + DUE_SOON_PERIOD, is_open(Promise), dated_id.in_(accepted)
        )
    ).one()
    return Figures(queue.count([], MAX_WAITING), due_soon, overdue, new)


@dataclass(frozen=True, slots=True)
class DuePromise:
    """A promise that is due or overdue, and whose it is."""

    title: str
    due_on: date
    reference: str
    party: str


def list_due() -> dict[str, Sequence[DuePromise]]:
    """Return the promises that are overdue, and those due in 30 days, the earliest first."""
    columns = Promise.title, Promise.due_on, Submission.reference, Submission.party
    query = select(*columns).join(Submission, Submission.id == dated_id)
    wanted = query.where(Submission.status.in_(REPORTABLE_STATUSES).is_(True))
    ordered = wanted.order_by(Promise.due_on, Promise.submission_id, Promise.id).limit(MAX_LISTED)
    queries = {code: ordered.where(due_dates.is_due(code)) for code in due_dates.DUE}
    return {
        code: [DuePromise(*row) for row in db.session.execute(query)]
        for code, query in queries.items()
    }


def count_period(period: Period) -> list[tuple[str, int, int]]:
    """Return what happened: a label, its number in a period, and that in the one before."""
    now, before = (_count_kinds(*each.bounds) for each in (period, period.before))
    labels = {"submitted": "Submitted"} | {kind: describe_event(kind).label for kind in COUNTED}
    return [(label, now[kind], before[kind]) for kind, label in labels.items()]


def _count_kinds(start: datetime, end: datetime) -> Mapping[str, int]:
    submitted = Submission.submitted_at >= start, Submission.submitted_at < end
    counts = Counter(count_events(start, end))
    counts["submitted"] = db.session.scalar(select(func.count()).where(*submitted)) or 0
    return counts
