"""Which migrations the store has, and whether this program can serve it."""

from functools import cache

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from .extensions import db


def of_store() -> str:
    """Return the store's version; empty where it was never migrated."""
    return MigrationContext.configure(db.session.connection()).get_current_revision() or ""


def newest() -> str:
    """Return the newest version of this program."""
    return _versions(f"{current_app.root_path}/migrations")[0]


def is_served() -> bool:
    """Return True if the store has every migration of this program.

    An unknown version is newer: the older program serves the newer store while machines are
    updated one by one.
    """
    version = of_store()
    return version not in ("", *_versions(f"{current_app.root_path}/migrations")[1:])


@cache
def _versions(folder: str) -> list[str]:
    """Return every version that this program knows, newest first."""
    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
