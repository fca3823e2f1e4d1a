"""After the receipt: an organization tells what became of its commitment, and staff decide."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import select

from tests.client import Page
from tests.integration.test_commitments import publish
from tests.letters import drawn
from tests.staff import add_submission, colleague, events
from tests.walk import walk
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.engine import db
from wizard.db.models import AuditEvent, MailMessage, OutboxMessage, Report, StaffNote, Submission
from wizard.staff import cases
from wizard.submissions import progress_reports
from wizard.submissions.cases import CaseErased, locked_case
from wizard.web import links

EDITOR = Actor("editor@example.gov")


def link(app, reference: str) -> str:
    """The path of the link that an organization has in its message."""
    with app.app_context():
        submission = db.session.scalars(
            select(Submission).where(Submission.reference == reference)
        ).one()
        return links.update_url(submission.reference).removeprefix("http://commitments.example.org")


def come_back(app, reference: str):
    """A browser that followed the link."""
    client = app.test_client()
    assert client.page(link(app, reference)).path == f"/commitments/{reference}/update"
    return client


def tell(client, reference: str, data: dict, htmx: bool = False) -> Page:
    """Sends news."""
    path = f"/commitments/{reference}/update"
    return client.send(path, {"action": "report"} | data, htmx=htmx)


NEWS = {
    "milestones-0-done": "yes",
    "milestones-0-url": "example.org/done",
    "milestones-1-note": "The room is booked.",
}


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_news_are_on_the_public_page_once_an_editor_took_them_up(app, client, htmx):
    reference = publish(app, "partner")
    page = tell(come_back(app, reference), reference, NEWS, htmx)
    assert "Staff of the program read it next" in page.text(".sent")
    assert "What became of it" not in client.page(f"/commitments/{reference}").text(".told")
    editor = colleague(app, "editor")
    assert reference in editor.page("/staff/").text("main")
    path = f"/staff/submissions/{reference}"
    asked = editor.page(path)
    assert "The room is booked." in asked.text("#reports")
    number = asked.values()["report"][0]
    editor.send(f"{path}/report", {"report": number, "action": "approve"})
    public = client.page(f"/commitments/{reference}")
    assert "✓ Done" in public.all(".told tbody tr")[0].to_text()
    assert "https://example.org/done" in str(public.response.data)
    assert "The room is booked." in public.text(".next")
    (event,) = events(app, "report_decided")
    assert event.details == {"approved": True, "withdraws": False}
    assert editor.send(f"{path}/report", {"report": number, "action": "decline"}).status == 422


def test_news_that_are_not_taken_up_stay_unseen(app, client):
    reference = publish(app, "partner")
    own = come_back(app, reference)
    tell(own, reference, NEWS)
    editor = colleague(app, "editor")
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
        ({"action": "withdraw"}, "sure"),
    ],
)
def test_what_cannot_be_kept_stays_in_its_page_with_what_to_do(app, data, where):
    reference = publish(app, "partner")
    page = tell(come_back(app, reference), reference, data)
    assert (page.status, list(page.errors())) == (422, [where])
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []


def test_an_organization_asks_to_withdraw_and_it_is_gone_once_taken_up(app, client):
    reference = publish(app)
    own = come_back(app, reference)
    tell(own, reference, {"action": "withdraw", "sure": "yes"})
    assert client.get(f"/commitments/{reference}").status_code == 200
    editor = colleague(app, "editor")
    path = f"/staff/submissions/{reference}"
    asked = editor.page(path)
    assert "want to withdraw" in asked.text("#reports")
    number = asked.values()["report"][0]
    editor.send(f"{path}/report", {"report": number, "action": "approve"})
    assert client.get(f"/commitments/{reference}").status_code == 404
    assert "Withdrawn" in editor.page(path).text(".facts")


def test_only_who_has_the_link_or_made_it_can_tell(app, client, case):
    receipt = walk(client, case)
    reference = receipt.text(".reference")
    path = f"/commitments/{reference}/update"
    assert client.page(path).status == 200
    stranger = app.test_client()
    for address in (path, f"/commitments/{reference}/reminders"):
        assert stranger.get(address).status_code == 404
        assert stranger.send(address, {"action": "withdraw", "sure": "yes"}).status == 404
    altered = link(app, reference)[:-2] + "xx"
    assert stranger.page(altered).status == 404
    assert stranger.page("/updates/%00").status == 404


@pytest.mark.parametrize(
    ("status", "data"),
    [
        ("received", {}),
        ("received", NEWS),
        ("declined", NEWS),
        ("withdrawn", {"action": "withdraw", "sure": "yes"}),
        ("withdrawn", {"action": "withdraw"}),
    ],
)
def test_what_the_page_does_not_offer_is_not_taken(app, status, data):
    reference = add_submission(app, "partner", status=status)
    page = tell(come_back(app, reference), reference, data)
    assert (page.status, page.all(".sent")) == (200, [])
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []


def test_news_wait_until_a_commitment_is_accepted(app):
    reference = add_submission(app, "partner", status="received")
    page = come_back(app, reference).page(f"/commitments/{reference}/update")
    assert "once your commitment is accepted" in page.text("main")


def test_a_flood_of_reports_is_stopped(app):
    reference = publish(app, "partner")
    own = come_back(app, reference)
    for _ in range(progress_reports.MAX_PENDING):
        assert tell(own, reference, NEWS).status == 200
    page = tell(own, reference, NEWS)
    assert (page.status, list(page.errors())) == (422, ["report"])
    assert page.values()["milestones-1-note"] == ["The room is booked."]


def test_a_link_to_deleted_answers_opens_nothing(app):
    reference = publish(app)
    path = link(app, reference)
    colleague(app, "admin").send(f"/staff/submissions/{reference}/erase")
    assert app.test_client().page(path).status == 404


# After an erasure


def stored(app) -> list[list]:
    """Return what is stored about submissions."""
    with app.app_context():
        tables = (Report, StaffNote, OutboxMessage, AuditEvent)
        found = [list(db.session.scalars(select(table.id).order_by(table.id))) for table in tables]
        query = select(Submission.lock_version, Submission.wants_reminders, Submission.reminded_at)
        return [*found, list(map(tuple, db.session.execute(query)))]


WRITES = {
    "news": lambda it: progress_reports.submit_report(
        it, {"milestones": {"0": {"note": "secret"}}}
    ),
    "withdrawal": lambda it: progress_reports.submit_report(it, {}, withdraws=True),
    "reminders": progress_reports.stop_reminders,
    "status": lambda it: cases.decide(it, "in_review", 3, EDITOR),
    "note": lambda it: cases.add_note(it, "A note", EDITOR),
    "message": lambda it: cases.resend(it, 1, EDITOR),
    "decision": lambda it: cases.decide_report(it, 1, True, EDITOR),
    "erasure": lambda it: cases.erase(it, EDITOR),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_write_after_erasure_stores_nothing(app, write):
    reference = publish(app, "partner")
    with app.app_context():
        cases.erase(reference, EDITOR)
    before = stored(app)
    with app.app_context(), pytest.raises(CaseErased):
        write(reference)
    assert stored(app) == before


@pytest.mark.parametrize("write", ["news", "withdrawal", "reminders"])
def test_write_during_erasure_waits_and_stores_nothing(app, write):
    reference = publish(app, "partner")
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
    ("function", "path", "data"),
    [
        ("submit_report", "update", NEWS | {"action": "report"}),
        ("submit_report", "update", {"action": "withdraw", "sure": "yes"}),
        ("stop_reminders", "reminders", {}),
    ],
)
def test_post_checked_before_an_erasure_is_410(app, monkeypatch, function, path, data, htmx):
    reference = publish(app, "partner")
    own = come_back(app, reference)
    original = getattr(progress_reports, function)

    def erase_first(*args, **kwargs) -> None:
        cases.erase(reference, EDITOR)
        original(*args, **kwargs)

    monkeypatch.setattr(progress_reports, function, erase_first)
    page = own.send(f"/commitments/{reference}/{path}", data, htmx=htmx)
    assert page.status == 410
    assert "These answers were deleted" in page.text("h1")
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []
        assert progress_reports.pending_references() == []
    for address in ("update", "reminders"):
        assert own.page(f"/commitments/{reference}/{address}").status == 410
    assert app.test_client().page(f"/commitments/{reference}/update").status == 404


@pytest.mark.parametrize("data", [NEWS | {"action": "report"}, {"action": "withdraw", "sure": "y"}])
def test_post_checked_before_a_withdrawal_shows_the_page_again(app, monkeypatch, data):
    reference = publish(app, "partner")
    own = come_back(app, reference)
    original = progress_reports.submit_report

    def withdraw_first(*args, **kwargs) -> None:
        cases.decide(reference, "withdrawn", 1, EDITOR)
        original(*args, **kwargs)

    monkeypatch.setattr(progress_reports, "submit_report", withdraw_first)
    page = own.send(f"/commitments/{reference}/update", data)
    assert (page.status, page.all(".sent"), page.all("form")) == (200, [], [])
    with app.app_context():
        assert db.session.scalars(select(Report)).all() == []


# Decisions


def test_approved_withdrawal_is_in_the_history(app):
    reference = publish(app)
    with app.app_context():
        progress_reports.submit_report(reference, {}, withdraws=True)
        progress_reports.submit_report(reference, {}, withdraws=True)
        for number in db.session.scalars(select(Report.id)).all():
            db.session.rollback()
            cases.decide_report(reference, number, True, EDITOR)
    (event,) = events(app, "moved")
    assert event.details == {"before": "published", "after": "withdrawn"}
    assert len(events(app, "report_decided")) == 2
    page = colleague(app, "viewer").page(f"/staff/submissions/{reference}")
    assert "Published → Withdrawn" in page.text("aside")


@pytest.mark.parametrize("status", ["received", "in_review", "accepted", "published", "declined"])
def test_withdrawal_is_possible_from_every_other_status(app, status):
    reference = add_submission(app, status=status)
    own = come_back(app, reference)
    tell(own, reference, {"action": "withdraw", "sure": "yes"})
    editor = colleague(app, "editor")
    path = f"/staff/submissions/{reference}"
    number = editor.page(path).values()["report"][0]
    editor.send(f"{path}/report", {"report": number, "action": "approve"})
    assert "Withdrawn" in editor.page(path).text(".facts")


# The yearly message


def messages(app) -> list[MailMessage]:
    """What is in the outbox."""
    with app.app_context():
        return list(db.session.scalars(select(MailMessage)))


def remind_after(app, monkeypatch, days: int) -> int:
    """Moves the clock and sends what is due."""
    moment = clock.now() + timedelta(days=days)
    monkeypatch.setattr(clock, "now", lambda: moment)
    with app.app_context():
        return progress_reports.send_reminders()


@pytest.mark.parametrize(
    ("last", "not_due", "due"),
    [
        ("2026-03-01T17", "2027-02-28T23", "2027-03-01T00"),
        ("2027-03-01T17", "2028-02-29T23", "2028-03-01T00"),
        ("2028-02-29T17", "2029-02-28T23", "2029-03-01T00"),
        ("2027-02-28T17", "2028-02-27T23", "2028-02-28T00"),
    ],
)
def test_yearly_message_is_due_on_the_same_calendar_day(app, monkeypatch, last, not_due, due):
    publish(app, at=datetime.fromisoformat(last).replace(tzinfo=UTC))
    for moment, count in [(not_due, 0), (due, 1)]:
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        with app.app_context():
            assert progress_reports.send_reminders() == count


def test_once_a_year_a_message_asks_for_news_and_carries_the_link(app, monkeypatch, case):
    start = datetime(2025, 3, 1, 9, tzinfo=UTC)  # no February 29 follows within two years
    monkeypatch.setattr(clock, "now", lambda: start)
    name = "agency" if "data_sets" in case else "partner"
    reference = publish(app, name, at=clock.now())
    add_submission(app, status="declined")
    assert remind_after(app, monkeypatch, 364) == 0
    assert remind_after(app, monkeypatch, 1) == 1
    assert remind_after(app, monkeypatch, 300) == 0
    assert remind_after(app, monkeypatch, 65) == 1
    first, _ = messages(app)
    assert first.recipient == case["contact_email"]
    text = drawn(app, first).text
    path = next(word for word in text.split() if "/updates/" in word)
    own = app.test_client()
    opened = own.page(path.removeprefix("http://commitments.example.org"))
    assert opened.path == f"/commitments/{reference}/update"


def test_the_yearly_message_can_be_stopped(app, monkeypatch):
    reference = publish(app, at=clock.now())
    client = app.test_client()
    page = client.page(link(app, reference) + "?then=stop")
    assert "No more yearly messages?" in page.text("h1")
    after = client.send(page.path)
    assert "no yearly message any more" in after.text(".sent")
    assert remind_after(app, monkeypatch, 400) == 0


def test_nobody_is_reminded_whose_answers_were_deleted(app, monkeypatch):
    reference = publish(app, at=clock.now())
    colleague(app, "admin").send(f"/staff/submissions/{reference}/erase")
    assert remind_after(app, monkeypatch, 400) == 0
