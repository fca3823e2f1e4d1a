"""Backups: one moment of the store in a file, taken while it serves, and put back.

The file is a SQLite store whatever the store itself is, so it also leads from one to the other,
and can be looked into with any SQLite.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DatabaseError

from .. import clock
from ..accounts import audit
from ..config import engine_options
from ..db import version
from ..db.engine import db, reading, writing
from ..db.models import StaffSession
from ..notify import outbox

BATCH_SIZE = 500
"""Rows that are in memory at a time."""
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
RESTORE_HOLD_MESSAGE = "Held back by a restore: it may have been sent since the backup."


class BackupError(ValueError):
    """A backup that cannot be made or put back; the text says why and what to do."""


def write_backup(path: Path) -> int:
    """Writes the store as it is at this moment into a new file, readable by its owner alone.

    How many rows. Raises `BackupError` where the file exists, or the store is of another version.
    """
    if path.exists():
        raise BackupError(f"{path} exists: name a new file.")
    with reading():
        if version.store_revision() != version.newest_revision():
            raise BackupError("The store has another version than this program: migrate it first.")
    audit.record_event(audit.COMMAND_LINE, "backed_up", path.name)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL, 0o600))
    with _store_in(unfinished) as file, file.begin() as target, _snapshot() as source:
        VERSION.metadata.create_all(target)
        db.metadata.create_all(target)
        copied = sum(_copy(table, source, target) for table in db.metadata.sorted_tables)
        _copy(VERSION, source, target)
    os.replace(unfinished, path)
    return copied


def restore_backup(path: Path) -> int:
    """Puts a backup into a store that is migrated and empty, in one transaction.

    Nothing is sent twice and nobody stays signed in: messages that waited are held back, for
    `flask outbox retry`, and sessions end. How many rows. Raises `BackupError`.
    """
    if not path.exists():
        raise BackupError(f"There is no {path}.")
    with _store_in(path) as file, file.connect() as source, writing() as session:
        target = session.connection()
        _check_fits(source, target)
        copied = sum(_copy(table, source, target) for table in db.metadata.sorted_tables)
        _reset_sequences(target)
        held = {"failed_at": clock.now(), "last_error": RESTORE_HOLD_MESSAGE}
        for messages in outbox.TABLES:
            waits = messages.sent_at.is_(None), messages.failed_at.is_(None)
            session.execute(update(messages).where(*waits).values(held))
        session.execute(delete(StaffSession))
        audit.record(audit.COMMAND_LINE, "restored", path.name)
    return copied


@contextmanager
def _store_in(path: Path) -> Iterator[Engine]:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, **engine_options(str(url)))
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _snapshot() -> Iterator[Connection]:
    """The store as it is now, whatever is written meanwhile."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _copy(table: Table, source: Connection, target: Connection) -> int:
    copied = 0
    rows = source.execution_options(yield_per=BATCH_SIZE).execute(select(table)).mappings()
    for some in rows.partitions():
        target.execute(insert(table), [dict(row) for row in some])
        copied += len(some)
    return copied


def _check_fits(source: Connection, target: Connection) -> None:
    try:
        theirs = source.scalar(select(VERSION.c.version_num))
    except DatabaseError as error:
        raise BackupError(f"This file is no backup: {error.orig}.") from error
    ours = version.store_revision()
    if theirs != ours:
        raise BackupError(
            f"The backup has version {theirs or 'none'}, the store {ours or 'none'}. Bring both"
            " to the newest with `flask db upgrade`; for the backup set WIZARD_DATABASE_URL to a"
            " copy of its file."
        )
    for table in db.metadata.sorted_tables:
        if target.execute(select(table).limit(1)).first():
            raise BackupError("This store is in use: a backup is put into a fresh one.")


def _reset_sequences(target: Connection) -> None:
    """PostgreSQL counts its keys apart from the rows."""
    if target.dialect.name != "postgresql":
        return
    for table in db.metadata.sorted_tables:
        if table.autoincrement_column is not None:
            last = target.scalar(select(func.max(table.c.id))) or 0
            sequence = func.pg_get_serial_sequence(table.name, "id")
            target.execute(select(func.setval(sequence, last + 1, text("false"))))
