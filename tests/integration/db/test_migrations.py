"""Tests of the migrations."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import MetaData, Table, delete, insert, inspect, select

from tests.complete_form import complete_form
from tests.conftest import create_database, postgres_url
from tests.factories import add_old_failure, add_published, add_submission, staff_client
from wizard import create_app
from wizard.accounts.audit import Actor
from wizard.db.accounts import CaseView
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.db.version import is_declared
from wizard.flows.commitment import COMMITMENT
from wizard.staff.cases import add_note
from wizard.submissions.listing import index_columns


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_migrated_schema_matches_models(app):
    options = {"compare_type": True, "include_name": is_declared}
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, db.metadata) == []


def test_downgrade_and_upgrade_succeed(app):
    with app.app_context():
        downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        upgrade()
        assert "submission" in inspect(db.engine).get_table_names()
        db.engine.dispose()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_non_unicode_database_is_refused(postgres, tmp_path, caplog, encoding):
    create_database(postgres, f"{encoding} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    url = postgres_url(postgres, encoding.lower())
    app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(tmp_path)})
    with app.app_context():
        with pytest.raises(SystemExit):
            upgrade()
        assert f"The database is in {encoding}" in caplog.text
        assert "createdb --encoding=UTF8" in caplog.text
        assert inspect(db.engine).get_table_names() == []
        db.engine.dispose()


def test_unknown_revision_is_refused(app, caplog):
    for revision in ("", "9999"):
        assert app.test_cli_runner().invoke(args=["db", "upgrade", revision]).exit_code == 1
        assert caplog.messages.pop().startswith("Error: ")


@pytest.mark.parametrize("case", ["agency", "partner"])
def test_migration_fills_list_columns(app, case):
    reference = add_submission(app, case, organization_name="Peñasco Verde")
    with app.app_context():
        downgrade(revision="0002")
        db.engine.dispose()
        upgrade()
        found = db.session.scalars(select(Submission)).one()
        expected = index_columns(COMMITMENT, reference, found.answers)
        assert {name: getattr(found, name) for name in expected} == expected
        assert (found.status, found.lock_version) == ("received", 1)
        db.session.remove()
        db.engine.dispose()


def test_migration_fills_last_events_of_others(app):
    references = [add_submission(app) for _ in range(3)]
    editor = staff_client(app, "editor")
    for each in references:
        editor.page(f"/staff/submissions/{each}")
    with app.app_context():
        for each, name in zip(references, ("bob", "editor"), strict=False):
            add_note(each, "Called them.", Actor(f"{name}@example.gov"))
        query = select(CaseView.submission_id, CaseView.event_id, CaseView.last_event_id)
        query = query.order_by(CaseView.id)
        kept = db.session.execute(query).all()
        assert [(row.last_event_id or 0) > row.event_id for row in kept] == [True, False, False]
        db.session.remove()
        downgrade(revision="0023")
        db.engine.dispose()
        upgrade()
        assert db.session.execute(query).all() == kept
        db.session.remove()
        db.engine.dispose()


def test_first_migration_creates_instance_folder(tmp_path):
    app = create_app({"INSTANCE_PATH": str(tmp_path / "a" / "b")})
    assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
    assert not (tmp_path / "a" / "b" / "secret_key").exists()


LAST_THAT_CHANGED = "0004"
"""The last migration of the time before the first version, when they still changed columns."""


@pytest.fixture
def unmigrated(tmp_path):
    """Create a program on a database that was never migrated."""
    app = create_app({"INSTANCE_PATH": str(tmp_path / "unmigrated")})
    with app.app_context():
        yield app
        db.engine.dispose()


def revisions(app) -> list[str]:
    """Return the revisions of the program, oldest first."""
    scripts = ScriptDirectory(f"{app.root_path}/migrations")
    return [script.revision for script in scripts.walk_revisions()][::-1]


def schema():
    """Return the columns of every table, and what must be unique in it."""
    found = inspect(db.engine)
    columns = {
        (table, column["name"]): (str(column["type"]), column["nullable"], column["default"])
        for table in found.get_table_names()
        for column in found.get_columns(table)
    }
    unique = {
        (table, *sorted(each["column_names"]))
        for table in found.get_table_names()
        for each in (*found.get_unique_constraints(table), *found.get_indexes(table))
        if each.get("unique", True)
    }
    return columns, unique


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_migrations_only_add(unmigrated):
    """A server of the previous version reads and writes by the columns that it knows."""
    known = revisions(unmigrated)
    upgrade(revision=LAST_THAT_CHANGED)
    before, unique_before = schema()
    for revision in known[known.index(LAST_THAT_CHANGED) + 1 :]:
        upgrade(revision=revision)
        after, unique = schema()
        tables = {table for table, _ in before}
        assert {name: after.get(name) for name in before} == before, revision
        assert {each for each in unique if each[0] in tables} <= unique_before, revision
        for (table, name), (_, nullable, default) in after.items():
            if table in tables and (table, name) not in before:
                assert nullable or default is not None, f"{revision}: {table}.{name}"
        before, unique_before = after, unique


def stored_rows(known):
    """Return every row by table that the previous version knows, with the columns of this version.

    New columns that may be empty are left out.
    """
    columns = {
        table.name: [
            column
            for column in table.columns
            if (table.name, column.name) in known or not column.nullable
        ]
        for table in db.metadata.sorted_tables
        if table.name in {of for of, _ in known}
    }
    with db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(*shown)).all()))
            for name, shown in columns.items()
        }


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_rows_of_version_before_are_read_right(app, client, unmigrated, case):
    """Insert every row again as a server of the previous version would after the migration."""
    upgrade(revision=revisions(unmigrated)[-2])
    known, _ = schema()
    reference = add_published(app)
    staff = staff_client(app, "viewer")
    add_old_failure(app)
    complete_form(client, case)
    with app.app_context():
        before = stored_rows(known)
        with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            tables = [
                Table(
                    table.name,
                    MetaData(),
                    autoload_with=connection,
                    resolve_fks=False,
                    include_columns=[name for of, name in known if of == table.name],
                )
                for table in db.metadata.sorted_tables
                if table.name in {of for of, _ in known}
            ]
            rows = [connection.execute(select(table)).mappings().all() for table in tables]
            for table in reversed(tables):
                connection.execute(delete(table))
            for table, found in zip(tables, rows, strict=True):
                for row in found:
                    connection.execute(insert(table), dict(row))
        assert stored_rows(known) == before
    assert client.get(f"/commitments/{reference}").status_code == 200
    assert staff.get(f"/staff/submissions/{reference}").status_code == 200
    assert reference in staff.get("/staff/submissions").text
