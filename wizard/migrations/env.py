"""Runs migrations on the program's own engine."""

from pathlib import Path

from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import Connection, text

from wizard.db.engine import db


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


Path(current_app.instance_path).mkdir(parents=True, exist_ok=True)
with db.engine.connect().execution_options(writes=True) as connection:
    check_encoding(connection)
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
