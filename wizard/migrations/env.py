"""Runs migrations on the program's own engine."""

from alembic import context

from wizard.extensions import db

with db.engine.connect().execution_options(writes=True) as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
