"""How often each member of staff gets a digest by email, and an index of events by their time.

The version before sends none. It writes events as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("staff_user", sa.Column("digest", sa.String(), nullable=False, server_default=""))
    op.add_column("staff_user", sa.Column("digest_on", sa.Date()))
    op.create_index("ix_event_at", "event", ["at"])


def downgrade() -> None:
    op.drop_index("ix_event_at", "event")
    op.drop_column("staff_user", "digest_on")
    op.drop_column("staff_user", "digest")
