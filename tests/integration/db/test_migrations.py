"""Tests of the migrations."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, select

from tests.conftest import create_database, postgres_url
from tests.factories import add_submission
from wizard import create_app
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT
from wizard.submissions.listing import index_columns


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_migrated_schema_matches_models(app):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
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


def test_first_migration_creates_instance_folder(tmp_path):
    app = create_app({"INSTANCE_PATH": str(tmp_path / "a" / "b")})
    assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
    assert not (tmp_path / "a" / "b" / "secret_key").exists()
