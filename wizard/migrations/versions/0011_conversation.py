"""What happens after a submission: events, versions, proposed changes and contacts.

The version before reads none of the new tables. It does not know the new statuses and kinds of
messages either: it shows their codes, and leaves such messages to this one after a failed attempt.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

moment = sa.DateTime(timezone=True)


def submission_id(unique: bool = False) -> sa.Column[int]:
    key = sa.ForeignKey("submission.id", ondelete="CASCADE")
    return sa.Column("submission_id", sa.Integer(), key, nullable=False, unique=unique)


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), primary_key=True),
        submission_id(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
    )
    op.create_index("ix_event_submission_id", "event", ["submission_id"])
    op.create_table(
        "submission_version",
        sa.Column("id", sa.Integer(), primary_key=True),
        submission_id(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("flow", sa.String(), nullable=False, server_default="commitment"),
        sa.Column("flow_version", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("replaced_at", moment, nullable=False),
        sa.UniqueConstraint("submission_id", "number"),
    )
    op.create_index("ix_submission_version_submission_id", "submission_version", ["submission_id"])
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), primary_key=True),
        submission_id(unique=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("opened", sa.JSON(), nullable=False),
        sa.Column("flow", sa.String(), nullable=False, server_default="commitment"),
        sa.Column("flow_version", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("completed_steps", sa.JSON(), nullable=False),
        sa.Column("saves", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("expires_at", moment),
        sa.Column("reminded_at", moment),
        sa.Column("sent_at", moment),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), primary_key=True),
        submission_id(),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("confirmed_at", moment),
    )
    op.create_index("ix_contact_submission_id", "contact", ["submission_id"])
    op.create_index("ix_contact_email", "contact", [sa.text("lower(email)")])
    for name in ("first_published_at", "updated_at", "withdrawal_requested_at"):
        op.add_column("submission", sa.Column(name, moment))
    for name in ("answers_version", "link_version"):
        column = sa.Column(name, sa.Integer(), nullable=False, server_default="1")
        op.add_column("submission", column)
    op.add_column("message", sa.Column("event_id", sa.Integer()))
    op.add_column("message", sa.Column("version", sa.Integer()))
    op.add_column("message", sa.Column("words", sa.Text()))


def downgrade() -> None:
    for name in ("words", "version", "event_id"):
        op.drop_column("message", name)
    for name in ("link_version", "answers_version", "withdrawal_requested_at", "updated_at",
                 "first_published_at"):  # fmt: skip
        op.drop_column("submission", name)
    for table in ("contact", "proposal", "submission_version", "event"):
        op.drop_table(table)
