"""Which flow the answers of a draft or a submission belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for table in ("draft", "submission"):
        name = sa.Column("flow", sa.String(), nullable=False, server_default="commitment")
        op.add_column(table, name)


def downgrade() -> None:
    for table in ("draft", "submission"):
        op.drop_column(table, "flow")
