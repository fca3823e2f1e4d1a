"""Tests of links in messages."""

import pytest

from tests.complete_form import complete_form
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due

pytestmark = pytest.mark.pages


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
