"""What a draft needs so that nothing typed is lost: saves by page, resume links, reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("draft") as draft:
        draft.add_column(sa.Column("saves", sa.JSON(), nullable=False, server_default="{}"))
        draft.add_column(
            sa.Column("link_version", sa.Integer(), nullable=False, server_default="1")
        )
        draft.add_column(sa.Column("mailed_to", sa.String()))
        draft.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True)))
    with op.batch_alter_table("outbox_message") as message:
        message.add_column(
            sa.Column(
                "draft_id",
                sa.Uuid(),
                sa.ForeignKey("draft.id", ondelete="CASCADE", name="outbox_message_draft_id_fkey"),
            )
        )
        message.create_index("ix_outbox_message_draft_id", ["draft_id"])


def downgrade() -> None:
    with op.batch_alter_table("outbox_message") as message:
        message.drop_index("ix_outbox_message_draft_id")
        message.drop_constraint("outbox_message_draft_id_fkey", type_="foreignkey")
        message.drop_column("draft_id")
    with op.batch_alter_table("draft") as draft:
        for name in ("reminded_at", "mailed_to", "link_version", "saves"):
            draft.drop_column(name)
