"""Tests of the dashboard."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from tests.complete_form import complete_form
from tests.factories import add_old_report, add_submission, staff_client
from tests.integration.submissions.test_proposals import correct
from wizard import clock
from wizard.accounts.audit import ORGANIZATION
from wizard.db.engine import db, reading, writing
from wizard.db.models import MailMessage, Submission
from wizard.notify import email
from wizard.notify.outbox import deliver_due
from wizard.staff import dashboard
from wizard.submissions import withdrawals

pytestmark = pytest.mark.second_store_slow

START = datetime(2027, 3, 1, 9, tzinfo=UTC)


def test_failed_message_is_listed_until_resent(app, client, editor, case, monkeypatch):
    reference = complete_form(client, case).text(".reference")

    def refuse(mailer, message, check):
        raise email.PermanentFailure("550 no such person")

    assert "could not be sent" not in editor.page("/staff/").text("main")
    with app.app_context(), monkeypatch.context() as patched:
        patched.setattr(email.Mailer, "send", refuse)
        deliver_due()
    page = editor.page("/staff/")
    assert "Messages that could not be sent" in page.text("main")
    assert page.all(f'a[href="/staff/submissions/{reference}"]')
    path = f"/staff/submissions/{reference}"
    assert "550" in editor.page(path).text("#messages")
    editor.press(editor.page(path), "button[name=message]")
    assert "could not be sent" not in editor.page("/staff/").text("main")


def add_failed(app, recipient: str) -> None:
    """Store three declined cases, and messages about all cases that failed."""
    for _ in range(3):
        add_submission(app, status="declined", contact_email="desk@example.gov")
    with app.app_context(), writing() as session:
        ids = session.scalars(select(Submission.id)).all()
        for number in range(40):
            about = {"submission_id": ids[number % len(ids)], "event_id": ids[-1] * 100 + number}
            kind = ("written", "declined", "accepted", "due")[number % 4]
            name = f"<{ids[-1]}-{number}@x>"
            row = MailMessage(kind=kind, recipient=recipient, message_id=name, **about)
            row.failed_at = clock.now()
            session.add(row)


@pytest.mark.parametrize("recipient", ["desk@example.gov", "gone@example.gov"])
def test_failed_messages_are_read_at_once(app, viewer, recipient):
    with app.app_context():
        engine = db.engine
    counts = []
    for _ in range(2):
        add_failed(app, recipient)
        read = list[str]()
        event.listen(engine, "before_cursor_execute", lambda *called, to=read: to.append(called[2]))
        page = viewer.page("/staff/")
        counts.append(len(read))
        assert ("could not be sent" in page.text("main")) is (recipient == "desk@example.gov")
    assert counts[0] == counts[1]


def test_empty_dashboard_says_nothing_waits(viewer):
    assert "Nothing waits for you" in viewer.page("/staff/").text("main")


def test_dashboard_counts_submissions(app, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(days=40))
    oldest = add_submission(app, at=START, organization_name="The one that waits")
    for status in ("accepted", "published", "declined", "received"):
        add_submission(app, at=START + timedelta(days=35), status=status)
    with app.app_context():
        facets, statuses = dashboard.count_submissions()
        assert statuses == {"received": 2, "accepted": 1, "published": 1, "declined": 1}
        assert facets == {"kind": {"agency": 5}, "state": {"FL": 5}}
        months = dashboard.count_by_month()
        assert len(months) == 12
        assert months[-2:] == [("Mar 2027", 1), ("Apr 2027", 4)]
    page = staff_client(app, "viewer").page("/staff/")
    waiting = page.text(".waiting")
    assert waiting.startswith("The one that waits") and "40 days" in waiting
    assert oldest in str(page.response.data)


def test_case_that_was_returned_waits_since_then(app, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(days=40))
    add_submission(app, at=START + timedelta(days=10), organization_name="Waited 30 days")
    returned = add_submission(app, at=START, organization_name="Came back")
    with app.app_context(), writing() as session:
        submission = session.scalars(select(Submission).filter_by(reference=returned)).one()
        submission.returned_at = START + timedelta(days=38)
    waiting = staff_client(app, "viewer").page("/staff/").text(".waiting")
    assert waiting.index("Waited 30 days") < waiting.index("Came back") < waiting.index("2 days")


def test_dashboard_counts_drafts_by_step_without_answers(app, client, viewer, case):
    complete_form(client, case, until="contact")
    complete_form(app.test_client(), case, until="organization")
    complete_form(app.test_client(), case)  # submitted: not left
    with app.app_context():
        assert dashboard.count_drafts_by_step() == [("Organization type", 1), ("Organization", 1)]
    assert case["organization_name"] not in viewer.page("/staff/").text("#drafts-left")


def test_dashboard_shows_the_oldest_requests_and_the_number_of_all(app, editor):
    first, *_ = [add_submission(app, status="published") for _ in range(22)]
    with app.app_context(), reading():
        references = list(db.session.scalars(select(Submission.reference).order_by(Submission.id)))
    for reference in references:
        add_old_report(app, reference, {"data_sets": {"0": {"done": True}}})
    page = editor.page("/staff/")
    assert "From organizations (22)" in page.text("main")
    links = [each.attrs["href"].rpartition("/")[2] for each in page.all("#requests a")]
    assert (len(links), links[0]) == (20, first)


def test_requests_of_organizations_wait_on_dashboard_and_list(app, editor):
    asks, corrects, reports, _ = (add_submission(app, status="published") for _ in range(4))
    with app.app_context():
        withdrawals.request_withdrawal(asks, "No staff.", ORGANIZATION)
        correct(corrects, city="Tampa")
    add_old_report(app, reports, {"data_sets": {"0": {"done": True}}})
    page = editor.page("/staff/")
    assert "From organizations (3)" in page.text("main")
    links = [each.attrs["href"].rpartition("/")[2] for each in page.all("#requests a")]
    assert links == [asks, corrects, reports]
    marks = {
        row.all("a")[0].text: row.all("td .hint")[-1].text
        for row in editor.page("/staff/submissions").all(".list tbody tr")
    }
    assert marks[asks] == "Asks to withdraw" and marks[corrects] == "Correction"
    assert marks[reports] == "Progress update"
    admin = staff_client(app, "admin")
    admin.send(f"/staff/submissions/{asks}/erase")
    assert "From organizations (2)" in editor.page("/staff/").text("main")
