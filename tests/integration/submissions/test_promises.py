"""Tests of the stored promises."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from tests.conftest import advance_clock
from tests.examples import examples
from tests.factories import add_published, add_submission
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.engine import db, reading, writing
from wizard.db.models import Report, Submission
from wizard.db.promises import Progress, Promise
from wizard.forms import promises as core
from wizard.submissions.cases import change_status, locked_case
from wizard.submissions.promises import list_promises, state_column, store_missing
from wizard.submissions.versions import replace_answers
from wizard.web.current import current_flow

STAFF = Actor("staff@example.org", kind="staff")
TODAY = date(2027, 6, 15)
DAYS = st.dates(date(2027, 4, 1), date(2027, 8, 30))


def promises_of(reference: str) -> list[core.Promise]:
    query = select(Submission.id).where(Submission.reference == reference)
    with reading() as session:
        (found,) = list_promises([session.scalars(query).one()]).values()
    return found


def test_promises_follow_every_version(app):
    reference = add_published(app)
    with app.app_context():
        before = promises_of(reference)
        with locked_case(reference) as submission:
            kept, *others = submission.answers["data_sets"]
            moved = {**kept, "release_on": "2031-01-01"}
            answers = {**submission.answers, "data_sets": [moved, *others[:-1]]}
            replace_answers(submission, current_flow(), answers)
        after = promises_of(reference)
        assert len(after) == len(before)
        assert after[0].due_on == date(2031, 1, 1)
        assert after[0].first_due_on == before[0].due_on
        (removed,) = [promise for promise in after if promise.place is None]
        assert removed.entry_id == others[-1]["id"]
        assert core.state_of(removed, TODAY) == "dropped"


def test_promise_before_publication_leaves_nothing(app):
    reference = add_submission(app, "agency")
    with app.app_context():
        with locked_case(reference) as submission:
            entries = submission.answers["data_sets"][:-1]
            replace_answers(
                submission, current_flow(), {**submission.answers, "data_sets": entries}
            )
        found = promises_of(reference)
        assert {promise.place is None for promise in found} == {False}
        assert {promise.first_due_on == promise.due_on for promise in found} == {True}


def test_rows_of_a_version_before_are_written_once(app):
    reference = add_published(app)
    with app.app_context():
        expected = promises_of(reference)
        with writing() as session:
            session.execute(delete(Promise))
            session.execute(update(Submission).values(promises_at=None))
        assert store_missing() == 1
        assert promises_of(reference) == expected
        assert store_missing() == 0


def test_old_report_is_read_once_a_version_before_decided_on_it(app):
    reference = add_published(app)
    with app.app_context():
        with writing() as session:
            submission = session.scalars(select(Submission)).one()
            session.add(
                Report(
                    submission_id=submission.id,
                    withdraws=False,
                    entries={"data_sets": {"0": {"done": True, "url": "https://example.org/a"}}},
                    approved=True,
                    decided_at=clock.now() + timedelta(seconds=1),
                )
            )
        assert store_missing() == 1
        first, *_ = promises_of(reference)
        assert (first.done_on, first.url) == (clock.today(), "https://example.org/a")


def add_delay(reference: str, entry_id: str, before: date, day: date, at: datetime) -> None:
    """Store an approved delay, as an earlier version that did not count it."""
    with writing() as session:
        of_it = select(Submission.id).where(Submission.reference == reference)
        row = Progress(submission_id=session.scalars(of_it).one(), entry_id=entry_id, day=day)
        row.outcome, row.promised_on, row.approved, row.reported_at = "delayed", before, True, at
        session.add(row)


def test_delay_that_a_version_before_missed_is_read_the_next_day(app, monkeypatch):
    reference, at = add_published(app), clock.now()
    with app.app_context():
        first, *_ = promises_of(reference)
        later, latest = (first.due_on + timedelta(days=days) for days in (30, 60))
        add_delay(reference, first.entry_id, first.due_on, later, at)
        assert store_missing() == 0
        add_delay(reference, first.entry_id, later, latest, at + timedelta(days=1))
        assert store_missing() == 0
        advance_clock(monkeypatch, days=1)
        assert store_missing() == 1
        assert promises_of(reference)[0].due_on == latest
        assert store_missing() == 0


def test_status_keeps_promises(app):
    reference = add_published(app)
    with app.app_context():
        before = promises_of(reference)
        with locked_case(reference) as submission:
            change_status(submission, "accepted", STAFF)
        assert promises_of(reference) == before


@pytest.fixture
def published_app(app):
    """The program with one commitment."""
    add_published(app)
    return app


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(DAYS, DAYS, DAYS, st.none() | DAYS, st.none() | DAYS), min_size=1, max_size=30
    ),
    DAYS,
)
def test_database_says_the_same_state(published_app, rows, today):
    app = published_app
    names = ("due_on", "first_due_on", "submitted_on", "done_on", "dropped_on")
    with app.app_context():
        with writing() as session:
            session.execute(delete(Promise))
            submission_id = session.scalar(select(Submission.id))
            session.add_all(
                Promise(
                    submission_id=submission_id,
                    entry_id=str(number),
                    group="data_sets",
                    place=number,
                    title="",
                    topic="",
                    url="",
                    words="",
                    **dict(zip(names, days, strict=True)),
                )
                for number, days in enumerate(rows)
            )
        found = dict(db.session.execute(select(Promise.place, state_column(today))).all())
        (expected,) = list_promises([submission_id]).values()
        db.session.rollback()
    assert found == {promise.place: core.state_of(promise, today) for promise in expected}
