"""What the organization of a submission is known by, and indexes for what the office counts.

The version before leaves the new columns empty; `serve` fills them in at its start and each day.
Two indexes take the place of others that have one column less.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

KNOWN_BY = ("organization", "web_host", "mail_host")
COUNTED = ["state", "organization_kind", "status"]
IS_OPEN = sa.text("done_on IS NULL AND dropped_on IS NULL AND due_on >= submitted_on")


def upgrade() -> None:
    for name in KNOWN_BY:
        op.add_column("search_entry", sa.Column(name, sa.String()))
        op.create_index(f"ix_search_entry_{name}", "search_entry", [name, "submission_id"])
    op.create_index("ix_submission_sums", "submission", [*COUNTED, "id"])
    op.drop_index("ix_submission_counts", "submission")
    op.create_index("ix_event_at_kind", "event", ["at", "kind"])
    op.drop_index("ix_event_at", "event")
    op.create_index(
        "ix_promise_open", "promise", ["due_on", "submission_id", "id"],
        postgresql_where=IS_OPEN, sqlite_where=IS_OPEN,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_promise_open", "promise")
    op.create_index("ix_event_at", "event", ["at"])
    op.drop_index("ix_event_at_kind", "event")
    op.create_index("ix_submission_counts", "submission", COUNTED)
    op.drop_index("ix_submission_sums", "submission")
    for name in KNOWN_BY:
        op.drop_index(f"ix_search_entry_{name}", "search_entry")
        op.drop_column("search_entry", name)
