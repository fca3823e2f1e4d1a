"""Runs migrations on the program's own engine."""

from pathlib import Path

from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import Connection, text

from wizard.db.engine import db, is_sqlite, reading
from wizard.db.failures import UPGRADE, describe_cause, describe_mismatch
from wizard.db.version import is_declared
from wizard.ops.cli import one_line_errors

UPGRADE_LOCK = 17_021_789
"""The key of PostgreSQL's lock by which processes migrate one after another; SQLite has one writer.
"""


def check_encoding(connection: Connection) -> None:
    """A PostgreSQL that was set up without a locale makes databases in SQL_ASCII."""
    if connection.dialect.name != "postgresql":
        return
    with connection.begin():
        encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise CommandError(
            f"The database is in {encoding}, which cannot hold every name. Make it anew with "
            "`createdb --encoding=UTF8 --template=template0`."
        )


def check_version() -> None:
    """Alembic says of a newer database that it cannot locate a revision."""
    with reading():
        mismatch = describe_mismatch()
    if mismatch not in ("", UPGRADE):
        raise CommandError(mismatch)


with one_line_errors(describe_cause):
    Path(current_app.instance_path).mkdir(parents=True, exist_ok=True)
    if is_sqlite():
        Path(str(db.engine.url.database)).touch()
    check_version()
    with db.engine.connect().execution_options(writes=True) as connection:
        check_encoding(connection)
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=True,
            compare_type=True,
            include_name=is_declared,
            transactional_ddl=True,  # SQLite's too: all migrations, or none
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})"))
            try:
                context.run_migrations()  # after those of another process, which had the lock
            except AssertionError as error:  # alembic's, of an empty name
                advice = "There is no such revision. Leave it out for the newest one."
                raise CommandError(advice) from error
