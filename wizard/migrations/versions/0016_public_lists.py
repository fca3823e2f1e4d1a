"""Indexes of what the public side counts: when promises changed, what was withdrawn, and states.

The version before does without them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

PUBLISHED, WITHDRAWN = sa.text("published_at IS NOT NULL"), sa.text("status = 'withdrawn'")
CHANGES = {
    "ix_submission_public_change": "changed_at",
    "ix_submission_public_promises": "promises_at",
}


def upgrade() -> None:
    for name, column in CHANGES.items():
        op.create_index(
            name, "submission", [column], sqlite_where=PUBLISHED, postgresql_where=PUBLISHED
        )
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
    for name in CHANGES:
        op.drop_index(name, "submission")
