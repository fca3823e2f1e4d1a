"""An index of the last event of each submission, to find those that changed."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_index("ix_search_entry_event", "search_entry", ["submission_id", "event_id"])


def downgrade() -> None:
    op.drop_index("ix_search_entry_event", "search_entry")
