"""The database engine, and sessions that read or write."""

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from select import POLLIN, poll
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, current_app
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    Select,
    any_,
    delete,
    event,
    exc,
    literal,
    select,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session


class Base(DeclarativeBase):
    """Base of every model."""


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
migrate = Migrate()

log = logging.getLogger(__name__)
T = TypeVar("T")
Query = TypeVar("Query", bound=Select[Any])
DatabaseBusyError = exc.TimeoutError
"""Also raised by the connection pool if no connection becomes free."""
WRITE_TIMEOUT_SECONDS = 5.0
"""Wait for another writer before `DatabaseBusyError`."""
WRITE_POLL_SECONDS = 0.001
"""Pause between two looks at whether another process still writes to SQLite."""
MAX_IDLE_SECONDS = 60.0
"""A connection to PostgreSQL that was not used for longer is asked whether it still works."""
WRITE_BATCH_SIZE = 100
"""Rows per transaction of a long job, so that other writers get their turn in between."""
SQLITE_BUSY = 5
"""SQLite's code for a database that another connection writes to."""
sync_file: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
"""Wait until the disk has a file. macOS has only the second."""
SQLITE_WAITS = f"PRAGMA busy_timeout={WRITE_TIMEOUT_SECONDS * 1000:.0f}"
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    SQLITE_WAITS,
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=NORMAL",  # `writing` waits for the disk
    "PRAGMA trusted_schema=OFF",
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten
)


def init_app(app: Flask) -> None:
    """Set up SQLAlchemy and the migrations."""
    db.init_app(app)
    app.teardown_request(lambda error: end_session())
    migrate.init_app(app, db, directory=f"{app.root_path}/migrations")
    with app.app_context():
        if is_sqlite():
            _begin_transactions(db.engine)
            app.extensions["sqlite_write_lock"] = WriteLock()
        else:
            _plan_lists(db.engine)
            _check_connections(db.engine)


def end_session() -> None:
    """End the session of this thread, even if the connection is lost: its work is done by now.

    An error here would replace the response, after the database has taken the answers.
    """
    try:
        _commit_reading(db.session())
        db.session.remove()
    except exc.DBAPIError as error:
        log.warning("session not ended: %s", type(error.orig).__name__)
        db.session.registry.clear()


def is_sqlite() -> bool:
    """Return True on SQLite, which has a single writer."""
    return db.engine.dialect.name == "sqlite"


def _begin_transactions(engine: Engine) -> None:
    """Begin transactions at once; SQLite's driver begins them late, and so loses updates.

    Measured: of 400 read-modify-writes on 8 threads, 50 survived without this and 400 with it.
    """

    @event.listens_for(engine, "do_connect")
    def on_do_connect(dialect, record, arguments, options):  # type: ignore[no-untyped-def]
        if not Path(arguments[0]).exists():  # SQLite would make an empty one; only migrations do
            raise dialect.dbapi.OperationalError("there is no such file")

    @event.listens_for(engine, "checkout")
    def on_checkout(connection, record, proxy):  # type: ignore[no-untyped-def]
        if record.info["file"] != _identify_file(engine):  # it was deleted or replaced
            raise exc.DisconnectionError

    @event.listens_for(engine, "connect")
    def on_connect(connection, record):  # type: ignore[no-untyped-def]
        record.info["file"] = _identify_file(engine)
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            _begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN")


def _identify_file(engine: Engine) -> tuple[int, int] | None:
    """Return the device and inode of the database's file; None if there is none. What an open
    connection writes to a file that was deleted is lost."""
    try:
        found = os.stat(str(engine.url.database))
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _begin_writing(connection: Connection) -> None:
    """Begin a transaction that writes, as soon as no other process does.

    Measured with two processes that write most of the time: one in a hundred waits 0.04 s, and
    0.1 to 0.3 s if SQLite itself waits, as it sleeps up to 100 ms at a time.
    """
    end = connection.get_execution_options().get("waits_until") or _end_of_wait()
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        while not _try_begin(connection, end):
            time.sleep(WRITE_POLL_SECONDS)
    finally:
        cursor.execute(SQLITE_WAITS)


def _end_of_wait() -> float:
    """Return the moment when a writer that begins to wait now gives up."""
    return time.monotonic() + WRITE_TIMEOUT_SECONDS


def _try_begin(connection: Connection, end: float) -> bool:
    """Return False if another process writes. Raise its error at the `end`."""
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except exc.OperationalError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code != SQLITE_BUSY or time.monotonic() > end:
            raise
        return False
    return True


def _plan_lists(engine: Engine) -> None:
    """Let PostgreSQL plan each list and search for its own values: what psycopg prepares is soon
    planned once for all, and would read many rows for a rare value. A statement with the option
    `planned_once` reads few for any value."""

    @event.listens_for(engine, "do_execute")
    def on_do_execute(cursor, statement, parameters, context):  # type: ignore[no-untyped-def]
        is_list = "LIMIT" in statement or "TSQUERY" in statement
        if not is_list or context.execution_options.get("planned_once"):
            return False
        cursor.execute(statement, parameters, prepare=False)
        return True


def _check_connections(engine: Engine) -> None:
    """Replace connections that PostgreSQL ended, before a statement fails on one.

    It says so before it stops. Only a connection that was idle for long is asked, since a firewall
    may have dropped it: asking each time takes a statement more for each transaction.
    """

    @event.listens_for(engine, "checkout")
    def on_checkout(connection, record, proxy):  # type: ignore[no-untyped-def]
        idle_seconds = time.monotonic() - record.info.setdefault("used_at", time.monotonic())
        is_idle = idle_seconds > MAX_IDLE_SECONDS
        if _has_ended(connection) or (is_idle and not _answers(engine, connection)):
            raise exc.InvalidatePoolError

    @event.listens_for(engine, "checkin")
    def on_checkin(connection, record):  # type: ignore[no-untyped-def]
        record.info["used_at"] = time.monotonic()


def _has_ended(connection: Any) -> bool:
    """Return True if the server sent what no statement asked for, such as that it stops."""
    if connection.closed:
        return True
    polled = poll()
    polled.register(connection.fileno(), POLLIN)
    return bool(polled.poll(0))


def _answers(engine: Engine, connection: Any) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.dbapi.Error:  # type: ignore[union-attr]
        return False


class WriteLock:
    """A lock by which the threads of a process take turns to write to SQLite."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner: int | None = None

    def __enter__(self) -> None:
        if self._owner == get_ident():
            raise RuntimeError("this thread is in writing() already: it would wait for itself")
        if not self._lock.acquire(timeout=WRITE_TIMEOUT_SECONDS):
            raise DatabaseBusyError("another thread of this process writes for too long")
        self._owner = get_ident()

    def __exit__(self, *error: object) -> None:
        self._owner = None
        self._lock.release()


@contextmanager
def reading(*, snapshot: bool = False) -> Iterator[Session]:
    """Open a session to read, and end its transaction, so that `writing` can follow.

    Loaded attributes stay usable afterwards. With `snapshot`, which must begin the transaction, all
    queries see the database as of the first one, as they always do on SQLite. Inside another one
    it is a part of that.
    """
    session = db.session()
    if session.info.get("reading"):
        yield session
        return
    session.info["reading"] = True
    try:
        if snapshot and not is_sqlite():
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session
        _commit_reading(session)
    finally:
        del session.info["reading"]
        session.close()


def _commit_reading(session: Session) -> None:
    """End a transaction that only reads by a commit, on PostgreSQL: after a rollback psycopg
    forgets what it has prepared, and each statement is planned every time."""
    if not is_sqlite() and session.in_transaction() and session.is_active:
        connection = session.connection()
        if not connection.invalidated:  # else it is lost, and there is nothing to end
            connection.commit()


@contextmanager
def writing() -> Iterator[Session]:
    """Open a transaction that writes; commit it at the end, roll it back on an error.

    It returns once the disk has the changes. No transaction may be open: rows read before the lock
    may have changed since. Raise `DatabaseBusyError` or the driver's `OperationalError` if another
    writer holds the lock for `WRITE_TIMEOUT_SECONDS`, or if the disk fails.
    """
    end = _end_of_wait()
    with current_app.extensions["sqlite_write_lock"] if is_sqlite() else nullcontext():
        session = db.session()
        if session.in_transaction():
            raise RuntimeError("a transaction is open already: one that only reads, or writing()")
        try:
            session.connection(execution_options={"writes": True, "waits_until": end})
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
    if is_sqlite():
        _sync_log()


def _sync_log() -> None:
    """Wait until SQLite's write-ahead log is on the disk. Others can write meanwhile, which they
    could not if SQLite itself waited: decision 32."""
    try:
        with suppress(FileNotFoundError), open(f"{db.engine.url.database}-wal", "rb") as log:
            sync_file(log.fileno())
    except OSError as error:
        raise exc.OperationalError("sync", None, error) from error


def empty_write_ahead_log() -> None:
    """Move SQLite's write-ahead log into its file, so that no copy of deleted rows is left in it.

    While another process reads, what it still needs stays, and the next call gets it.
    """
    if is_sqlite():
        with current_app.extensions["sqlite_write_lock"]:
            connection = db.engine.raw_connection()
            cursor = connection.cursor()
            try:
                cursor.execute("PRAGMA busy_timeout=100")  # nobody can write while it waits
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                cursor.execute(SQLITE_WAITS)
                connection.close()


def write_in_batches(
    query: Select[T], change: Callable[[Sequence[T]], int], *, deletes: bool = False
) -> int:
    """Call `change` with up to `WRITE_BATCH_SIZE` locked rows per transaction; return the total.

    The query must not find a changed row again. Rows locked by another worker are left to it, and
    if the change `deletes` them, also rows that another transaction just referred to.
    """
    batch = query.limit(WRITE_BATCH_SIZE).with_for_update(skip_locked=True, key_share=not deletes)
    total = 0
    while True:
        with writing() as session:
            rows = session.scalars(batch).all()
            total += change(rows)
        if len(rows) < WRITE_BATCH_SIZE:
            return total


def delete_in_batches(key: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]) -> int:
    """Delete the rows that meet the conditions, by primary key; return how many."""

    def remove(keys: Sequence[Any]) -> int:
        deleted = db.session.execute(delete(key.class_).where(key.in_(keys)))
        return int(deleted.rowcount)  # type: ignore[attr-defined]

    return write_in_batches(select(key).where(*conditions), remove, deletes=True)


def is_one_of(column: InstrumentedAttribute[T], values: Collection[T]) -> ColumnElement[bool]:
    """Return the condition that a column has one of some values: a single parameter on PostgreSQL,
    which plans long for hundreds of them."""
    if is_sqlite():
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type)))


def lock_rows(query: Query) -> Query:
    """Lock the rows of a query for update, and read them again.

    Others can still add rows that refer to them: that needs the key alone, which does not change.
    """
    return query.with_for_update(key_share=True).execution_options(populate_existing=True)
