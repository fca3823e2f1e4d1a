"""Tests of the sign-in and account pages."""

import pytest

from tests.integration.accounts.conftest import EMAIL, PASSWORD
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.web.form_fields import fingerprint

pytestmark = pytest.mark.second_store_slow


def test_cookie_is_secure_and_limited_to_staff_path(make_app):
    app = make_app(PUBLIC_URL="https://commitments.example.org")
    with app.app_context():
        accounts.add_account(EMAIL, "viewer", COMMAND_LINE, PASSWORD)
    client = app.test_client()
    base = {"base_url": "https://commitments.example.org"}
    page = client.get("/staff/login", **base)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "email": EMAIL, "password": PASSWORD}
    headers = {"Referer": "https://commitments.example.org/staff/login"}
    answer = client.post("/staff/login", data=data, headers=headers, **base)
    (cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Secure-staff=")]
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/staff"):
        assert part in cookie


@pytest.mark.parametrize(
    ("endpoint", "names"),
    [
        ("note", ["text"]),
        ("status", ["text", "reason", "words-en", "words-es"]),
        ("changes", ["words", "about-city", "about-plan"]),
        ("act", ["how"]),
    ],
)
def test_texts_after_session_end_are_shown_to_copy(client, account, endpoint, names):
    texts = {name: f"Half an hour's work on {name}" for name in names}
    others = {"to": "declined", "version": "1", "contact": " "}
    page = client.send(f"/staff/submissions/PDI-AAAA-AAAA/{endpoint}", texts | others)
    assert page.status == 401
    assert [each.text.strip() for each in page.all("textarea")] == list(texts.values())


def test_export_without_session_signs_in_to_list(client):
    asked = client.get("/staff/export/submissions.csv?state=FL", headers={"Accept": "text/html"})
    assert asked.location == "/staff/login?next=/staff/submissions?state%3DFL"


def test_texts_stay_while_sign_in_fails(client, account):
    typed = {"text": "Half a thought", "about-city": "Which one?"}
    page = client.send("/staff/submissions/PDI-AAAA-AAAA/changes", typed)
    for _ in range(2):
        labels = [each.text for each in page.all("label[for^=lost]")]
        assert labels == ["New note", "What is missing? City or town"]
        assert [each.text for each in page.all("textarea")] == list(typed.values())
        page = client.send("/staff/login", page.values() | {"email": EMAIL, "password": "wrong"})
        assert page.status == 422


def test_standard_message_is_no_lost_text(client, account):
    shown = {"words-accepted": "Good news", "shown-words-accepted": fingerprint("Good news")}
    page = client.send("/staff/submissions/PDI-AAAA-AAAA/status", shown | {"text": "Mine"})
    assert [each.text for each in page.all("textarea")] == ["Mine"]


def test_current_password_is_not_taken_as_new_one(client, account):
    client.send("/staff/login", {"email": EMAIL, "password": PASSWORD})
    data = {"action": "password", "old": PASSWORD, "new": PASSWORD}
    page = client.send("/staff/account", data)
    assert (page.status, list(page.errors())) == (422, ["new"])
