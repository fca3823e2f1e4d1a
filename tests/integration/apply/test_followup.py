"""Tests of progress reports by an organization, and of what is written during an erasure."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import select

from tests.client import Page
from tests.complete_form import complete_form
from tests.factories import (
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
from wizard.staff import cases
from wizard.submissions import contact_changes, progress_reports, withdrawals
from wizard.submissions.cases import CaseErased, locked_case

EDITOR = Actor("editor@example.gov")


def send_report(client, reference: str, data: dict, htmx: bool = False) -> Page:
    """Send a progress report."""
    path = f"/commitments/{reference}/update"
    return client.send(path, {"action": "report"} | data, htmx=htmx)


NEWS = {
    "milestones-0-done": "yes",
    "milestones-0-url": "example.org/done",
    "milestones-1-note": "The room is booked.",
}


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_approved_report_is_public(app, client, htmx):
    reference = add_published(app, "partner")
    page = send_report(update_client(app, reference), reference, NEWS, htmx)
    assert "Staff of the program read it next" in page.text(".sent")
    before = client.page(f"/commitments/{reference}").text(".told")
    assert "What the organization reported" not in before
    editor = staff_client(app, "editor")
    assert "Progress update" in editor.page("/staff/").text("#requests")
    path = f"/staff/submissions/{reference}"
    asked = editor.page(path)
    assert "The room is booked." in asked.text("#reports")
    number = asked.values()["report"][0]
    editor.send(f"{path}/report", {"report": number, "action": "approve"})
    public = client.page(f"/commitments/{reference}")
    assert "✓ Done" in public.all(".promise")[0].to_text()
    assert "https://example.org/done" in str(public.response.data)
    assert "The room is booked." in public.text(".next")
    assert [event.kind for event in events_of(app)] == ["progress_reported", "progress_approved"]
    assert editor.send(f"{path}/report", {"report": number, "action": "decline"}).status == 422


def test_declined_report_stays_hidden(app, client):
    reference = add_published(app, "partner")
    own = update_client(app, reference)
    send_report(own, reference, NEWS)
    editor = staff_client(app, "editor")
    path = f"/staff/submissions/{reference}"
    number = editor.page(path).values()["report"][0]
    editor.send(f"{path}/report", {"report": number, "action": "decline"})
    assert "The room is booked" not in client.page(f"/commitments/{reference}").text("main")
    assert "Not taken up" in own.page(f"/commitments/{reference}/update").text("main")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({}, "report"),
        ({"milestones-0-url": "no address"}, "milestones-0-url"),
        ({"milestones-1-note": "x" * 301}, "milestones-1-note"),
        ({"milestones-1-note": "a\x00b"}, "milestones-1-note"),
        ({"milestones-99-note": "x", "data_sets-0-done": "yes"}, "report"),
    ],
)
def test_invalid_report_is_422_and_stays_on_page(app, data, where):
    reference = add_published(app, "partner")
    page = send_report(update_client(app, reference), reference, data)
    assert (page.status, list(page.errors())) == (422, [where])
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []


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
    for page in ("update", "reminders", "withdraw", "link", "contacts", "contacts/second"):
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


@pytest.mark.parametrize(
    ("status", "data"),
    [
        ("received", {}),
        ("received", NEWS),
        ("declined", NEWS),
        ("withdrawn", NEWS),
    ],
)
def test_report_not_offered_is_not_stored(app, status, data):
    reference = add_submission(app, "partner", status=status)
    page = send_report(update_client(app, reference), reference, data)
    assert (page.status, page.all(".sent")) == (200, [])
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []


def test_report_is_closed_until_accepted(app):
    reference = add_submission(app, "partner", status="received")
    page = update_client(app, reference).page(f"/commitments/{reference}/update")
    assert "once your commitment is accepted" in page.text("main")


def test_pending_reports_are_limited(app):
    reference = add_published(app, "partner")
    own = update_client(app, reference)
    for _ in range(progress_reports.MAX_PENDING):
        assert send_report(own, reference, NEWS).status == 200
    page = send_report(own, reference, NEWS)
    assert (page.status, list(page.errors())) == (422, ["report"])
    assert page.values()["milestones-1-note"] == ["The room is booked."]


def stored_state(app) -> list[list]:
    """Return the ids of rows about submissions, and the columns that a report changes."""
    with app.app_context():
        tables = (Report, StaffNote, OutboxMessage, AuditEvent)
        found = [list(db.session.scalars(select(table.id).order_by(table.id))) for table in tables]
        query = select(Submission.lock_version, Submission.wants_reminders, Submission.reminded_at)
        return [*found, list(map(tuple, db.session.execute(query)))]


WRITES = {
    "news": lambda it: progress_reports.submit_report(
        it, {"milestones": {"0": {"note": "secret"}}}, ORGANIZATION
    ),
    "withdrawal": lambda it: withdrawals.request_withdrawal(it, "No staff", ORGANIZATION),
    "second contact": lambda it: contact_changes.name_second(
        it, "Ada", "ada@example.org", ORGANIZATION
    ),
    "reminders": progress_reports.stop_reminders,
    "status": lambda it: cases.decide(it, "in_review", 3, EDITOR),
    "note": lambda it: cases.add_note(it, "A note", EDITOR),
    "message": lambda it: cases.resend(it, 1, EDITOR),
    "decision": lambda it: cases.decide_report(it, 1, True, EDITOR),
    "erasure": lambda it: cases.erase(it, EDITOR),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_write_after_erasure_stores_nothing(app, write):
    reference = add_published(app, "partner")
    with app.app_context():
        cases.erase(reference, EDITOR)
    before = stored_state(app)
    with app.app_context(), pytest.raises(CaseErased):
        write(reference)
    assert stored_state(app) == before


@pytest.mark.parametrize("write", ["news", "withdrawal", "second contact", "reminders"])
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
        (progress_reports, "submit_report", "update", NEWS | {"action": "report"}),
        (progress_reports, "stop_reminders", "reminders", {}),
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
        cases.erase(reference, EDITOR)
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


def test_report_during_withdrawal_shows_page_again(app, monkeypatch):
    reference = add_published(app, "partner")
    own = update_client(app, reference)
    original = progress_reports.submit_report

    def withdraw_first(*args, **kwargs) -> None:
        cases.decide(reference, "withdrawn", 1, EDITOR)
        original(*args, **kwargs)

    monkeypatch.setattr(progress_reports, "submit_report", withdraw_first)
    page = send_report(own, reference, NEWS)
    assert (page.status, page.all(".sent"), page.all("form")) == (200, [], [])
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []


def test_two_old_withdrawal_requests_withdraw_once(app):
    reference = add_published(app)
    numbers = [add_old_withdrawal(app, reference) for _ in range(2)]
    with app.app_context():
        for number in numbers:
            cases.decide_report(reference, number, True, EDITOR)
    assert [event.kind for event in events_of(app)] == ["withdrawn"]
    page = staff_client(app, "viewer").page(f"/staff/submissions/{reference}")
    assert "Withdrawn" in page.text("#history")
