"""The words by which submissions are found; `serve` fills them in at its start.

SQLite has an index of the public words and one of the staff's as virtual tables, which triggers
keep. The version before does not know the table: what it stores is indexed by the daily job.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0013"
down_revision = "0012"

NAMES = ("public", "staff")
SECURE_SINCE = (3, 42)
"""The version of SQLite that can overwrite what is deleted from such an index."""
ADD = "INSERT INTO search_NAME (rowid, NAME) VALUES (new.submission_id, new.NAME);"
REMOVE = (
    "INSERT INTO search_NAME (search_NAME, rowid, NAME)"
    " VALUES ('delete', old.submission_id, old.NAME);"
)
STATEMENTS = (
    """CREATE VIRTUAL TABLE search_NAME USING fts5(NAME, content='search_entry',
    content_rowid='submission_id', columnsize=0,
    tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'")""",
    f"""CREATE TRIGGER search_NAME_insert AFTER INSERT ON search_entry BEGIN {ADD} END""",
    f"""CREATE TRIGGER search_NAME_delete AFTER DELETE ON search_entry BEGIN {REMOVE} END""",
    f"""CREATE TRIGGER search_NAME_update AFTER UPDATE OF NAME ON search_entry
    BEGIN {REMOVE} {ADD} END""",
)
SECURE = "INSERT INTO search_NAME (search_NAME, rank) VALUES ('secure-delete', 1)"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    words = sa.Text() if is_sqlite else TSVECTOR()
    op.create_table(
        "search_entry",
        sa.Column("submission_id", sa.Integer(), sa.ForeignKey("submission.id", ondelete="CASCADE"),
                  primary_key=True),
        *(sa.Column(name, words, nullable=False) for name in NAMES),
        *(sa.Column(name, sa.Integer(), nullable=False)
          for name in ("format", "lock_version", "event_id", "note_id")),
    )  # fmt: skip
    for name in NAMES:
        if is_sqlite:
            _create_index(name)
        else:
            op.create_index(
                f"ix_search_entry_{name}", "search_entry", [name], postgresql_using="gin"
            )


def _create_index(name: str) -> None:
    connection = op.get_bind()
    version = connection.scalar(sa.text("SELECT sqlite_version()"))
    is_secure = tuple(map(int, version.split("."))) >= SECURE_SINCE
    for statement in (*STATEMENTS, *([SECURE] if is_secure else [])):
        connection.exec_driver_sql(statement.replace("NAME", name))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in NAMES:
            op.execute(f"DROP TABLE search_{name}")
    op.drop_table("search_entry")
