"""Column types and indexes that the models share."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Text,
    TextClause,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeEngine

from ..forms.search_words import pair_codes


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite itself stores no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a datetime needs its time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Folded words with a space between: text on SQLite, and on PostgreSQL a `tsvector`.

    It is written with the places of its words, not by `to_tsvector`, whose parser has words of its
    own: it keeps addresses and numbers together, and depends on the locale of the database. The
    codes of pairs follow, without places.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return TSVECTOR() if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql":
            return value
        words, places = value.split(), dict[str, list[str]]()
        for place, word in enumerate(words, start=1):
            places.setdefault(word, []).append(str(place))
        found = (f"'{word}':{','.join(at[:256])}" for word, at in places.items())
        return " ".join([*found, *(f"'{code}'" for code in pair_codes(words))])


parent_key = partial(ForeignKey, ondelete="CASCADE")
"""A reference to a row that takes this one along when it is deleted."""


def partial_index(name: str, where: str, *columns: str | TextClause) -> Index:
    """Return an index of the rows that meet a condition."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
