"""Errors of the database, as one line that says where, what, and what to do."""

import os

from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError

from . import version
from .engine import SQLITE_BUSY, db, is_sqlite, reading

SQLITE_ERROR = 1
"""SQLite's code for a missing table or column, and for a wrong statement."""
UPGRADE = "The database is not up to date. Run the command `db upgrade` (docs/operations.md)."
OWNER = "Run this as the user that the file and its folder belong to, and let it write to both."
MISSING = "Check WIZARD_INSTANCE_PATH, or create it with the command `db upgrade`."
DAMAGED = "Check WIZARD_DATABASE_URL. If it is the right one, restore a backup: docs/deploy.md."
ADVICE = {
    SQLITE_ERROR: DAMAGED,
    SQLITE_BUSY: "Another process is writing. Wait, then try again.",
    8: OWNER,  # SQLITE_READONLY
    10: "Check the disk, and its free space.",  # SQLITE_IOERR
    11: DAMAGED,  # SQLITE_CORRUPT
    13: "Make room on the disk, then try again.",  # SQLITE_FULL
    14: OWNER,  # SQLITE_CANTOPEN
    26: DAMAGED,  # SQLITE_NOTADB
}
"""What to do, by SQLite's primary result code (sqlite.org/rescode.html)."""


def describe_failure(error: SQLAlchemyError) -> str:
    """Return the line for an error of the database, without a password or a statement."""
    return UPGRADE if lacks_migrations(error) else describe_cause(error)


def describe_cause(error: SQLAlchemyError) -> str:
    """Return the line for an error that no migration would mend."""
    cause = getattr(error, "orig", None) or error
    where = db.engine.url.database if is_sqlite() else db.engine.url.render_as_string()
    advice = ADVICE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, "Try again.")
    if is_sqlite() and not os.path.exists(str(where)):
        advice = MISSING
    elif not is_sqlite() and getattr(cause, "sqlstate", None) is None:  # no connection
        advice = "Check that it runs, and its host, user, password and name in WIZARD_DATABASE_URL."
    return f"The database {where}: {' '.join(str(cause).split()).rstrip('.')}. {advice}"


def describe_mismatch() -> str:
    """Return the line for a database of another version than this program, or an empty one."""
    found, newest = version.database_revision(), version.newest_revision()
    if found == newest:
        return ""
    if not version.is_compatible():
        return UPGRADE
    return f"The database is of version {found}, and this program of {newest}. Update the program."


def is_schema_error(error: SQLAlchemyError) -> bool:
    """Return True for an unknown table or column: a migration is missing, or a fault of ours."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code == SQLITE_ERROR or isinstance(error, ProgrammingError)


def lacks_migrations(error: SQLAlchemyError) -> bool:
    """Return True if the error is due to a table or column that a migration would add."""
    if not is_schema_error(error):
        return False
    db.session.rollback()
    try:
        with reading():
            return not version.is_compatible()
    except DBAPIError:
        return False
