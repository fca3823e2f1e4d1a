"""The extensions, and the one way to open a transaction that writes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, current_app
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, event, exc, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session


class Base(DeclarativeBase):
    """What every model derives from."""


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
migrate = Migrate()

T = TypeVar("T")
StoreBusyError = exc.TimeoutError
"""What the connection pool raises as well when all of its connections are in use for too long."""
WRITE_TIMEOUT_SECONDS = 5.0
"""How long to wait for another writer before the store counts as busy."""
BATCH_SIZE = 100
"""Rows that one transaction of a long job changes, so that other writers get in between."""
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    f"PRAGMA busy_timeout={WRITE_TIMEOUT_SECONDS * 1000:.0f}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
    "PRAGMA trusted_schema=OFF",
)


def init_app(app: Flask) -> None:
    """Set up the extensions."""
    db.init_app(app)
    migrate.init_app(app, db, directory=f"{app.root_path}/migrations")
    with app.app_context():
        if is_sqlite():
            _begin_transactions(db.engine)
            app.extensions["sqlite_write_lock"] = WriteLock()


def is_sqlite() -> bool:
    """Return True on SQLite, which has one writer at a time."""
    return db.engine.dialect.name == "sqlite"


def _begin_transactions(engine: Engine) -> None:
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


class WriteLock:
    """The threads of one program take turns to write to SQLite.

    SQLite itself would have each of them sleep and retry, up to 100 ms at a time, and the unlucky
    ones for seconds.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner: int | None = None

    def __enter__(self) -> None:
        if self._owner == get_ident():
            raise RuntimeError("this thread is in writing() already: it would wait for itself")
        if not self._lock.acquire(timeout=WRITE_TIMEOUT_SECONDS):
            raise StoreBusyError("another thread of this process writes for too long")
        self._owner = get_ident()

    def __exit__(self, *error: object) -> None:
        self._owner = None
        self._lock.release()


@contextmanager
def reading(*, snapshot: bool = False) -> Iterator[Session]:
    """Open a session to read, and end its transaction, so that `writing` can follow.

    What was read stays usable afterwards, as far as it was loaded. With `snapshot` all queries see
    the store as of the first one, as they always do on SQLite; then no transaction may be open.
    """
    session = db.session()
    try:
        if snapshot and not is_sqlite():
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session
    finally:
        session.close()


@contextmanager
def writing() -> Iterator[Session]:
    """Open a transaction that writes: all of it is kept, or nothing.

    It must be the first thing a request does with the store: what was read before the store is
    locked may have changed since. Raises `StoreBusyError` or the driver's `OperationalError` when
    another writer holds the store for `WRITE_TIMEOUT_SECONDS`.
    """
    with current_app.extensions["sqlite_write_lock"] if is_sqlite() else nullcontext():
        session = db.session()
        if session.in_transaction():
            raise RuntimeError("a transaction is open already: one that only reads, or writing()")
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
