"""The extensions, and the one way to open a transaction that writes."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

import flask_limiter
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import DeclarativeBase, Session

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
