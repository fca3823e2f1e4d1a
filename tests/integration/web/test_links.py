"""Tests of links in messages."""

from datetime import timedelta

import pytest

from tests.complete_form import complete_form
from wizard import clock
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due
from wizard.web import links

pytestmark = pytest.mark.second_store_slow


def test_mail_links_ignore_request_host(app, client, case):
    review = complete_form(client, case, until="review")
    data = {"csrf_token": client.token(), "authorized": "yes"}
    client.set_cookie("session", client.get_cookie("session").value, domain="evil.example")
    response = client.post(review.path, data=data, base_url="http://evil.example")
    assert response.status_code == 303
    with app.app_context():
        deliver_due()
        (file,) = mail_folder().glob("*.eml")
    text = file.read_text(encoding="utf-8")
    assert "evil.example" not in text and "commitments.example.org" in text


def test_acting_link_names_case_and_account_for_ten_minutes(app, monkeypatch):
    now = clock.now()
    with app.app_context():
        address = links.acting_url("PDI-AAAA-AAAA", "ada@example.gov")
        token = address.rpartition("/")[2]
        assert address == f"http://commitments.example.org/acting/{token}"
        assert links.parse_acting_token(token) == ("PDI-AAAA-AAAA", "ada@example.gov")
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=10, seconds=1))
        assert links.parse_acting_token(token) is None


@pytest.mark.parametrize("token", ["", "x", "W10.x", "🐈"])
def test_invalid_acting_link_names_nothing(app, token):
    with app.app_context():
        update = links.submission_url("PDI-AAAA-AAAA", 1).rpartition("/")[2]
        assert links.parse_acting_token(token) is links.parse_acting_token(update) is None
