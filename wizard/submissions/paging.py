"""Keyset pagination: the last page of a million rows is as quick as the first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

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


def select_keys(
    at: InstrumentedAttribute[Any],
    wanted: Sequence[ColumnElement[bool]],
    start: PageStart,
    size: int,
    *,
    oldest_first: bool = False,
) -> PageKeys:
    """Return the page of up to `size` wanted rows from `start`, ordered by `at` and reference.

    The newest are first. If the oldest are, the key `older` still is that of the next page.
    """
    rises = start.backwards != oldest_first
    order = (at, Submission.reference)
    query = select(*order).where(*wanted).limit(size + 1)
    if start.key:
        row = tuple_(*order)
        query = query.where(row > start.key if rises else row < start.key)
    directed = order if rises else tuple(column.desc() for column in order)
    found = db.session.execute(query.order_by(*directed)).all()
    return make_page([(moment, reference) for moment, reference in found], start, size)


def make_page(found: Sequence[Key], start: PageStart, size: int) -> PageKeys:
    """Return the page of the keys that were found from `start` on: one more than `size` if there
    are others."""
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
