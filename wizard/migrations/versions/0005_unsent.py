"""An index of just the messages that are not sent."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    unsent = sa.text("sent_at IS NULL")
    op.create_index(
        "ix_outbox_unsent",
        "outbox_message",
        ["due_at"],
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
    op.drop_index("ix_outbox_message_due_at", "outbox_message")


def downgrade() -> None:
    op.create_index("ix_outbox_message_due_at", "outbox_message", ["due_at"])
    op.drop_index("ix_outbox_unsent", "outbox_message")
