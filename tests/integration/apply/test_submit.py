"""Tests of submission: one submission, one reference, one confirmation."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser

import pytest
from sqlalchemy import select

from tests.complete_form import complete_form, draft_path, is_equivalent
from tests.conftest import AGENCY, load_case, without_ids
from tests.mail import render_message
from wizard import clock
from wizard.db.engine import db
from wizard.db.models import Draft, MailMessage, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.outputs import cards
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_submission_stores_answers_as_given(client, app, case, htmx):
    receipt = complete_form(client, case, htmx=htmx, follow=True)
    reference = receipt.text(".reference")

    with app.app_context():
        submission = db.session.scalars(select(Submission)).one()
        assert submission.reference == reference
        assert submission.flow_version == COMMITMENT.version
        stored = without_ids(submission.answers)
        assert stored.keys() == case.keys()
        for name, given in case.items():
            assert is_equivalent(given, stored[name]), name


@pytest.mark.second_store_slow
def test_confirmation_holds_reference_and_every_answer(client, app, case):
    receipt = complete_form(client, case)
    with app.app_context():
        assert deliver_due() == 1
        (file,) = mail_folder().glob("*.eml")
        submission = db.session.scalars(select(Submission)).one()
    message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
    assert message["To"] == case["contact_email"]
    assert receipt.text(".reference") in message["Subject"]
    words = " ".join(message.get_body(("plain",)).get_content().split())
    html = message.get_body(("html",)).get_content()
    rows = [row for card in cards(COMMITMENT, submission.answers) for row in card.rows]
    rows += [row for group in rows for _, entry in group.entries for row in entry]
    assert len(rows) > 10
    for row in rows:
        if not row.entries:
            assert row.label in words and row.label in html.replace("&#39;", "'")
            assert " ".join(row.text.split()) in words


REFERENCE = re.compile(r"PDI(-[2-9A-HJKMNP-TV-Z]{4}){2}")


@pytest.mark.second_store_slow
def test_mail_of_answer_with_two_lines_has_line_break_without_css(app, client):
    complete_form(client, AGENCY | {"access_plan": "First <line>\r\nsecond line"})
    with app.app_context():
        message = db.session.scalars(select(MailMessage)).one()
    email = render_message(app, message)
    assert "First &lt;line&gt;<br>second line" in email.html
    assert "First <line>\n" in email.text


def count_submissions_and_messages(app) -> tuple[int, int]:
    """Return the numbers of submissions and messages."""
    with app.app_context():
        return db.session.query(Submission).count(), db.session.query(MailMessage).count()


def test_concurrent_submits_create_one_submission(app, client, case):
    review = complete_form(client, case, until="review")
    cookie = client.get_cookie("session").value
    token = client.token()

    def post(_) -> str:
        other = app.test_client()
        other.set_cookie("session", cookie)
        data = {"csrf_token": token, "authorized": "yes"}
        response = other.post(review.path, data=data)
        assert response.status_code == 303
        return other.page(response.location).text(".reference")

    with ThreadPoolExecutor(20) as threads:
        references = set(threads.map(post, range(20)))
    assert len(references) == 1
    assert REFERENCE.fullmatch(references.pop())
    assert count_submissions_and_messages(app) == (1, 1)


@pytest.mark.second_store_slow
def test_office_is_notified_at_program_email(make_app, case):
    app = make_app(PROGRAM_EMAIL="office@example.gov")
    complete_form(app.test_client(), case)
    with app.app_context():
        recipients = set(db.session.scalars(select(MailMessage.recipient)))
    assert recipients == {case["contact_email"], "office@example.gov"}


@pytest.mark.second_store_slow
def test_submit_without_declaration_is_422(client, app, case):
    review = complete_form(client, case, until="review")
    page = client.send(review.path, {})
    assert (page.status, set(page.errors())) == (422, {"authorized"})
    assert count_submissions_and_messages(app) == (0, 0)
    with app.app_context():
        draft = db.session.scalars(select(Draft)).one()
        assert "review" not in draft.completed_steps and "authorized" not in draft.answers


def test_failed_submit_stores_nothing(client, app, case, monkeypatch):
    review = complete_form(client, case, until="review")
    monkeypatch.setattr("wizard.apply.submit._queue", lambda *args: 1 / 0)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert client.send(review.path, {"authorized": "yes"}).status == 500
    assert count_submissions_and_messages(app) == (0, 0)
    monkeypatch.undo()
    assert client.send(review.path, {"authorized": "yes"}).path.endswith("/done")
    assert count_submissions_and_messages(app) == (1, 1)


def test_expired_date_reopens_step(make_app, monkeypatch):
    app = make_app(DRAFT_DAYS=1000)
    client = app.test_client()
    review = complete_form(client, load_case("partner"), until="review")
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 12, 1, 12, tzinfo=UTC))
    page = client.send(review.path, {"authorized": "yes"})
    assert page.path == f"{draft_path(review)}/milestones"
    assert list(page.errors()) == ["milestones-0-due"]
    assert count_submissions_and_messages(app) == (0, 0)


def test_taken_reference_is_redrawn(app, monkeypatch, case):
    drawn = iter("AAAAAAAA" + "AAAAAAAA" + "BBBBBBBB")
    monkeypatch.setattr("wizard.apply.submit.secrets.choice", lambda letters: next(drawn))
    assert complete_form(app.test_client(), case).text(".reference") == "PDI-AAAA-AAAA"
    assert complete_form(app.test_client(), case).text(".reference") == "PDI-BBBB-BBBB"
