"""An index by which the messages to one address are found among all of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index(
        "ix_outbox_recipient",
        "outbox_message",
        [sa.text("lower(recipient)"), sa.text("created_at")],
    )
    op.drop_index("ix_outbox_message_created_at", "outbox_message")


def downgrade() -> None:
    op.create_index("ix_outbox_message_created_at", "outbox_message", ["created_at"])
    op.drop_index("ix_outbox_recipient", "outbox_message")
