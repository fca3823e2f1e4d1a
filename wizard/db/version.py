"""Migration status of the database, and its compatibility with this program."""

from functools import cache
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from .engine import db

WORD_INDEXES = "search_public", "search_staff", "ix_search_entry_public", "ix_search_entry_staff"
"""How the names of the indexes of words begin, with those of the tables that SQLite keeps."""


def database_revision() -> str:
    """Return the revision of the database, or "" if it was never migrated."""
    return MigrationContext.configure(db.session.connection()).get_current_revision() or ""


def newest_revision() -> str:
    """Return the newest revision of this program."""
    return _known_revisions(current_app.root_path)[0]


def is_compatible() -> bool:
    """Return True if the database has every migration of this program.

    An unknown revision is a newer one, which the program serves during a rolling update.
    """
    return database_revision() not in ("", *_known_revisions(current_app.root_path)[1:])


def is_declared(name: str | None, kind: str, parents: Any) -> bool:
    """Return False for the indexes of words, which no model has."""
    return not (name or "").startswith(WORD_INDEXES)


@cache
def _known_revisions(root_path: str) -> list[str]:
    """Return the revisions of this program, newest first."""
    scripts = ScriptDirectory(f"{root_path}/migrations")
    return [script.revision for script in scripts.walk_revisions()]
