"""An index by which the messages of the last hour are found among all."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("ix_outbox_message_created_at", "outbox_message", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_outbox_message_created_at", "outbox_message")
