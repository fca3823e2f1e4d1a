"""An index by which the messages to one address are found among all of a day.

That of 0007 serves no other purpose. It stays while a program that needs it may still be running,
and is for the next migration to drop.
"""

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


def downgrade() -> None:
    op.drop_index("ix_outbox_recipient", "outbox_message")
