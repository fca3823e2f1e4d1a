"""Which process runs the daily jobs: of those that share a database, the first to lock it."""

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from ..db.engine import db, is_sqlite

JOBS_LOCK = 0x776A6F6273
"""The number that the process with the daily jobs locks in PostgreSQL: “wjobs”."""


class FolderLock:
    """A lock on the folder of the SQLite file, until the process ends. It leaves no file behind."""

    def __init__(self) -> None:
        self.folder: int | None = None

    def acquire(self) -> bool:
        """Return True if this process has the lock; take it if no other has it."""
        if self.folder is None:
            self.folder = os.open(Path(str(db.engine.url.database)).resolve().parent, os.O_RDONLY)
        try:
            fcntl.flock(self.folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # once more changes nothing
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let another process take the lock."""
        if self.folder is not None:
            os.close(self.folder)
            self.folder = None


class ServerLock:
    """A lock on a number in PostgreSQL, across machines, until its connection ends."""

    def __init__(self) -> None:
        self.connection: Connection | None = None

    def acquire(self) -> bool:
        """Return True if this process has the lock; take it if no other has it."""
        if self.connection is None:
            return self._take()
        try:
            self.connection.execute(text("SELECT 1"))  # it still has the lock
        except SQLAlchemyError:
            self.release()
            raise
        return True

    def _take(self) -> bool:
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            if connection.scalar(select(func.pg_try_advisory_lock(JOBS_LOCK))):
                self.connection = connection
        finally:
            if self.connection is None:
                connection.close()
        return self.connection is not None

    def release(self) -> None:
        """Let another process take the lock."""
        if self.connection is not None:
            self.connection.invalidate()
            self.connection.close()
            self.connection = None


JobLock = FolderLock | ServerLock


def make_job_lock() -> JobLock:
    """Return the lock for the database of this program, not yet taken."""
    return FolderLock() if is_sqlite() else ServerLock()
