"""The migrations make what the models say, and can be undone."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, select

from tests.conftest import create_database, postgres_url
from tests.staff import add_submission
from wizard import clock, create_app
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT
from wizard.notify import outbox
from wizard.submissions.listing import index_columns


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_the_migrated_store_is_what_the_models_declare(app):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_messages_of_a_day_to_one_address_are_found_by_an_index_made_for_it(app):
    with app.app_context():
        for table, index in zip(outbox.TABLES, ("outbox", "message"), strict=True):
            query = outbox.recent_count(table, "desk@example.org", clock.now(), "draft_id")
            compiled = query.compile(db.engine)
            plan = db.session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {compiled}", tuple(map(str, compiled.params.values()))
            )
            expected = f"INDEX ix_{index}_recipient (<expr>=? AND created_at>?)"
            assert expected in plan.one().detail
        db.session.remove()


def test_a_migration_can_be_undone_and_done_again(app):
    with app.app_context():
        downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        upgrade()
        assert "submission" in inspect(db.engine).get_table_names()
        db.engine.dispose()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_name_is_refused_with_the_way_out(
    postgres, tmp_path, caplog, encoding
):
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
def test_submissions_from_before_the_staff_side_are_found_in_its_list(app, case):
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
