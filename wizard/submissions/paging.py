"""Keyset pagination: the last page of a million rows is as quick as the first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from ..db.columns import UtcDateTime
from ..db.engine import db
from ..db.models import Submission
from ..web.query import Key, PageStart, format_key


@dataclass(frozen=True, slots=True)
class PageKeys:
    """The references on a page, and the keys of the pages beside it (empty if there is none).

    In the queue, `since` says by reference since when a case waits.
    """

    references: list[str]
    newer: str
    older: str
    since: dict[str, datetime] = field(default_factory=dict)


def select_rows(
    at: InstrumentedAttribute[Any],
    wanted: Sequence[ColumnElement[bool]],
    start: PageStart,
    limit: int,
    *,
    oldest_first: bool = False,
) -> list[Key]:
    """Return the keys of up to `limit` wanted rows from `start`, ordered by `at` and reference.

    The newest are first. If the oldest are, `backwards` still leads to the first page.
    """
    query = _query_rows(at, start.key is not None, start.backwards != oldest_first)
    query = query.where(*wanted) if wanted else query
    after = dict(zip(("at", "reference"), start.key, strict=True)) if start.key else {}
    found = db.session.execute(query, {"limit": limit, **after}).all()
    return [(moment, reference) for moment, reference in found]


@cache
def _query_rows(at: InstrumentedAttribute[Any], is_after: bool, rises: bool) -> Select[Any]:
    """Return the query without conditions, which takes longer to make than to answer."""
    order = (at, Submission.reference)
    query = select(*order).limit(bindparam("limit", type_=Integer))
    if is_after:
        key = tuple_(bindparam("at", type_=UtcDateTime), bindparam("reference"))
        query = query.where(tuple_(*order) > key if rises else tuple_(*order) < key)
    return query.order_by(*(order if rises else (column.desc() for column in order)))


def make_page(found: Sequence[Key], start: PageStart, size: int) -> PageKeys:
    """Return the page of the keys that were found from `start` on: more than `size` if there are
    others."""
    rows = list(found[:size])
    has_newer, has_older = start.key is not None, len(found) > size
    if start.backwards:
        rows.reverse()
        has_newer, has_older = has_older, has_newer
    return PageKeys(
        [reference for _, reference in rows],
        newer=format_key(*rows[0]) if rows and has_newer else "",
        older=format_key(*rows[-1]) if rows and has_older else "",
    )
