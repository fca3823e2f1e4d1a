"""Names of staff, when they signed in last, and the links by which they join or begin anew.

The version before shows addresses alone, and leaves messages with such links to this one after a
failed attempt.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "staff_link",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("staff_user.id", ondelete="CASCADE")),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sets_password", sa.Boolean(), nullable=False),
        sa.Column("sets_second_factor", sa.Boolean(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment),
        sa.Column("revoked_at", moment),
    )
    op.create_index("ix_staff_link_email", "staff_link", ["email"])
    op.create_index("ix_staff_link_user_id", "staff_link", ["user_id"])
    op.add_column("staff_user", sa.Column("name", sa.String(), nullable=False, server_default=""))
    op.add_column("staff_user", sa.Column("signed_in_at", moment))
    op.add_column("message", sa.Column("link_id", sa.Uuid()))


def downgrade() -> None:
    op.drop_column("message", "link_id")
    op.drop_column("staff_user", "signed_in_at")
    op.drop_column("staff_user", "name")
    op.drop_table("staff_link")
