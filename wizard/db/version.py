"""Which migrations the store has, and whether this program can serve it."""

from functools import cache

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from .engine import db


def store_revision() -> str:
    """Return the store's version; empty where it was never migrated."""
    return MigrationContext.configure(db.session.connection()).get_current_revision() or ""


def newest_revision() -> str:
    """Return the newest version of this program."""
    return _known_revisions(f"{current_app.root_path}/migrations")[0]


def is_compatible() -> bool:
    """Return True if the store has every migration of this program.

    An unknown version is newer: the older program serves the newer store while machines are
    updated one by one.
    """
    version = store_revision()
    return version not in ("", *_known_revisions(f"{current_app.root_path}/migrations")[1:])


@cache
def _known_revisions(folder: str) -> list[str]:
    """Return every version that this program knows, newest first."""
    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
