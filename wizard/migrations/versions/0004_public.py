"""The public side: when a case changed, news of a commitment, and reminders to give some."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("submission") as submission:
        submission.add_column(sa.Column("changed_at", moment))
        submission.add_column(sa.Column("reminded_at", moment))
        submission.add_column(
            sa.Column("reminders", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    op.execute("UPDATE submission SET changed_at = submitted_at")
    with op.batch_alter_table("submission") as submission:
        submission.alter_column("changed_at", existing_type=moment, nullable=False)
        submission.create_index("ix_submission_changed_at", ["changed_at"])
        submission.create_index("ix_submission_published", ["published_at", "reference"])
    op.create_table(
        "report",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "submission_id",
            sa.Integer(),
            sa.ForeignKey("submission.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("withdraws", sa.Boolean(), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.Column("reported_at", moment, nullable=False),
        sa.Column("approved", sa.Boolean()),
        sa.Column("decided_at", moment),
    )


def downgrade() -> None:
    op.drop_table("report")
    with op.batch_alter_table("submission") as submission:
        submission.drop_index("ix_submission_published")
        submission.drop_index("ix_submission_changed_at")
        for name in ("reminders", "reminded_at", "changed_at"):
            submission.drop_column(name)
