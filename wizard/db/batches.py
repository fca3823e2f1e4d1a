"""Read long results in batches, with constant memory and no long transaction."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from sqlalchemy import Column, Connection, Engine, Row, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

READ_BATCH_SIZE = 500
"""Rows in memory at a time."""

AnyColumn = InstrumentedAttribute[Any] | Column[Any]


def read_in_batches(
    source: Engine | Connection, query: Select[*tuple[Any, ...]], *order: AnyColumn
) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """Yield the rows of a query, sorted by the selected columns `order`, which must be unique.

    On an engine each batch has its own transaction, which ends before its rows are yielded. On a
    connection all batches share the connection's transaction.
    """
    first = query.order_by(*order).limit(READ_BATCH_SIZE)
    batch = first
    while True:
        with source.connect() if isinstance(source, Engine) else nullcontext(source) as connection:
            rows = connection.execute(batch).all()
        if rows:
            yield rows
        if len(rows) < READ_BATCH_SIZE:
            return
        last = tuple(getattr(rows[-1], column.key) for column in order)
        batch = first.where(tuple_(*order) > last)
