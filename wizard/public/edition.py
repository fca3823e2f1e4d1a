"""What is public, in memory: sets of commitments and promises, counted by many filters at once.

A filter is an intersection and a count takes microseconds, where SQL reads each promise for each
filter. Each process brings its edition up to date once anything changed, and on each day.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, String, cast, func, literal, select, text, union_all

from .. import clock
from ..db.engine import db
from ..db.models import Submission
from ..db.promises import Promise
from ..db.upgrades import upgrade_submitted
from ..forms import promises
from ..forms.groups import Group
from ..forms.promises import DUE_SOON_PERIOD, Tally
from ..submissions.listing import facet_columns
from ..submissions.promises import state_column
from ..submissions.publication import is_published, was_listed
from ..web.current import current_flow
from .bitsets import COLUMNS_BEFORE, AnyRow, BitsetBuilder, Layout, Moved, Set, Sets, make_set

OVERLAP = timedelta(minutes=1)
"""What changed so long before the last change is read again: it may have been committed later."""
MAX_CHANGED = 3_000
"""Changes since an edition; for more, building all anew takes less time."""
building = Lock()
"""Held by the thread that builds an edition, so that the others wait for it."""

IS_WITHDRAWN = (
    text("status = 'withdrawn'"),  # as in the condition of its index
    Submission.first_published_at.is_not(None),
    Submission.erased_at.is_(None),
)
"""What was withdrawn after it was published. It is public if it `was_listed` until then, which an
index does not tell."""
Dates = dict[str, dict[int, str]]
Promised = Mapping[int, Sequence[Sequence[str]]]
"""The promises of commitments by their id: group, topic, date and state."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The day, and the numbers and last times of what is public: one differs after each change."""

    day: date
    count: int
    published_at: datetime | None
    changed_at: datetime | None
    promises_at: datetime | None
    withdrawn: int
    withdrawn_at: datetime | None

    @property
    def times(self) -> list[datetime]:
        times = self.published_at, self.changed_at, self.promises_at, self.withdrawn_at
        return [each for each in times if each]


@dataclass(frozen=True, slots=True)
class Edition:
    """All that is public at one time, the newest first, with promises as of that day.

    `sets` are by filter and code; `topics` are those of single promises. `dates` has the first date
    of each commitment that has promises in a state, by its id. `orders` are filled when needed, and
    so are `cards`, the preview images by their ETag.
    """

    seen: Seen
    layout: Layout
    sets: Sets = field(default_factory=dict)
    topics: Sets = field(default_factory=dict)
    dates: Dates = field(default_factory=dict)
    orders: dict[str, list[int]] = field(default_factory=dict)
    cards: dict[str, bytes] = field(default_factory=dict)

    def commitments(self, found: Set) -> Set:
        """Return the heads of the commitments of which a set has a bit."""
        heads = self.layout.heads
        below = ~heads & ((1 << self.layout.size) - 1)
        # Adding a one to each bit below a head carries into the head if any of them is set.
        return (((found & below) + below) | found) & heads

    def count(self, found: Set) -> int:
        """Return the number of commitments of which a set has a bit."""
        return self.commitments(found).bit_count()

    def tally(self, found: Set) -> Tally | None:
        """Sum up the promises in a set by state; None if it has none."""
        by_state = self.sets.get("progress", {}).items()
        counts = {code: n for code, each in by_state if (n := (each & found).bit_count())}
        by_group = self.sets.get("group", {})
        shown = [group for group in self.groups if by_group.get(group.name, 0) & found]
        return promises.tally(shown, counts) if counts else None

    def newest_places(self, heads: Set) -> list[int]:
        """Return the place of the newest of some commitments, or none."""
        at = self.layout.size - heads.bit_length()
        return [bisect(self.layout.spans, (at,))] if heads else []

    @property
    def groups(self) -> Sequence[Group]:
        return promises.public_groups(current_flow())

    def promises_of(self, place: int) -> Set:
        """Return the bits of one commitment."""
        return make_set(self.layout.size, [self.layout.spans[place]])


def current_edition() -> Edition:
    """Return what is public now: the edition before, with what changed since."""
    seen = _read_seen()
    with building:
        cached: Edition | None = current_app.extensions.get("edition")
        if cached is None or cached.seen != seen:
            renewed = cached and _renew(cached, seen)
            cached = current_app.extensions["edition"] = renewed or build_edition(seen)
    return cached


def _read_seen() -> Seen:
    listed = [
        select(func.max(column)).where(is_published).scalar_subquery()  # each reads one index
        for column in (Submission.published_at, Submission.changed_at, Submission.promises_at)
    ]
    # 0 keeps PostgreSQL from reading all changes from the last one on, for one that is withdrawn.
    changed = select(Submission.changed_at).where(*IS_WITHDRAWN).offset(0).subquery()
    withdrawn = select(func.count(), func.max(changed.c.changed_at)).subquery()
    query = select(func.count(), *listed, *(select(each).scalar_subquery() for each in withdrawn.c))
    numbers: AnyRow = db.session.execute(query.select_from(Submission).where(is_published)).one()
    return Seen(clock.today(), *numbers)


def build_edition(seen: Seen) -> Edition:
    """Return the edition of a day, read from the whole store."""
    return _replace(Edition(seen, Layout(())), seen, (), *_read(seen.day))


def _renew(cached: Edition, seen: Seen) -> Edition | None:
    """Return an edition with what changed since; None if that cannot be told, or is too much."""
    now = clock.now()
    if cached.seen.day > seen.day or any(each > now for each in cached.seen.times):
        return None
    found = _list_changed(cached.seen, seen.day)
    if len(found) > MAX_CHANGED:
        return None
    changed = set(found)
    renewed = _replace(cached, seen, changed, *_read(seen.day, Submission.id.in_(changed)))
    listed = renewed.sets.get("status", {}).get("published", 0)
    return renewed if renewed.count(listed) == seen.count else None


def _list_changed(before: Seen, today: date) -> Sequence[int]:
    """Return the ids of what may have changed, or may have a promise in another state by now.

    An id may be there several times, and is there if it is not public.
    """
    changed_at = max(filter(None, (before.changed_at, before.withdrawn_at)), default=None)
    queries = [
        select(Submission.id).where(*_is_since(column, since), *conditions)
        for column, since, conditions in (
            (Submission.changed_at, changed_at, ()),
            (Submission.published_at, before.published_at, ()),
            (Submission.promises_at, before.promises_at, (is_published,)),
            (Submission.promises_at, before.promises_at, IS_WITHDRAWN),
        )
    ]
    for days in (timedelta(0), DUE_SOON_PERIOD + timedelta(days=1)):
        is_due = Promise.due_on >= before.day + days, Promise.due_on < today + days
        queries += [select(Promise.submission_id).where(*is_due)] if before.day < today else []
    return db.session.scalars(union_all(*queries).limit(MAX_CHANGED + 1)).all()


def _is_since(column: Any, since: datetime | None) -> tuple[ColumnElement[bool]]:
    return (column >= since - OVERLAP if since else column.is_not(None),)


def _replace(
    cached: Edition,
    seen: Seen,
    changed: Collection[int],
    rows: Sequence[AnyRow],
    promised: Promised,
) -> Edition:
    """Return an edition with what was read in place of what changed; the rest stays."""
    at = COLUMNS_BEFORE + len(facet_columns(current_flow()))
    read = {row.id: row for row in rows}
    layout = cached.layout
    old = {layout.entries[layout.places[each]] for each in changed if each in layout.places}
    new = {
        ((row[at], row.reference), number, 1 + len(promised.get(number, ())))
        for number, row in read.items()
    }
    gone, added = ({number for _, number, _ in each} for each in (old - new, new - old))
    if gone or added:
        stay = [entry for entry in layout.entries if entry[1] not in gone]
        layout = Layout(sorted([*stay, *(new - old)], reverse=True))
    builder = BitsetBuilder(layout.size)
    spans = layout.spans_of(read)
    for number, row in read.items():
        builder.add(row, promised.get(number, ()), layout.spans[layout.places[number]])
    moved, cleared = Moved(cached.layout, gone, layout, added), make_set(layout.size, spans)
    sets, topics = (
        moved.merge(before, marked, cleared)
        for before, marked in zip((cached.sets, cached.topics), builder.make_sets(), strict=True)
    )
    return Edition(seen, layout, sets, topics, _replace_dates(cached.dates, changed, builder.dates))


def _replace_dates(cached: Dates, changed: Collection[int], read: Dates) -> Dates:
    replaced = {}
    for state in {**cached, **read}:
        dates = dict(cached.get(state, {}))
        for number in changed:
            dates.pop(number, None)
        if dates := dates | read.get(state, {}):
            replaced[state] = dates
    return replaced


def _read(today: date, *conditions: Any) -> tuple[list[AnyRow], Promised]:
    """Return what is published or was withdrawn, and the promises of each by its id."""
    flow, connection = current_flow(), db.session.connection()
    columns = Submission.id, Submission.reference, Submission.branch, *facet_columns(flow).values()
    listed = select(*columns, Submission.published_at, literal("published")).where(is_published)
    answered = Submission.flow_version, Submission.answers
    unlisted = select(*columns, Submission.first_published_at, literal("withdrawn"), *answered)
    rows: list[AnyRow] = list(connection.execute(listed.where(*conditions)))
    for row in connection.execute(unlisted.where(*IS_WITHDRAWN, was_listed, *conditions)):
        if flow.consents(upgrade_submitted(flow, row.reference, row.flow_version, row.answers)):
            rows.append(row)
    found: dict[int, list[Sequence[str]]] = defaultdict(list)
    for public in ((is_published,), IS_WITHDRAWN):
        for submission_id, *promise in connection.execute(
            _select_promises(today, *public, *conditions)
        ):
            found[submission_id].append(promise)
    return rows, found


def _select_promises(today: date, *conditions: Any) -> Select[*tuple[Any, ...]]:
    columns = Promise.submission_id, Promise.group, Promise.topic, cast(Promise.due_on, String)
    groups = [group.name for group in promises.public_groups(current_flow())]
    public = Promise.submission_id.in_(select(Submission.id).where(*conditions))
    return select(*columns, state_column(today)).where(public, Promise.group.in_(groups))
