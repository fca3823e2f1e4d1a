"""Lists page by page, the newest first, each page from a key on and not after so many rows.

So the last page of a million rows is as quick as the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from .extensions import db
from .filters import BadFilter, moment
from .models import Submission


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list a page starts: older or newer than a key, at its end, or at its start."""

    older: str = ""
    newer: str = ""
    last: bool = False

    @property
    def is_start(self) -> bool:
        """Whether it is the first page."""
        return not (self.older or self.newer or self.last)


@dataclass(frozen=True, slots=True)
class Keys:
    """The references on a page, and the keys for the pages beside it, empty where there is none."""

    references: list[str]
    newer: str
    older: str


def keys(
    at: InstrumentedAttribute[Any],
    wanted: Sequence[ColumnElement[bool]],
    place: Place,
    size: int,
) -> Keys:
    """One page of what is wanted, by time and reference. Raises `BadFilter` for what is no key."""
    order = (at, Submission.reference)
    backwards = bool(place.newer) or place.last
    key = _read(place.newer or place.older)
    query = select(*order).where(*wanted).limit(size + 1)
    if key:
        beyond = tuple_(*order) > key if place.newer else tuple_(*order) < key
        query = query.where(beyond)
    by = order if backwards else tuple(column.desc() for column in order)
    found = db.session.execute(query.order_by(*by)).all()
    more, found = len(found) > size, found[:size]
    if backwards:
        found = found[::-1]
    has_newer = more if backwards else bool(key)
    has_older = bool(place.newer) if backwards else more
    return Keys(
        [reference for _, reference in found],
        newer=_key(*found[0]) if found and has_newer else "",
        older=_key(*found[-1]) if found and has_older else "",
    )


def _key(at: datetime, reference: str) -> str:
    return f"{at.isoformat()}_{reference}"


def _read(text: str) -> tuple[datetime, str] | None:
    if not text:
        return None
    at, _, reference = text.partition("_")
    if not reference.replace("-", "").isalnum():
        raise BadFilter("The address names no page of the list. Start from its first page.")
    return moment(at.replace(" ", "+")), reference
