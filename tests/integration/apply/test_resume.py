"""Tests of the messages about a draft: resume link and reminder."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from tests.complete_form import (
    autosave,
    complete_form,
    draft_path,
    parent_path,
    resume_path,
    start_draft,
)
from tests.conftest import AGENCY, advance_clock
from tests.factories import add_submission
from tests.integration.apply.conftest import purge_drafts
from tests.mail import render_message
from wizard.apply import drafts, resume
from wizard.db.engine import db, writing
from wizard.db.models import Draft, MailMessage, Submission
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due

pytestmark = pytest.mark.second_store_slow


def test_reminder_uses_language_of_last_answer(app, client, case):
    page = start_draft(client, case)
    client.page(page.path + "?lang=es")
    client.send(page.path, {"organization_name": "A"})
    with app.app_context(), writing():
        draft = db.session.scalars(select(Draft)).one()
        assert draft.language == "es"
        draft.link_email = "desk@example.org"
        draft.updated_at -= drafts.draft_lifetime() - resume.REMINDER_LEAD / 2
    with app.app_context():
        assert resume.send_reminders() == 1
        message = db.session.scalars(select(MailMessage)).one()
    assert "su borrador se borrará" in render_message(app, message).subject


def test_mail_limit_ignores_case(app, client):
    path = f"{draft_path(complete_form(client, AGENCY, until='contact'))}/save"
    for name in ("desk", "Desk", "DESK", "dEsk"):
        client.send(path, {"address": f"{name}@example.org"})
    with app.app_context():
        assert deliver_due() == 3


def test_concurrent_requests_share_mail_limit(app):
    browsers = []
    for _ in range(6):
        client = app.test_client()
        page = complete_form(client, AGENCY, until="contact")
        browsers.append((client, f"{draft_path(page)}/save", client.token()))
    start = threading.Barrier(6)

    def ask(browser) -> None:
        client, path, token = browser
        start.wait()
        client.post(path, data={"csrf_token": token, "address": "desk@example.org"})

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(ask, browsers))
    with app.app_context():
        assert len(db.session.scalars(select(MailMessage)).all()) == 3


def test_resume_link_is_not_mailed_after_submit(app, client):
    receipt = complete_form(client, AGENCY)
    path = f"{draft_path(receipt)}/save"
    assert client.send(path, {"address": "desk@example.org"}).path == receipt.path
    with app.app_context():
        assert len(db.session.scalars(select(MailMessage)).all()) == 1


def test_resume_mail_has_same_answer_for_any_address(app, client, monkeypatch):
    page = complete_form(client, AGENCY, until="contact")
    path = f"{draft_path(page)}/save"
    answers = [client.send(path, {"address": "desk@example.org"}) for _ in range(4)]
    answers.append(client.send(path, {"address": "nobody@nowhere.example"}))
    texts = {re.sub(r"/resume/[\w.-]+", "", answer.text("main")) for answer in answers}
    assert len(texts) == 1
    with app.app_context():
        # Three in an hour to one address, however often they were asked for.
        assert deliver_due() == 4
    advance_clock(monkeypatch, hours=1, seconds=1)
    client.send(path, {"address": "desk@example.org"})
    with app.app_context():
        assert deliver_due() == 1
        message = next(mail_folder().glob("resume.*.eml")).read_text(encoding="utf-8")
    flat = message.replace("=\n", "").replace("=3D", "=")
    assert resume_path(answers[0]) in flat
    assert "Orlando" not in flat and "agency" not in flat


def test_invalid_mail_address_is_422(client):
    page = complete_form(client, AGENCY, until="contact")
    for typed in ("", "desk", "a@example.org\r\nBcc: b@example.org"):
        page = client.send(f"{draft_path(page)}/save", {"address": typed})
        assert (page.status, set(page.errors())) == (422, {"address"})


def test_resume_mail_is_rate_limited(make_app):
    client = make_app(RATELIMIT_ENABLED=True).test_client()
    path = f"{draft_path(complete_form(client, AGENCY, until='contact'))}/save"
    for number in range(20):
        assert client.send(path, {"address": f"a{number}@example.org"}).status == 200
    refused = client.send(path, {"address": "b@example.org"})
    assert refused.status == 429
    assert int(refused.response.headers["Retry-After"]) > 0


def test_deleted_drafts_count_for_limit_of_address(make_app):
    app = make_app(RATELIMIT_ENABLED=True)
    client = app.test_client()
    for name in ("desk", "Desk"):
        path = draft_path(complete_form(client, AGENCY, until="contact"))
        for _ in range(2):
            client.send(f"{path}/save", {"address": f"{name}@example.org"})
        sent = queued_messages(app)
        client.send(f"{path}/delete", {"action": "delete"})
    assert len(sent) == 1


def test_replaced_link_is_not_mailed_to_address_before(app, client, monkeypatch):
    path = f"{draft_path(complete_form(client, AGENCY, until='contact'))}/save"
    client.send(path, {"address": "mistyped@example.org"})
    client.send(path, {"action": "renew"})
    with app.app_context():
        assert deliver_due() == 0
        advance_clock(monkeypatch, days=54)
        assert resume.send_reminders() == 0


def queued_messages(app) -> list[MailMessage]:
    with app.app_context():
        return list(db.session.scalars(select(MailMessage).order_by(MailMessage.id)))


def test_reminder_is_sent_once_a_week_before_expiry(app, client, monkeypatch):
    known = complete_form(client, AGENCY, until="current_data")
    complete_form(app.test_client(), AGENCY, until="contact")  # no address yet
    complete_form(app.test_client(), AGENCY)  # submitted
    sent = len(queued_messages(app))
    advance_clock(monkeypatch, days=52)
    assert "Drafts reminded: 0\n" in purge_drafts(app)
    advance_clock(monkeypatch, days=3)
    assert "Drafts reminded: 1\n" in purge_drafts(app)
    assert "Drafts reminded: 0\n" in purge_drafts(app)
    message = queued_messages(app)[sent]
    assert message.recipient == AGENCY["contact_email"]
    text = render_message(app, message).text
    assert "delete your draft" in text and "Orlando" not in text
    # A change gives it another 60 days, and another reminder.
    autosave(client, known.path, {"publishes_now": "no"})
    advance_clock(monkeypatch, days=55)
    assert "Drafts reminded: 1\n" in purge_drafts(app)


def test_reminder_is_not_sent_after_the_draft_was_submitted(app, client, monkeypatch):
    complete_form(client, AGENCY, until="current_data")
    advance_clock(monkeypatch, days=55)
    assert "Drafts reminded: 1\n" in purge_drafts(app)
    add_submission(app)
    with app.app_context(), writing() as session:
        draft = session.scalars(select(Draft)).one()
        session.scalars(select(Submission)).one().draft_id = draft.id
    with app.app_context():
        assert deliver_due() == 0
    assert queued_messages(app) == []


def test_reminder_uses_address_of_resume_mail(app, client, left_draft, monkeypatch):
    path, _ = left_draft
    client.send(f"{parent_path(path)}/save", {"address": "desk@example.org"})
    advance_clock(monkeypatch, days=55)
    assert "Drafts reminded: 1\n" in purge_drafts(app)
    assert queued_messages(app)[-1].recipient == "desk@example.org"
