"""Consistent online backup to a SQLite file, and restore.

The file is a SQLite database whichever engine is served, so it also moves an installation from
one engine to the other, and any SQLite tool can read it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from .. import clock
from ..accounts import audit
from ..config import engine_options
from ..db import version
from ..db.accounts import StaffSession
from ..db.batches import read_in_batches
from ..db.engine import db, reading, writing
from ..db.failures import describe_mismatch
from ..notify import outbox
from .files import new_file

VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)
RESTORE_HOLD_MESSAGE = "Held after a restore: it may already have been sent."


class BackupError(ValueError):
    """A backup that cannot be written or restored; the text says why and what to do."""


def write_backup(path: Path) -> int:
    """Write the database, as of one moment, to a new file with mode 0600; return the row count.

    Raise `BackupError` if the file exists or the database lacks a migration.
    """
    if path.exists():
        raise BackupError(f"{path} already exists. Choose a new file name.")
    with reading():
        if mismatch := describe_mismatch():
            raise BackupError(mismatch)
    audit.record_event(audit.COMMAND_LINE, "backed_up", path.name)
    with (
        new_file(path) as unfinished,
        _engine_for(unfinished, f"{path} cannot be written") as file,
        file.begin() as target,
        reading(snapshot=True) as session,
    ):
        VERSION.metadata.create_all(target)
        db.metadata.create_all(target)
        source = session.connection()
        copied = _copy_all(source, target)
        _copy(VERSION, source, target)
    return copied


def restore_backup(path: Path, name: str = "") -> int:
    """Load a backup into a migrated, empty database in one transaction; return the row count.

    The `name` is what messages call it, if not by its path.

    Waiting messages are held back for `flask outbox retry`, so that none is sent twice, and all
    sessions end. Raise `BackupError`.
    """
    name = name or str(path)
    if not path.is_file():
        raise BackupError(f"{name} is a folder." if path.exists() else f"File not found: {name}.")
    if not path.stat().st_size:
        raise BackupError(f"{name} is empty.")
    with (
        _engine_for(path, f"{name} isn’t a backup, or it is damaged") as file,
        file.connect() as source,
        writing() as session,
    ):
        target = session.connection()
        _check_fits(source, target)
        copied = _copy_all(source, target)
        _reset_sequences(target)
        held = {"failed_at": clock.now(), "last_error": RESTORE_HOLD_MESSAGE}
        for messages in outbox.TABLES:
            waits = messages.sent_at.is_(None), messages.failed_at.is_(None)
            session.execute(sa.update(messages).where(*waits).values(held))
        session.execute(sa.delete(StaffSession))
        audit.record(audit.COMMAND_LINE, "restored", Path(name).name)
    return copied


@contextmanager
def _engine_for(path: Path, failure: str) -> Iterator[sa.Engine]:
    """Open a SQLite file. Its errors become a `BackupError` that begins with `failure`."""
    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, **engine_options(url.drivername))

    @sa.event.listens_for(engine, "handle_error")
    def on_error(context: sa.engine.ExceptionContext) -> None:
        raise BackupError(f"{failure}: {context.original_exception}.")

    try:
        yield engine
    finally:
        engine.dispose()


def _copy_all(source: sa.Connection, target: sa.Connection) -> int:
    """Copy every table but those that are computed from others."""
    tables = [table for table in db.metadata.sorted_tables if not table.info.get("derived")]
    return sum(_copy(table, source, target) for table in tables)


def _copy(table: sa.Table, source: sa.Connection, target: sa.Connection) -> int:
    copied = 0
    for rows in read_in_batches(source, sa.select(table), *table.primary_key):
        target.execute(sa.insert(table), [row._asdict() for row in rows])
        copied += len(rows)
    return copied


def _check_fits(source: sa.Connection, target: sa.Connection) -> None:
    theirs = source.scalar(sa.select(VERSION.c.version_num))
    ours = version.database_revision()
    if theirs is None:
        raise BackupError("This isn’t a backup of this program.")
    if theirs != ours:
        raise BackupError(
            f"The backup is version {theirs} and the database is version"
            f" {ours or 'none'}. Upgrade both with the command `db upgrade`. For the backup, point"
            " WIZARD_DATABASE_URL at a copy of the file."
        )
    for table in db.metadata.sorted_tables:
        if target.execute(sa.select(table).limit(1)).first():
            raise BackupError("The database isn’t empty. Restore a backup into an empty database.")


def _reset_sequences(target: sa.Connection) -> None:
    """Continue the keys after the restored rows: PostgreSQL counts them separately."""
    if target.dialect.name != "postgresql":
        return
    for table in db.metadata.sorted_tables:
        if table.autoincrement_column is not None:
            last = target.scalar(sa.select(sa.func.max(table.c.id))) or 0
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            target.execute(sa.select(sa.func.setval(sequence, last + 1, sa.text("false"))))
