"""Who has a case, since when it waits for staff, and who opened it when.

The version before neither reads nor writes any of it: a case that it takes back into review counts
as waiting since it was submitted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

moment = sa.DateTime(timezone=True)
WAITING_SINCE = sa.text("coalesce(returned_at, submitted_at)")
INDEXES: dict[str, tuple[str, str, list[str | sa.TextClause]]] = {
    "ix_submission_queue": (
        "submission",
        "status IN ('received', 'in_review') AND erased_at IS NULL",
        [WAITING_SINCE, "reference", "status", "branch", "organization_kind", "state", "programs",
         "categories", "assigned_to", "submitted_at", "returned_at", "erased_at"],
    ),
    "ix_submission_assigned": (
        "submission", "assigned_to IS NOT NULL", ["assigned_to", "submitted_at", "reference"],
    ),
    "ix_submission_withdrawal": (
        "submission", "withdrawal_requested_at IS NOT NULL", ["withdrawal_requested_at"],
    ),
    "ix_proposal_sent": ("proposal", "sent_at IS NOT NULL", ["sent_at"]),
    "ix_report_waiting": (
        "report", "approved IS NULL", ["submission_id", "reported_at", "approved"],
    ),
    "ix_progress_waiting": (
        "progress", "approved IS NULL", ["submission_id", "reported_at", "approved"],
    ),
}  # fmt: skip


def upgrade() -> None:
    op.add_column("submission", sa.Column("returned_at", moment))
    op.add_column("submission", sa.Column("assigned_to", sa.String()))
    for name, (table, condition, columns) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "case_view",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "submission_id",
            sa.Integer(),
            sa.ForeignKey("submission.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "user_id",
            sa.Integer(),
            sa.ForeignKey("staff_user.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("viewed_at", moment, nullable=False),
        sa.UniqueConstraint("submission_id", "user_id"),
    )
    columns = ["user_id", "submission_id", "event_id"]
    op.create_index("ix_case_view_user_id", "case_view", columns)


def downgrade() -> None:
    op.drop_table("case_view")
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
    for name in ("assigned_to", "returned_at"):
        op.drop_column("submission", name)
