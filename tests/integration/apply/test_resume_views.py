"""Tests of save and leave, resume links and deletion of drafts."""

import logging

import pytest
from sqlalchemy import select, text

from tests.complete_form import complete_form, draft_path, form_data, parent_path, resume_path
from tests.conftest import AGENCY, advance_clock, load_case
from tests.integration.apply.conftest import AGENCY_STEPS
from wizard.db.engine import db, writing
from wizard.db.models import Draft, MailMessage
from wizard.flows.commitment import COMMITMENT
from wizard.notify.outbox import deliver_due

pytestmark = pytest.mark.second_store_slow


def test_leave_is_exempt_from_rate_limit(make_app):
    client = make_app(RATELIMIT_ENABLED=True).test_client()
    page = complete_form(client, AGENCY, until="contact")
    path = f"{draft_path(page)}/save"
    for number in range(20):
        assert client.send(path, {"address": f"a{number}@example.org"}).status == 200
    assert client.send(path, {"address": "b@example.org"}).status == 429
    assert client.send(path, {"action": "leave"}).path == "/"
    assert client.get(page.path).status_code == 404


def test_leave_works_on_receipt(client):
    receipt = complete_form(client, AGENCY)
    reference = receipt.text(".reference")
    (form,) = receipt.all("form")
    client.send(form.attrs["action"], {"action": "leave"})
    assert client.get(receipt.path).status_code == 404
    assert client.get(f"/commitments/{reference}/update").status_code == 404


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("name", AGENCY_STEPS)
def test_save_and_leave_keeps_typed_values(client, name, htmx):
    page = complete_form(client, AGENCY, until=name)
    assert page.all('button[value="save"]')
    typed = {"city": "Half a ci"} if name == "organization" else {}
    saved = client.send(page.path, {"action": "save", **typed}, htmx=htmx)
    assert saved.text("h1") == "Your answers are saved"
    assert "works until" in saved.text("main" if not htmx else ".measure")
    resumed = client.page(resume_path(saved))
    assert resumed.path == page.path
    if typed:
        assert resumed.values()["city"] == ["Half a ci"]


def test_leave_removes_draft_from_browser(client):
    page = complete_form(client, AGENCY, until="contact")
    saved = client.send(page.path, {"action": "save"})
    left = client.send(saved.path, {"action": "leave"})
    assert left.path == "/" and "cleared from this browser" in left.text(".notice[role=status]")
    assert client.get(page.path).status_code == 404
    assert client.page(resume_path(saved)).path == page.path


def test_refused_address_stays_in_its_field_without_control_characters(client, left_draft):
    page = client.send(f"{parent_path(left_draft[0])}/save", {"address": "a\x00b"})
    assert (page.status, "a\0b" in page.response.text) == (422, False)


def test_resume_link_opens_draft_in_any_browser(app, left_draft):
    path, link = left_draft
    for _ in range(3):
        other = app.test_client()
        assert other.head(link).status_code == 303
        response = other.get(link)
        assert (response.status_code, response.location) == (303, path)
        assert other.page(path).status == 200


def test_resumed_draft_keeps_own_draft_open(app, left_draft):
    path, link = left_draft
    other = app.test_client()
    own = complete_form(other, load_case("partner"), until="contact").path
    other.page(link)
    assert other.page(own).path == own
    assert other.page(path).path == path


def test_resume_link_after_submit_opens_receipt(app, client, left_draft):
    path, link = left_draft
    client.send(path, form_data(COMMITMENT.steps["contact"], AGENCY))
    page = client.page(path)
    for name in ("contact", "current_data", "data_sets", "plan", "community", "opportunity",
                 "publication", "review"):  # fmt: skip
        page = client.send(f"{draft_path(page)}/{name}", form_data(COMMITMENT.steps[name], AGENCY))
    assert page.path.endswith("/done")
    assert app.test_client().page(link).text(".reference") == page.text(".reference")


@pytest.mark.parametrize("fault", ["revoked", "altered", "expired", "invented", "deleted", "page"])
def test_unusable_resume_link_is_same_404(app, client, left_draft, fault,
                                                               monkeypatch):  # fmt: skip
    path, link = left_draft
    with app.app_context(), writing():
        draft = db.session.scalars(select(Draft)).one()
        if fault == "revoked":
            draft.link_version += 1
        if fault == "deleted":
            db.session.delete(draft)
    if fault == "altered":
        link = link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:]
    if fault == "invented":
        link = "/resume/WyIwIiwxXQ.abc"
    if fault == "page":  # the token that a page carries is no link
        link = f"/resume/{client.page(path).values()['pass'][0]}"
    if fault == "expired":
        advance_clock(monkeypatch, days=62)
    page = app.test_client().page(link)
    assert page.status == 404
    assert page.text("h1") == "We couldn’t find a draft for this link"


def test_resume_token_is_not_logged_or_stored(app, client, left_draft, caplog, monkeypatch):
    path, link = left_draft
    token = link.rsplit("/", 1)[1]
    client.send(f"{parent_path(path)}/save", {"address": "desk@example.org"})
    with caplog.at_level(logging.DEBUG):
        app.test_client().get(link)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        monkeypatch.setattr("wizard.apply.drafts.find_by_token", lambda *args: 1 / 0)
        assert app.test_client().get(link).status_code == 500
    assert token not in caplog.text and "ZeroDivisionError" in caplog.text
    with app.app_context():
        for table in db.metadata.tables:
            for row in db.session.execute(text(f"SELECT * FROM {table}")):  # noqa: S608
                assert token not in str(row)


def test_delete_asks_then_removes_draft_link_and_messages(app, client, left_draft):
    path, link = left_draft
    base = parent_path(path)
    client.send(f"{base}/save", {"address": "desk@example.org"})
    asked = client.page(f"{link}?then=delete")
    assert asked.path == f"{base}/delete"
    assert client.send(f"{base}/delete").text("h1") == "Delete this draft?"
    assert client.page(path).status == 200
    gone = client.send(f"{base}/delete", {"action": "delete"})
    assert gone.path == "/" and "Draft deleted" in gone.text(".notice[role=status]")
    assert client.get(path).status_code == 404
    assert app.test_client().get(link).status_code == 404
    with app.app_context():
        assert deliver_due() == 0
        assert db.session.query(Draft).count() == 0


def test_submitted_draft_cannot_be_deleted(client):
    receipt = complete_form(client, AGENCY)
    page = client.send(f"{draft_path(receipt)}/delete", {"action": "delete"})
    assert page.path == receipt.path


def test_new_link_ends_old_one_and_keeps_own_browser(app, client, left_draft):
    path, link = left_draft
    page = client.send(f"{path.rpartition('/')[0]}/save", {"action": "renew"})
    assert "old one no longer works" in page.text("main")
    new = page.all("#link")[0].attrs["value"].partition("example.org")[2]
    assert new != link
    assert app.test_client().page(link).status == 404
    assert app.test_client().page(new).status == 200
    assert client.page(path).status == 200


@pytest.mark.parametrize(
    ("action", "recipient"), [("mail", "m@gmial.com"), ("replace-address", "m@gmail.com")]
)
def test_mistyped_address_is_asked_about_once(app, client, left_draft, action, recipient):
    path = f"{parent_path(left_draft[0])}/save"
    asked = client.send(path, {"action": "mail", "address": "m@gmial.com"})
    assert asked.status == 200
    assert asked.text("#address-suggestion") == "Did you mean m@gmail.com ?"
    posted = {"action": action, "address": "m@gmial.com", "checked": "m@gmail.com"}
    assert client.send(path, posted).all(".sent")
    with app.app_context():
        messages = db.session.scalars(select(MailMessage).order_by(MailMessage.id)).all()
        assert [message.recipient for message in messages] == [recipient]
