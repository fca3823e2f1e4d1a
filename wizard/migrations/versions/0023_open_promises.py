"""An index of open promises with those that a correction moved to the past; the version before
goes on using the other one."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

IS_OPEN = sa.text(
    "done_on IS NULL AND dropped_on IS NULL"
    " AND (due_on >= submitted_on OR first_due_on >= submitted_on)"
)


def upgrade() -> None:
    op.create_index(
        "ix_promise_unreported",
        "promise",
        ["due_on", "submission_id", "id"],
        postgresql_where=IS_OPEN,
        sqlite_where=IS_OPEN,
    )


def downgrade() -> None:
    op.drop_index("ix_promise_unreported", "promise")
