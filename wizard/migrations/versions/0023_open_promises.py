"""A promise is open until it is reported, also if a correction moved its date to the past.

The index of open promises takes the place of one that left those out; the version before counts
and reminds without an index meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

IS_UNREPORTED = "done_on IS NULL AND dropped_on IS NULL"
BEFORE = f"{IS_UNREPORTED} AND due_on >= submitted_on"
IS_OPEN = f"{IS_UNREPORTED} AND (due_on >= submitted_on OR first_due_on >= submitted_on)"


def upgrade() -> None:
    _index(IS_OPEN)


def downgrade() -> None:
    _index(BEFORE)


def _index(condition: str) -> None:
    op.drop_index("ix_promise_open", "promise")
    op.create_index(
        "ix_promise_open", "promise", ["due_on", "submission_id", "id"],
        postgresql_where=sa.text(condition), sqlite_where=sa.text(condition),
    )  # fmt: skip
