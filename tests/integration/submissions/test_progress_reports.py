"""Tests of the yearly reminder to report progress."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from tests.factories import add_published, add_submission, staff_client, update_path
from tests.mail import render_message
from wizard import clock
from wizard.db.engine import db
from wizard.db.models import MailMessage
from wizard.submissions import progress_reports

EASTERN = ZoneInfo("America/New_York")


def queued_messages(app) -> list[MailMessage]:
    """Return the messages in the outbox."""
    with app.app_context():
        return list(db.session.scalars(select(MailMessage)))


def remind_after(app, monkeypatch, days: int) -> int:
    """Advance the clock and queue the reminders that are due; return their number."""
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
def test_reminder_is_due_on_same_calendar_day(app, monkeypatch, last, not_due, due):
    add_published(app, at=datetime.fromisoformat(last).replace(tzinfo=EASTERN))
    for moment, count in [(not_due, 0), (due, 1)]:
        now = datetime.fromisoformat(moment).replace(tzinfo=EASTERN)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        with app.app_context():
            assert progress_reports.send_reminders() == count


def test_reminder_is_yearly_with_update_link(app, monkeypatch, case):
    start = datetime(2025, 3, 1, 9, tzinfo=UTC)  # no February 29 follows within two years
    monkeypatch.setattr(clock, "now", lambda: start)
    name = "agency" if "data_sets" in case else "partner"
    reference = add_published(app, name, at=clock.now())
    add_submission(app, status="declined")
    assert remind_after(app, monkeypatch, 364) == 0
    assert remind_after(app, monkeypatch, 1) == 1
    assert remind_after(app, monkeypatch, 300) == 0
    assert remind_after(app, monkeypatch, 65) == 1
    first, _ = queued_messages(app)
    assert first.recipient == case["contact_email"]
    text = render_message(app, first).text
    path = next(word for word in text.split() if "/updates/" in word)
    own = app.test_client()
    opened = own.page(path.removeprefix("http://commitments.example.org"))
    assert opened.path in {f"/commitments/{reference}/{page}" for page in ("yours", "update")}


def test_unsubscribe_stops_reminder(app, monkeypatch):
    reference = add_published(app, at=clock.now())
    client = app.test_client()
    page = client.page(update_path(app, reference) + "?then=stop")
    assert "No more yearly messages?" in page.text("h1")
    after = client.send(page.path)
    assert "no yearly message any more" in after.text(".sent")
    assert remind_after(app, monkeypatch, 400) == 0


def test_reminder_skips_erased_submission(app, monkeypatch):
    reference = add_published(app, at=clock.now())
    staff_client(app, "admin").send(f"/staff/submissions/{reference}/erase")
    assert remind_after(app, monkeypatch, 400) == 0
