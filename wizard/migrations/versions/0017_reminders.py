"""The reminders of promises by their dates, and drafts whose reminders were stopped.

`reminder_start` has one row: the day from which promises are reminded of, so that an upgrade sends
nothing about days before it. The first run of the job writes it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    key = sa.ForeignKey("submission.id", ondelete="CASCADE")
    op.create_table(
        "promise_reminder",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("submission_id", sa.Integer(), key, nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("which", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("submission_id", "entry_id", "which", "due_on"),
    )
    op.create_table(
        "reminder_start",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("day", sa.Date(), nullable=False),
    )
    op.add_column(
        "draft", sa.Column("reminders", sa.Boolean(), nullable=False, server_default=sa.true())
    )


def downgrade() -> None:
    op.drop_column("draft", "reminders")
    op.drop_table("reminder_start")
    op.drop_table("promise_reminder")
