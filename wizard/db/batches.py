"""Long results in batches: a slow reader holds no transaction open, and memory does not grow."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from sqlalchemy import Column, Connection, Engine, Row, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

BATCH_SIZE = 500
"""Rows that are in memory at a time."""

AnyColumn = InstrumentedAttribute[Any] | Column[Any]


def batches(
    source: Engine | Connection, query: Select[*tuple[Any, ...]], *order: AnyColumn
) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """Yield the rows of a query by its `order`: selected columns that no two rows share.

    From an engine each batch is read in a transaction of its own, over before its rows are
    yielded. From a connection all are read in the transaction of that connection.
    """
    first = query.order_by(*order).limit(BATCH_SIZE)
    batch = first
    while True:
        with source.connect() if isinstance(source, Engine) else nullcontext(source) as connection:
            rows = connection.execute(batch).all()
        if rows:
            yield rows
        if len(rows) < BATCH_SIZE:
            return
        last = tuple(getattr(rows[-1], column.key) for column in order)
        batch = first.where(tuple_(*order) > last)
