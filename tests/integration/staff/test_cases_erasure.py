"""Tests that an erasure leaves nothing, also one by the previous version."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from tests.client import case_references
from tests.factories import (
    add_conversation,
    add_submission,
    audit_events,
    events_of,
    staff_client,
)
from tests.integration.public.conftest import update_columns
from wizard import clock
from wizard.accounts import audit
from wizard.accounts.audit import Actor
from wizard.config import sqlite
from wizard.db import engine
from wizard.db.engine import db, writing
from wizard.db.models import (
    CASE_STATUSES,
    Contact,
    MailMessage,
    OutboxMessage,
    Proposal,
    Report,
    StaffNote,
    Submission,
    SubmissionVersion,
)
from wizard.ops.serve import DailyJobs
from wizard.staff import cases, erasure
from wizard.submissions import cases as submission_cases
from wizard.submissions import colleagues, events, search


def stored_text(app, reference: str) -> str:
    """Return everything that is stored about a submission, as text."""
    with app.app_context(), db.engine.connect() as connection:
        submission = Submission.__table__
        is_it = submission.c.reference == reference
        (found,) = connection.execute(select(submission).where(is_it)).all()
        tables = [each for each in db.metadata.sorted_tables if "submission_id" in each.c]
        about = [
            tuple(row)  # a row itself shows the first 300 characters of each value
            for each in tables
            for row in connection.execute(select(each).where(each.c.submission_id == found.id))
        ]
    return f"{tuple(found)} {about}"


TOLD_AFTERWARDS = (Contact, MailMessage, Proposal, Report, StaffNote, SubmissionVersion)


@pytest.mark.parametrize("status", CASE_STATUSES)
def test_erase_empties_every_table(app, status):
    reference, other = add_submission(app, status=status), add_submission(app)
    for each in (reference, other):
        add_conversation(app, each, "whisper")
    update_columns(app, reference, withdrawal_requested_at=clock.now())
    intact = stored_text(app, other)
    with app.app_context():
        erasure.erase(reference, Actor("editor"))
        kept = submission_cases.find_by_reference(reference)
        assert kept.status not in ("received", "in_review", "changes_requested", "published")
        assert kept.withdrawal_requested_at is None
        assert events_of(app, "erased")[0].submission_id == kept.id
        for table in TOLD_AFTERWARDS:
            assert db.session.scalar(select(func.count()).select_from(table)) == 1, table
    assert "whisper" not in stored_text(app, reference)
    assert stored_text(app, other) == intact
    kinds = [event.kind for event in events_of(app) if event.submission_id == kept.id]
    assert kinds[0] == "changes_requested" and kinds[-1] == "erased"


def test_erasure_is_on_audit_log(app, client):
    admin, reference = staff_client(app, "admin"), add_submission(app)
    admin.send(f"/staff/submissions/{reference}/erase")
    (row,) = admin.page("/staff/audit?action=erased").all(".list tbody tr")
    assert f"admin@example.gov deleted the answers of {reference} on request" in row.text
    (line,) = audit_events(app, "erased")
    assert (line.actor, line.subject, line.details) == ("admin@example.gov", reference, {})


def test_erasure_without_line_on_audit_log_is_undone(app, monkeypatch):
    def fail(*_) -> None:
        raise ValueError("no line")

    reference = add_submission(app)
    monkeypatch.setattr(erasure, "record", fail)
    with app.app_context():
        with pytest.raises(ValueError, match="no line"):
            erasure.erase(reference, Actor("admin"))
        assert submission_cases.find_by_reference(reference).erased_at is None


def test_erasure_is_told_once(app):
    reference, before = add_submission(app), add_submission(app)
    start = clock.now()
    erase_as_version_before(app, before)
    with app.app_context():
        erasure.erase(reference, Actor("admin"))
        for each in (reference, before):
            history = events.list_events(submission_cases.find_by_reference(each))
            assert [event.kind for event in history].count("erased") == 1
        assert events.count_events(start, clock.now() + timedelta(days=1))["erased"] == 2


def test_erased_case_is_never_unread(app, editor):
    erased, other = add_submission(app), add_submission(app)
    with app.app_context():
        erasure.erase(erased, Actor("admin"))
    for lists in ("", "sort=due&", "sort=changed&"):
        page = editor.page(f"/staff/submissions?{lists}seen=unread")
        assert case_references(page) == [other], lists
    with app.app_context():
        cases = [submission_cases.find_by_reference(each) for each in (erased, other)]
        assert colleagues.find_marks([each.id for each in cases]) == {cases[1].id: "unread"}


def erase_as_version_before(app, reference: str) -> None:
    """Erase a case as a process does that knows none of the new tables."""
    with app.app_context(), writing() as session:
        it = session.scalars(select(Submission).where(Submission.reference == reference)).one()
        for table in (MailMessage, OutboxMessage, Report, StaffNote):
            session.execute(delete(table).where(table.submission_id == it.id))
        of_it = update(Submission).where(Submission.id == it.id)
        session.execute(of_it.values(answers={}, erased_at=clock.now(), title="", search=""))
        audit.record(Actor("admin"), "erased", reference)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_erased_words_leave_the_log_after_another_process_read(app):
    reference = add_submission(app)
    with app.app_context():
        cases.add_note(reference, "Quetzalcoatl called.", Actor("editor"))
        path = db.engine.url.database
        other = sqlite.connect(path, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM submission").fetchone()
        began = time.monotonic()
        erasure.erase(reference, Actor("editor"))
        assert time.monotonic() - began < engine.WRITE_TIMEOUT_SECONDS / 2
        other.close()
        DailyJobs().run_due()
        assert b"Quetzalcoatl" not in Path(f"{path}-wal").read_bytes()


def test_leftovers_of_version_before_are_deleted(app, caplog):
    reference, other = add_submission(app, status="accepted"), add_submission(app)
    for each in (reference, other):
        add_conversation(app, each, "whisper")
    with app.app_context():
        search.index_stale()
    erase_as_version_before(app, reference)
    kept = stored_text(app, other).count("whisper")
    # The index of PostgreSQL has a word once.
    assert stored_text(app, reference).count("whisper") >= 10
    with app.app_context():
        DailyJobs().run_due()  # at start, and every day
        assert erasure.purge_after_erasure() == 0
        file = db.engine.url.database
    assert "whisper" not in stored_text(app, reference)
    assert stored_text(app, other).count("whisper") == kept
    left = [event for event in events_of(app) if event.data == {}]
    assert {event.kind for event in left} == {"changes_requested", "message_skipped"}
    if file and Path(file).exists():
        assert Path(f"{file}-wal").stat().st_size == 0
    assert "failed" not in caplog.text


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("note", {"text": "Late"}),
        ("assign", {"to": "editor@example.gov"}),
        ("assign", {"to": "nobody@example.gov"}),
        ("act", {"how": ""}),
    ],
)
def test_change_of_erased_case_is_refused_alike(app, editor, action, data):
    reference = add_submission(app)
    with app.app_context():
        erasure.erase(reference, Actor("admin@example.gov"))
    page = editor.send(f"/staff/submissions/{reference}/{action}", data)
    told = "These answers were deleted on request. You can’t change this submission."
    assert (page.status, page.errors()) == (422, {"case": told})
