"""The last event of somebody else beside the last one that a person saw of a case.

A trigger keeps it, also for what the previous version stores. That version stores views without
it, which count as unchanged until the next event.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

HAS_CHANGED = sa.text("last_event_id > event_id")
UPDATE = """UPDATE case_view SET last_event_id = new.id WHERE submission_id = new.submission_id
    AND user_id NOT IN (SELECT id FROM staff_user WHERE email = new.actor);"""
SQLITE = f"CREATE TRIGGER event_insert AFTER INSERT ON event BEGIN {UPDATE} END"
POSTGRESQL = (
    f"""CREATE FUNCTION update_case_views() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN {UPDATE} RETURN NULL; END $$""",
    """CREATE TRIGGER event_insert AFTER INSERT ON event
    FOR EACH ROW EXECUTE FUNCTION update_case_views()""",
)
FILL = """UPDATE case_view SET last_event_id = (SELECT max(event.id) FROM event
    WHERE event.submission_id = case_view.submission_id AND event.actor !=
    (SELECT email FROM staff_user WHERE staff_user.id = case_view.user_id))"""


def upgrade() -> None:
    op.add_column("case_view", sa.Column("last_event_id", sa.Integer()))
    for statement in (SQLITE,) if is_sqlite() else POSTGRESQL:
        op.execute(statement)
    op.execute(FILL)
    op.create_index(
        "ix_case_view_changed",
        "case_view",
        ["user_id", "submission_id"],
        postgresql_where=HAS_CHANGED,
        sqlite_where=HAS_CHANGED,
    )


def downgrade() -> None:
    op.drop_index("ix_case_view_changed", "case_view")
    op.execute("DROP TRIGGER event_insert" + ("" if is_sqlite() else " ON event"))
    if not is_sqlite():
        op.execute("DROP FUNCTION update_case_views()")
    op.drop_column("case_view", "last_event_id")


def is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
