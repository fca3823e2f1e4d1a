"""Tests of rows of another version of the program or of the flow."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from tests.conftest import load_case
from tests.factories import add_submission
from wizard import clock
from wizard.apply import drafts
from wizard.db.engine import db, reading, writing
from wizard.db.models import Draft, Submission
from wizard.flows.commitment import COMMITMENT


def rename_city(answers, completed_steps):
    renamed = {"place" if name == "city" else name: value for name, value in answers.items()}
    return renamed, (*completed_steps, "added")


@pytest.fixture
def newer(make_app):
    """Create a program of the next version of the commitment."""
    version, upgrades = COMMITMENT.version, {**COMMITMENT.upgrades, COMMITMENT.version: rename_city}
    return make_app(flow=replace(COMMITMENT, version=version + 1, upgrades=upgrades))


def add_row_of_version_before(app, model, **columns) -> None:
    """Insert a row by the columns that the version before knows."""
    table = model.__table__
    known = [column for column in table.columns if column.name not in ("flow", "reference")]
    with app.app_context(), writing() as session:
        session.connection().execute(
            insert(db.Table(table.name, db.MetaData(), *(each._copy() for each in known))), columns
        )


def test_row_of_version_before_belongs_to_the_commitment(app):
    draft = {"answers": load_case("agency"), "posted": ["kind"], "flow_version": 1}
    add_row_of_version_before(app, Draft, **draft)
    with app.app_context():
        found = db.session.scalars(select(Draft)).one()
        assert found.flow == "commitment"
        assert drafts.find(found.id) is found


def test_deferred_answers_are_upgraded_once(app, newer):
    reference = add_submission(app)
    with newer.app_context(), reading() as session:
        rows = select(Submission).where(Submission.reference == reference)
        found = session.scalars(rows.options(db.defer(Submission.answers))).one()
        assert found.party == "Orlando Police Department"
        assert "place" in found.answers
        session.refresh(found, ["status"])
        session.refresh(found)
        assert "place" in found.answers and "city" not in found.answers


def test_reading_an_older_draft_writes_nothing(app, newer):
    with app.app_context(), writing() as session:
        session.add(Draft(flow_version=1, answers={"city": "Orlando"}, completed_steps=["kind"]))
    with newer.app_context(), writing() as session:
        found = session.scalars(select(Draft)).one()
        assert (found.answers, found.completed_steps) == ({"place": "Orlando"}, ["kind", "added"])
        found.reminded_at = clock.now()
    with app.app_context():
        stored = db.session.scalars(select(Draft)).one()
        assert (stored.flow_version, stored.answers) == (1, {"city": "Orlando"})
        assert stored.completed_steps == ["kind"]
