"""Indexes of what the public side counts: when promises changed, what was withdrawn, and states.

The version before does without them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

WITHDRAWN = sa.text("status = 'withdrawn'")


def upgrade() -> None:
    op.create_index("ix_submission_promises_at", "submission", ["promises_at"])
    op.create_index(
        "ix_submission_withdrawn",
        "submission",
        ["first_published_at", "reference"],
        sqlite_where=WITHDRAWN,
        postgresql_where=WITHDRAWN,
    )
    op.create_index(
        "ix_promise_state",
        "promise",
        ["submission_id", "group_name", "due_on", "dropped_on", "done_on", "submitted_on",
         "first_due_on", "topic"],
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_promise_state", "promise")
    op.drop_index("ix_submission_withdrawn", "submission")
    op.drop_index("ix_submission_promises_at", "submission")
