"""Tests of progress reports by an organization, and of what is written during an erasure."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import select

from tests.complete_form import complete_form
from tests.factories import (
    add_old_report,
    add_old_withdrawal,
    add_published,
    add_submission,
    events_of,
    staff_client,
    update_client,
    update_path,
)
from wizard import clock
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.db.accounts import AuditEvent
from wizard.db.engine import db
from wizard.db.models import OutboxMessage, Report, StaffNote, Submission
from wizard.staff import cases, erasure
from wizard.submissions import contact_changes, reminders, withdrawals
from wizard.submissions.cases import CaseErased, locked_case

pytestmark = pytest.mark.second_store_slow

EDITOR = Actor("editor@example.gov")


NEWS = {
    "milestones": {
        "0": {"done": True, "url": "https://example.org/done"},
        "1": {"note": "The room is booked."},
    }
}


def test_approved_report_of_a_version_before_is_public(app, client):
    reference = add_published(app, "partner")
    number = add_old_report(app, reference, NEWS)
    editor = staff_client(app, "editor")
    assert "Progress update" in editor.page("/staff/").text("#requests")
    path = f"/staff/submissions/{reference}"
    assert "The room is booked." in editor.page(path).text("#reports")
    editor.send(f"{path}/report", {"report": number, "action": "approve"})
    public = client.page(f"/commitments/{reference}")
    assert "✓ Done" in public.all(".promise")[0].text
    assert "https://example.org/done" in str(public.response.data)
    assert "The room is booked." in public.text("main")
    assert [event.kind for event in events_of(app)] == ["progress_reported", "progress_approved"]
    assert editor.send(f"{path}/report", {"report": number, "action": "decline"}).status == 422


def test_declined_report_of_a_version_before_stays_hidden(app, client):
    reference = add_published(app, "partner")
    number = add_old_report(app, reference, NEWS)
    editor = staff_client(app, "editor")
    editor.send(f"/staff/submissions/{reference}/report", {"report": number, "action": "decline"})
    assert "The room is booked" not in client.page(f"/commitments/{reference}").text("main")


def test_old_withdrawal_request_is_decided_by_staff(app, client):
    reference = add_published(app)
    number = add_old_withdrawal(app, reference)
    editor = staff_client(app, "editor")
    path = f"/staff/submissions/{reference}"
    assert "wants to withdraw" in editor.page(path).text("#reports")
    editor.send(f"{path}/report", {"report": str(number), "action": "approve"})
    assert "withdr" in client.page(f"/commitments/{reference}").text("main").lower()
    assert "Withdrawn" in editor.page(path).text(".facts")


def test_update_page_needs_link_or_own_browser(app, client, case):
    receipt = complete_form(client, case)
    reference = receipt.text(".reference")
    path = f"/commitments/{reference}/update"
    assert client.page(path).status == 200
    stranger = app.test_client()
    for page in ("update/review", "reminders", "withdraw", "link", "contacts", "contacts/second"):
        address = f"/commitments/{reference}/{page}"
        assert stranger.get(address).status_code == 404
        assert (
            stranger.send(address, {"reason": "No staff", "action": "remove-second"}).status == 404
        )
    for page in ("yours", "yours.pdf"):
        assert stranger.get(f"/commitments/{reference}/{page}").status_code == 404
    altered = update_path(app, reference)[:-2]
    assert stranger.page(altered).status == 404
    assert stranger.page("/updates/%00").status == 404


def test_report_is_closed_until_accepted(app):
    reference = add_submission(app, "partner", status="received")
    page = update_client(app, reference).page(f"/commitments/{reference}/update")
    assert "once your commitment is accepted" in page.text("main")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("withdrawn", "Your commitment was withdrawn"),
        ("declined", "We didn’t accept your commitment"),
    ],
)
def test_report_on_closed_commitment_says_why(app, status, reason):
    reference = add_submission(app, "partner", status=status)
    shown = update_client(app, reference).page(f"/commitments/{reference}/update").text("main")
    assert reason in shown and "once your commitment is accepted" not in shown


def stored_state(app) -> list[list]:
    """Return the ids of rows about submissions, and the columns that a report changes."""
    with app.app_context():
        tables = (Report, StaffNote, OutboxMessage, AuditEvent)
        found = [list(db.session.scalars(select(table.id).order_by(table.id))) for table in tables]
        query = select(Submission.lock_version, Submission.wants_reminders, Submission.reminded_at)
        return [*found, list(map(tuple, db.session.execute(query)))]


WRITES = {
    "withdrawal": lambda it: withdrawals.request_withdrawal(it, "No staff", ORGANIZATION),
    "second contact": lambda it: contact_changes.name_second(
        it, "Ada", "ada@example.org", ORGANIZATION
    ),
    "reminders": lambda it: reminders.set_reminders(it, wanted=False),
    "status": lambda it: cases.decide(it, "in_review", 3, EDITOR),
    "note": lambda it: cases.add_note(it, "A note", EDITOR),
    "message": lambda it: cases.resend(it, 1, EDITOR),
    "decision": lambda it: cases.decide_report(it, 1, True, EDITOR),
    "erasure": lambda it: erasure.erase(it, EDITOR),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_write_after_erasure_stores_nothing(app, write):
    reference = add_published(app, "partner")
    with app.app_context():
        erasure.erase(reference, EDITOR)
    before = stored_state(app)
    with app.app_context(), pytest.raises(CaseErased):
        write(reference)
    assert stored_state(app) == before


@pytest.mark.parametrize("write", ["withdrawal", "second contact", "reminders"])
def test_write_during_erasure_waits_and_stores_nothing(app, write):
    reference = add_published(app, "partner")
    is_locked = Event()

    def erase() -> None:
        with app.app_context(), locked_case(reference) as submission:
            is_locked.set()
            time.sleep(0.3)
            submission.erased_at = clock.now()

    def write_meanwhile() -> None:
        is_locked.wait(10)
        with app.app_context():
            WRITES[write](reference)

    with ThreadPoolExecutor(2) as threads:
        erasing, writing = threads.submit(erase), threads.submit(write_meanwhile)
        erasing.result()
        with pytest.raises(CaseErased):
            writing.result()
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []
        assert db.session.scalars(select(Submission.wants_reminders)).one()


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize(
    ("module", "function", "path", "data"),
    [
        (reminders, "set_reminders", "reminders", {}),
        (withdrawals, "request_withdrawal", "withdraw", {"reason": "No staff"}),
        (withdrawals, "cancel_withdrawal", "withdraw", {"action": "cancel"}),
        (contact_changes, "remove", "contacts", {"action": "remove-second"}),
        (
            contact_changes,
            "name_second",
            "contacts/second",
            {"name": "Ada", "email": "ada@example.org"},
        ),
    ],
)
def test_post_during_erasure_is_410(app, monkeypatch, module, function, path, data, htmx):
    reference = add_published(app, "partner")
    own = update_client(app, reference)
    original = getattr(module, function)

    def erase_first(*args, **kwargs) -> None:
        erasure.erase(reference, EDITOR)
        original(*args, **kwargs)

    monkeypatch.setattr(module, function, erase_first)
    page = own.send(f"/commitments/{reference}/{path}", data, htmx=htmx)
    assert page.status == 410
    assert "These answers were deleted" in page.text("h1")
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []
    for address in ("update", "reminders", "yours", "withdraw", "link", "contacts"):
        assert own.page(f"/commitments/{reference}/{address}").status == 410
    assert app.test_client().page(f"/commitments/{reference}/update").status == 404


def test_two_old_withdrawal_requests_withdraw_once(app):
    reference = add_published(app)
    numbers = [add_old_withdrawal(app, reference) for _ in range(2)]
    with app.app_context():
        for number in numbers:
            cases.decide_report(reference, number, True, EDITOR)
    assert [event.kind for event in events_of(app)] == ["withdrawn"]
    page = staff_client(app, "viewer").page(f"/staff/submissions/{reference}")
    assert "Withdrawn" in page.text("#history")
