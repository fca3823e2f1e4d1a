"""What the organization of a submission is known by, and indexes for what the office counts.

The version before leaves the new columns empty; `serve` fills them in at its start and each day.
An index of events by time and kind takes the place of that by time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

KNOWN_BY = ("organization", "web_host", "mail_host")
IS_OPEN = sa.text("done_on IS NULL AND dropped_on IS NULL")


def upgrade() -> None:
    for name in KNOWN_BY:
        op.add_column("search_entry", sa.Column(name, sa.String()))
        op.create_index(f"ix_search_entry_{name}", "search_entry", [name, "submission_id"])
    op.create_index("ix_event_at_kind", "event", ["at", "kind"])
    op.drop_index("ix_event_at", "event")
    op.create_index(
        "ix_promise_open", "promise", ["due_on", "submission_id", "submitted_on"],
        postgresql_where=IS_OPEN, sqlite_where=IS_OPEN,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_promise_open", "promise")
    op.create_index("ix_event_at", "event", ["at"])
    op.drop_index("ix_event_at_kind", "event")
    for name in KNOWN_BY:
        op.drop_index(f"ix_search_entry_{name}", "search_entry")
        op.drop_column("search_entry", name)
