"""The public side: when a case changed, news of a commitment, and reminders to give some."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

LISTED = (
    "submitted_at", "reference", "status", "branch", "organization_kind", "state", "programs",
    "search",
)  # fmt: skip
PUBLISHED = (
    "published_at", "reference", "branch", "organization_kind", "state", "programs",
    "categories", "search",
)  # fmt: skip
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("submission") as submission:
        submission.add_column(sa.Column("changed_at", moment))
        submission.add_column(sa.Column("reminded_at", moment))
        submission.add_column(
            sa.Column("reminders", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        submission.add_column(
            sa.Column("categories", sa.String(), nullable=False, server_default="")
        )
    _repeat_categories()
    with op.batch_alter_table("submission") as submission:
        submission.alter_column("changed_at", existing_type=moment, nullable=False)
        submission.create_index("ix_submission_changed_at", ["changed_at"])
        submission.drop_index("ix_submission_list")
        submission.create_index("ix_submission_list", [*LISTED[:-1], "categories", "search"])
        submission.create_index("ix_submission_published", PUBLISHED)
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


def _repeat_categories() -> None:
    """Fills the new columns of the submissions that are there."""
    names = ("id", "answers", "submitted_at", "changed_at", "categories")
    table = sa.table("submission", *(sa.column(name) for name in names))
    connection = op.get_bind()
    connection.execute(sa.update(table).values(changed_at=table.c.submitted_at))
    for row in connection.execute(sa.select(table.c.id, table.c.answers)).all():
        given = row.answers if isinstance(row.answers, dict) else json.loads(row.answers)
        found = {entry.get("category", "") for entry in given.get("data_sets", ())}
        if found:
            changed = sa.update(table).where(table.c.id == row.id)
            connection.execute(changed.values(categories=";".join(sorted(found))))


def downgrade() -> None:
    op.drop_table("report")
    with op.batch_alter_table("submission") as submission:
        submission.drop_index("ix_submission_published")
        submission.drop_index("ix_submission_changed_at")
        submission.drop_index("ix_submission_list")
        submission.create_index("ix_submission_list", LISTED)
        for name in ("categories", "reminders", "reminded_at", "changed_at"):
            submission.drop_column(name)
