"""The promises of a submission, and what its organization reports about each.

Both refer to an entry by its id. The table `report`, whose rows refer to the place of an entry,
stays for what a version before wrote and still writes. `promises_at` is when the promises of a
submission were written last; those of rows that changed since then are written again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

moment = sa.DateTime(timezone=True)


def submission_id(*, unique: bool = False) -> sa.Column[int]:
    key = sa.ForeignKey("submission.id", ondelete="CASCADE")
    return sa.Column("submission_id", sa.Integer(), key, nullable=False, unique=unique)


def upgrade() -> None:
    op.create_table(
        "promise",
        sa.Column("id", sa.Integer(), primary_key=True),
        submission_id(),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("group_name", sa.String(), nullable=False),
        sa.Column("place", sa.Integer()),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("first_due_on", sa.Date(), nullable=False),
        sa.Column("submitted_on", sa.Date(), nullable=False),
        sa.Column("done_on", sa.Date()),
        sa.Column("dropped_on", sa.Date()),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reported_on", sa.Date()),
        sa.UniqueConstraint("submission_id", "entry_id"),
    )
    op.create_index("ix_promise_due_on", "promise", ["due_on"])
    op.create_table(
        "progress",
        sa.Column("id", sa.Integer(), primary_key=True),
        submission_id(),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column("day", sa.Date()),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reported_at", moment, nullable=False),
        sa.Column("approved", sa.Boolean()),
        sa.Column("decided_at", moment),
        sa.Column("reply", sa.Text(), nullable=False),
    )
    op.create_index("ix_progress_submission_id", "progress", ["submission_id"])
    op.create_table(
        "report_draft",
        sa.Column("id", sa.Integer(), primary_key=True),
        submission_id(unique=True),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("completed_steps", sa.JSON(), nullable=False),
        sa.Column("saves", sa.JSON(), nullable=False),
        sa.Column("promised", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.add_column("submission", sa.Column("promises_at", moment))


def downgrade() -> None:
    op.drop_column("submission", "promises_at")
    op.drop_table("report_draft")
    op.drop_table("progress")
    op.drop_table("promise")
