"""Tests of rows of another version of the program or of the flow."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from tests.complete_form import complete_form
from tests.conftest import load_case, without_ids
from tests.factories import add_submission
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.apply import drafts
from wizard.db.engine import db, reading, writing
from wizard.db.models import Draft, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.groups import derive_entry_id
from wizard.submissions import proposals, versions
from wizard.submissions.cases import locked_case


def rename_city(answers, completed_steps):
    renamed = {"place" if name == "city" else name: value for name, value in answers.items()}
    return renamed, (*completed_steps, "added")


@pytest.fixture
def newer(make_app):
    """Create a program of the next version of the commitment."""
    version, upgrades = COMMITMENT.version, {**COMMITMENT.upgrades, COMMITMENT.version: rename_city}
    return make_app(flow=replace(COMMITMENT, version=version + 1, upgrades=upgrades))


def add_row_of_version_before(app, model, **columns) -> None:
    """Insert a row by the columns that the previous version knows."""
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


def test_older_proposal_and_version_are_upgraded_once(app, newer):
    reference = add_submission(app)
    with app.app_context(), locked_case(reference) as submission:
        proposals.request_changes(submission, {"contact": "Whom?"}, Actor("editor@example.gov"))
        answers = {**submission.answers, "contact_name": "Ann", "authorized": True}
        journey = proposals.build_journey(submission, (), answers, COMMITMENT.steps)
        versions.store_version(submission, journey)
    for _ in range(2):
        with newer.app_context(), locked_case(reference) as submission:
            proposal = proposals.find_proposal(submission, lock=True)
            assert "place" in proposal.answers and "city" not in proposal.answers
            assert proposal.completed_steps.count("added") == 1
            older, _ = versions.list_versions(submission)
            assert "place" in older.answers and "city" not in older.answers


def read_entries(app, model) -> list[dict]:
    """Return the data sets of the only row, as the program reads them."""
    with app.app_context():
        return db.session.scalars(select(model)).one().answers["data_sets"]


def stored_answers(app, model) -> dict:
    """Return the answers of the only row, as they are stored."""
    with app.app_context(), db.engine.connect() as connection:
        return connection.scalar(select(model.answers))


def test_entries_without_ids_get_them_when_they_are_read(app, make_app):
    reference = add_submission(app)
    ids = [derive_entry_id(reference, "data_sets", place) for place in range(4)]
    for program in (app, make_app()):
        assert [entry["id"] for entry in read_entries(program, Submission)] == ids
        assert without_ids(stored_answers(app, Submission)) == stored_answers(app, Submission)


def test_next_save_stores_the_ids_that_were_read(app, client):
    page = complete_form(client, load_case("agency"), until="review")
    with app.app_context(), writing() as session:
        draft = session.scalars(select(Draft)).one()
        draft_id, draft.answers = draft.id, without_ids(draft.answers)
    ids = [derive_entry_id(str(draft_id), "data_sets", place) for place in range(4)]
    assert [entry["id"] for entry in read_entries(app, Draft)] == ids
    path = page.path.replace("review", "data_sets")
    client.send(path, client.page(path).values() | {"data_sets-1-title": "Another"})
    stored = stored_answers(app, Draft)["data_sets"]
    assert [entry["id"] for entry in stored] == ids
    assert stored[1]["title"] == "Another"


def test_rows_of_another_flow_are_read_as_they_are(app, make_app):
    add_submission(app)
    other = make_app(flow=replace(COMMITMENT, name="other"))
    assert not any("id" in entry for entry in read_entries(other, Submission))
