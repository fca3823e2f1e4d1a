"""The staff side: the case of a submission, people, sessions, tokens and the audit log."""

import json
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

moment = sa.DateTime(timezone=True)
REPEATED = ("organization_kind", "organization_name", "city", "state", "commitment_title")
SEARCHED = ("organization_name", "city", "commitment_title")
LISTED = (
    "submitted_at", "reference", "status", "branch", "organization_kind", "state", "programs",
    "search",
)  # fmt: skip
COUNTED = ("state", "organization_kind", "status")


def upgrade() -> None:
    with op.batch_alter_table("submission") as submission:
        submission.add_column(
            sa.Column("status", sa.String(), nullable=False, server_default="received")
        )
        submission.add_column(
            sa.Column("version", sa.Integer(), nullable=False, server_default="1")
        )
        submission.add_column(sa.Column("published_at", moment))
        submission.add_column(sa.Column("erased_at", moment))
        for name in (*REPEATED, "programs", "search"):
            submission.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        submission.drop_index("ix_submission_submitted_at")
        submission.create_index("ix_submission_list", LISTED)
        submission.create_index("ix_submission_counts", COUNTED)
    _repeat_answers()
    _create_staff()


def _repeat_answers() -> None:
    """Fills the new columns of the submissions that are there, by the flow of version 1."""
    names = ("id", "reference", "branch", "answers", *REPEATED, "programs", "search")
    table = sa.table("submission", *(sa.column(name) for name in names))
    connection = op.get_bind()
    for row in connection.execute(sa.select(table)).all():
        given = row.answers if isinstance(row.answers, dict) else json.loads(row.answers)
        shown = {name: given.get(name, "") for name in REPEATED}
        programs = set(given.get("programs", ()))
        if row.branch == "jurisdiction":
            programs.add("police_data_initiative")
        if given.get("opportunity_actions"):
            programs.add("opportunity_project")
        words = [row.reference, *(shown[name] for name in SEARCHED)]
        text = unicodedata.normalize("NFKD", " ".join(words))
        text = "".join(char for char in text if not unicodedata.combining(char)).casefold()
        connection.execute(
            sa.update(table)
            .where(table.c.id == row.id)
            .values(**shown, programs=";".join(sorted(programs, reverse=True)), search=text[:480])
        )


def _create_staff() -> None:
    op.create_table(
        "staff_note",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "submission_id",
            sa.Integer(),
            sa.ForeignKey("submission.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("written_at", moment, nullable=False),
    )
    op.create_table(
        "staff_user",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("email", sa.String(), nullable=False, unique=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("totp_secret", sa.String()),
        sa.Column("totp_step", sa.Integer(), nullable=False),
        sa.Column("recovery_codes", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("disabled_at", moment),
    )
    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column(
            "user_id",
            sa.Integer(),
            sa.ForeignKey("staff_user.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("seen_at", moment, nullable=False),
    )
    op.create_table(
        "sign_in_throttle",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", moment, nullable=False),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("token_hash", sa.String(), nullable=False, unique=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment),
        sa.Column("revoked_at", moment),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", moment, nullable=False, index=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False, index=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
    )


def downgrade() -> None:
    for name in ("audit_event", "api_token", "sign_in_throttle", "staff_session", "staff_user",
                 "staff_note"):  # fmt: skip
        op.drop_table(name)
    with op.batch_alter_table("submission") as submission:
        submission.drop_index("ix_submission_counts")
        submission.drop_index("ix_submission_list")
        submission.create_index("ix_submission_submitted_at", ["submitted_at"])
        for name in ("status", "version", "published_at", "erased_at", *REPEATED, "programs",
                     "search"):  # fmt: skip
            submission.drop_column(name)
