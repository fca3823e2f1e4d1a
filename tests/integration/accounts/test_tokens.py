"""Tests of API tokens."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.client import Client
from tests.factories import add_submission, audit_events
from tests.integration.accounts.conftest import EXPORT_PATH
from wizard import clock
from wizard.accounts import tokens
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.accounts import ApiToken
from wizard.db.engine import db


def create_token(admin: Client, name: str = "nightly job", days: str = "90") -> str:
    """Create a token on its page; return the secret."""
    page = admin.send("/staff/tokens", {"action": "make", "name": name, "days": days})
    assert page.status == 200, page.errors()
    return page.text(".secret code")


def fetch_export(client: Client, secret: str, scheme: str = "Bearer", path: str = EXPORT_PATH):
    """Request an export with a token."""
    return client.get(path, headers={"Authorization": f"{scheme} {secret}"})


def test_token_opens_only_exports(app, client, admin):
    add_submission(app)
    secret = create_token(admin)
    for name in ("submissions.csv", "submissions.xlsx", "submissions.jsonl", "data-sets.csv",
                 "milestones.csv", "dictionary.csv"):  # fmt: skip
        assert fetch_export(client, secret, path=f"/staff/export/{name}").status_code == 200, name
    for path in ("/staff/", "/staff/submissions", "/staff/people", "/staff/audit.csv"):
        assert fetch_export(client, secret, path=path).status_code in (303, 401), path
    assert {event.actor for event in audit_events(app, "exported")} == {"token:nightly job"}


def test_token_is_shown_once_and_hashed(app, admin):
    secret = create_token(admin)
    assert secret not in admin.page("/staff/tokens").response.text
    with app.app_context():
        (row,) = db.session.execute(select(ApiToken.__table__))
    assert secret not in str(row)
    assert secret not in str([(e.subject, e.details) for e in audit_events(app)])


def test_invalid_revoked_or_expired_token_is_401(app, client, admin, monkeypatch):
    secret = create_token(admin)
    for given, scheme in [
        (secret[:-1], "Bearer"), (secret + "x", "Bearer"), ("", "Bearer"), (secret, "Basic"),
        ("\x00é", "Bearer"), (secret, ""),
    ]:  # fmt: skip
        refused = fetch_export(client, given, scheme)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert fetch_export(client, secret, "bearer").status_code == 200
    admin.send("/staff/tokens", {"action": "revoke", "name": "nightly job"})
    assert fetch_export(client, secret).status_code == 401
    later = create_token(admin, "another")
    moment = clock.now() + timedelta(days=91)
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert fetch_export(client, later).status_code == 401


def test_missing_token_is_401_or_sign_in(client):
    assert client.get(EXPORT_PATH).status_code == 401
    led = client.get(EXPORT_PATH, headers={"Accept": "text/html"})
    assert (led.status_code, led.location) == (303, "/staff/login?next=/staff/submissions")


def test_token_page_shows_last_use(client, admin):
    secret = create_token(admin)
    assert "Never" in admin.page("/staff/tokens").text("tbody")
    fetch_export(client, secret)
    assert "Never" not in admin.page("/staff/tokens").text("tbody")


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    ("name", "days"),
    [("", "90"), ("x" * 61, "90"), ("a\x00b", "9"), ("x", ""), ("x", "0"), ("x", "366"), ("x", "²"),
     ("taken", "90")],
)  # fmt: skip
def test_invalid_token_name_or_days_is_422(app, admin, name, days):
    with app.app_context():
        tokens.create_token("taken", 5, COMMAND_LINE)
    page = admin.send("/staff/tokens", {"action": "make", "name": name, "days": days})
    assert (page.status, page.errors().keys() <= {"name", "days"}) == (422, True)
    with app.app_context():
        assert len(tokens.list_tokens()) == 1


def test_revoke_unknown_token_is_422(admin):
    page = admin.send("/staff/tokens", {"action": "revoke", "name": "no\x00ne"})
    assert page.status == 422
