"""The queue: cases that wait for staff, and since when; the one that waits longest is first.

A case waits while it is open, and while its organization asks for something: to withdraw, or,
unless the case is closed, to correct its answers or to approve a report.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Exists,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from ..db.columns import UtcDateTime
from ..db.engine import db, is_one_of
from ..db.models import Proposal, Report, Submission
from ..db.promises import Progress
from ..web.query import Key, PageStart
from .cases import CLOSED_STATUSES, OPEN_STATUSES
from .withdrawals import WITHDRAWABLE

Statement = Select[*tuple[Any, ...]]

_is_open = and_(
    # as in the index of the queue, which no database takes for parameters
    Submission.status.in_([literal_column(f"'{status}'") for status in OPEN_STATUSES]),
    Submission.erased_at.is_(None),
)
_open_since = func.coalesce(Submission.returned_at, Submission.submitted_at)


@dataclass(frozen=True, slots=True)
class RequestKind:
    """What an organization can ask for: the label, the column of the submission's id and that of
    the moment, and the condition that it waits for a decision."""

    label: str
    key: InstrumentedAttribute[int]
    at: InstrumentedAttribute[Any]
    is_waiting: ColumnElement[bool]


_asking = aliased(Submission)
"""The case of a request, beside the one of a query."""


def _is_of_case(key: InstrumentedAttribute[int], *conditions: ColumnElement[bool]) -> Exists:
    return exists().where(_asking.id == key, *conditions)


_is_not_closed = _asking.status.not_in(CLOSED_STATUSES)
_wants_to_withdraw = and_(Report.withdraws, _asking.status.in_(WITHDRAWABLE))

REQUEST_KINDS = (
    RequestKind(
        "Asks to withdraw",
        Submission.id,
        Submission.withdrawal_requested_at,
        and_(Submission.withdrawal_requested_at.is_not(None), Submission.status.in_(WITHDRAWABLE)),
    ),
    RequestKind(
        "Correction",
        Proposal.submission_id,
        Proposal.sent_at,
        and_(Proposal.sent_at.is_not(None), _is_of_case(Proposal.submission_id, _is_not_closed)),
    ),
    RequestKind(
        "Progress update",
        Report.submission_id,
        Report.reported_at,
        and_(
            Report.approved.is_(None),
            _is_of_case(Report.submission_id, or_(_is_not_closed, _wants_to_withdraw)),
        ),
    ),
    RequestKind(
        "Progress update",
        Progress.submission_id,
        Progress.reported_at,
        and_(Progress.approved.is_(None), _is_of_case(Progress.submission_id, _is_not_closed)),
    ),
)


def is_open() -> ColumnElement[bool]:
    """Return the condition that a submission is open. Most that wait for us are."""
    return _is_open


def waits() -> ColumnElement[bool]:
    """Return the condition that a submission waits for staff."""
    opened = select(Submission.id).where(_is_open).correlate(None)
    asked = select(_list_asked().c.submission_id)
    return and_(Submission.id.in_(union_all(opened, asked)), Submission.erased_at.is_(None))


def find_requests(ids: Collection[int]) -> Mapping[int, list[str]]:
    """Return the labels of what the organizations of some submissions ask for, by submission."""
    parts = (
        select(each.key, literal(each.label).label("label")).where(
            each.is_waiting, is_one_of(each.key, ids)
        )
        for each in REQUEST_KINDS
    )
    found: dict[int, list[str]] = {}
    for number, label in db.session.execute(union(*parts).order_by("label")):
        found.setdefault(number, []).append(label)
    return found


@cache
def _list_asked() -> CTE:
    """Return the ids of submissions whose organization asks for something, and since when."""
    asked = union_all(
        *(
            select(each.key.label("submission_id"), each.at.label("at")).where(each.is_waiting)
            for each in REQUEST_KINDS
        )
    ).subquery()
    columns = asked.c.submission_id, func.min(asked.c.at).label("at")
    return select(*columns).group_by(asked.c.submission_id).cte("asked")


def select_rows(wanted: Sequence[ColumnElement[bool]], start: PageStart, limit: int) -> list[Key]:
    """Return the keys of up to `limit` cases that wait and meet the conditions, from `start` on."""
    found = _select(wanted, start.key, not start.backwards, limit)
    return [(row.since, row.reference) for row in found]


def count(wanted: Sequence[ColumnElement[bool]], limit: int) -> int:
    """Return how many cases wait and meet the conditions, up to about `limit`."""
    asked = Submission.id.in_(select(_list_asked().c.submission_id))
    others = and_(asked, Submission.erased_at.is_(None), not_(_is_open))
    parts = (
        select(literal(1)).select_from(Submission).where(part, *wanted).limit(limit).subquery()
        for part in (_is_open, others)
    )
    counts = (select(func.count()).select_from(part).scalar_subquery() for part in parts)
    return sum(db.session.execute(select(*counts)).one())


def find_since(reference: str) -> datetime | None:
    """Return since when a case waits for staff; None if it does not."""
    row = db.session.execute(_statement_of_case(), {"key": reference, "limit": 1}).first()
    return row.since if row else None


@cache
def _statement_of_case() -> Statement:
    return _statement([Submission.reference == bindparam("key")], False, True)


def _select(
    wanted: Sequence[ColumnElement[bool]], after: Key | None, rises: bool, limit: int
) -> Sequence[Row[Any]]:
    """Return the first rows of `since` and reference."""
    way = after is not None, rises
    statement = _statement(wanted, *way) if wanted else _statement_of_all(*way)
    given = {"at": after[0], "reference": after[1]} if after else {}
    return db.session.execute(statement, {"limit": limit, **given}).all()


@cache
def _statement_of_all(is_after: bool, rises: bool) -> Statement:
    """Return the query without conditions, which takes longer to make than to answer."""
    return _statement([], is_after, rises)


def _statement(wanted: Sequence[ColumnElement[bool]], is_after: bool, rises: bool) -> Statement:
    """Return the query of up to `limit` rows of `since` and reference, after `at` and `reference`.

    These are parameters.
    """
    parts = (_cut(part.where(*wanted), by, is_after, rises).subquery() for part, by in _parts())
    both = union_all(*(select(part.c.since, part.c.reference) for part in parts)).subquery()
    rows = select(both.c.since, both.c.reference)
    return _cut(rows, both.c.since, False, rises)


@cache
def _parts() -> tuple[tuple[Statement, ColumnElement[Any]], ...]:
    """Return the queries of `since` and reference of what waits, each with its `since`.

    Open cases come in order from an index; those that are asked for are few, and sorted.
    """
    asked = _list_asked()
    opened = select(_open_since.label("since"), Submission.reference).where(
        _is_open, Submission.id.not_in(select(asked.c.submission_id))
    )
    # Not a join, for which SQLite would read every submission.
    at = select(asked.c.at).where(asked.c.submission_id == Submission.id).scalar_subquery()
    since = case((and_(_is_open, _open_since < at), _open_since), else_=at)
    others = select(since.label("since"), Submission.reference).where(
        Submission.id.in_(select(asked.c.submission_id)), Submission.erased_at.is_(None)
    )
    return (opened, _open_since), (others, since)


def _cut(query: Statement, since: ColumnElement[Any], is_after: bool, rises: bool) -> Statement:
    """Return the first rows of a query by its columns `since` and reference."""
    order = since, query.selected_columns.reference
    if is_after:
        at = bindparam("at", type_=UtcDateTime)
        row, key = tuple_(*order), tuple_(at, bindparam("reference"))
        # The first condition lets SQLite begin at the right place of the index.
        begins = since >= at if rises else since <= at
        query = query.where(begins, row > key if rises else row < key)
    directed = order if rises else tuple(column.desc() for column in order)
    return query.order_by(*directed).limit(bindparam("limit", type_=Integer))
