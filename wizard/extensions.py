"""The extensions, and the one way to open a transaction that writes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import flask_limiter
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, event, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session

from .visitors import visitor


class Base(DeclarativeBase):
    """What every model derives from."""


class Limiter(flask_limiter.Limiter):
    """Looks for limits where a view has one, and not before each request of every other view."""

    def _check_request_limit(
        self, callable_name: str | None = None, in_middleware: bool = True
    ) -> None:
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
migrate = Migrate()
csrf = CSRFProtect()
limiter = Limiter(visitor)

one_at_a_time = Lock()
"""SQLite has one writer. Threads of this process take turns here: SQLite itself would have each
of them sleep and try again, up to 100 ms at a time, and the unlucky ones for seconds."""
T = TypeVar("T")
BATCH_SIZE = 100
"""Rows that one transaction of a long job changes, so that other writers get in between."""
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
    "PRAGMA trusted_schema=OFF",
)


def init_app(app: Flask) -> None:
    """Ties the extensions to the program."""
    db.init_app(app)
    migrate.init_app(app, db, directory=f"{app.root_path}/migrations")
    csrf.init_app(app)
    limiter.init_app(app)
    with app.app_context():
        if is_sqlite():
            _begin_explicitly(db.engine)


def is_sqlite() -> bool:
    """Whether the store is SQLite, which has one writer at a time."""
    return db.engine.dialect.name == "sqlite"


def _begin_explicitly(engine: Engine) -> None:
    """SQLite's driver opens transactions late, and so loses updates; these begin at once.

    Measured: of 400 read-modify-writes on 8 threads 50 survived without this, 400 with it.
    """

    @event.listens_for(engine, "connect")
    def on_connect(connection, record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading() -> Iterator[Session]:
    """Open a session to read, and end its transaction, so that `writing` can follow.

    What was read stays usable afterwards, as far as it was loaded.
    """
    session = db.session()
    try:
        yield session
    finally:
        session.close()


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction that writes: all of it is kept, or nothing.

    It must be the first thing a request does with the store: what was read before the store is
    locked may have changed since.
    """
    session = db.session()
    if session.in_transaction():
        raise RuntimeError("a transaction that only reads is open already")
    with one_at_a_time if is_sqlite() else nullcontext():
        try:
            session.connection(execution_options={"writes": True})
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


def write_in_batches(query: Select[T], change: Callable[[Sequence[T]], int]) -> int:
    """Give what `query` finds to `change`, `BATCH_SIZE` locked rows in a transaction.

    After `change` the query must find these rows no more. Rows that another worker has locked are
    left to it. Return the sum of the results of `change`.
    """
    locking, total, found = query.limit(BATCH_SIZE).with_for_update(skip_locked=True), 0, BATCH_SIZE
    while found == BATCH_SIZE:
        with writing() as session:
            rows = session.scalars(locking).all()
            found, total = len(rows), total + change(rows)
    return total


def delete_in_batches(key: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]) -> int:
    """Delete the rows that meet the conditions, by their primary key; return how many."""

    def remove(keys: Sequence[Any]) -> int:
        deleted = db.session.execute(delete(key.class_).where(key.in_(keys)))
        return int(deleted.rowcount)  # type: ignore[attr-defined]

    return write_in_batches(select(key).where(*conditions), remove)
