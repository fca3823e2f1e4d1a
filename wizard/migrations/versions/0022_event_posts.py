"""The post that made an event, and the version of the case after it."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("event", sa.Column("post", sa.String()))
    op.add_column("event", sa.Column("lock_version", sa.Integer()))


def downgrade() -> None:
    op.drop_column("event", "lock_version")
    op.drop_column("event", "post")
