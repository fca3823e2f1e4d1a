"""The language in which a draft was last answered, and a submission was given.

With a default of the store's own: a process of the version before goes on serving meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = ("draft", "submission")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(
            table, sa.Column("language", sa.String(), nullable=False, server_default="en")
        )


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("language")
