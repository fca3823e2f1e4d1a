"""An index of submissions by their last change, with all that a list filters by. The previous
version goes on using the one without."""

from alembic import op

revision = "0025"
down_revision = "0024"

COLUMNS = [
    "changed_at",
    "reference",
    "status",
    "branch",
    "organization_kind",
    "state",
    "programs",
    "categories",
    "submitted_at",
    "search",
]


def upgrade() -> None:
    op.create_index("ix_submission_changes", "submission", COLUMNS)


def downgrade() -> None:
    op.drop_index("ix_submission_changes", "submission")
