"""Messages that are facts until they are sent: what each is about, and no text.

The table of texts stays, and so does what serves it: a program of the version before writes it
and sends from it meanwhile, and this one sends what is left there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "submission_id", sa.Integer(), sa.ForeignKey("submission.id", ondelete="CASCADE")
        ),
        sa.Column("draft_id", sa.Uuid(), sa.ForeignKey("draft.id", ondelete="CASCADE")),
        sa.Column("message_id", sa.String(), nullable=False, unique=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("next_attempt_at", moment, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String()),
        sa.Column("sent_at", moment),
        sa.Column("failed_at", moment),
    )
    op.create_index("ix_message_submission_id", "message", ["submission_id"])
    op.create_index("ix_message_draft_id", "message", ["draft_id"])
    unsent = sa.text("sent_at IS NULL")
    op.create_index(
        "ix_message_unsent",
        "message",
        ["next_attempt_at"],
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
    op.create_index(
        "ix_message_recipient", "message", [sa.text("lower(recipient)"), sa.text("created_at")]
    )


def downgrade() -> None:
    op.drop_table("message")
