"""Tests of the pages on which admins manage accounts."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.factories import audit_events, staff_client
from wizard.accounts import accounts, tokens
from wizard.accounts.audit import COMMAND_LINE

pytestmark = pytest.mark.second_store_slow


@pytest.mark.parametrize(
    "data",
    [
        {"action": "invite", "name": "Ada", "email": "", "role": "viewer"},
        {"action": "invite", "name": "Ada", "email": "no address", "role": "viewer"},
        {"action": "invite", "name": "Ada", "email": "x@example.gov", "role": "king"},
        {"action": "invite", "name": "Ada", "email": "admin@example.gov", "role": "viewer"},
        {"action": "role", "email": "nobody@example.gov", "role": "viewer"},
        {"action": "role", "email": "admin@example.gov", "role": "viewer"},
        {"action": "role", "email": "\x00", "role": "viewer"},
        {"action": "send", "link": "\x00"},
        {"action": "revoke", "link": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_invalid_account_change_is_422(app, admin, data):
    page = admin.send("/staff/people", data)
    assert (page.status, list(page.errors())) == (422, ["email"])
    assert admin.page("/staff/people").text("tbody").startswith("admin@example.gov")
    assert audit_events(app, "person_changed") == []


def test_unknown_action_is_400(app, admin):
    for path in ("people", "tokens", "account"):
        assert (
            admin.send(f"/staff/{path}", {"action": "dance", "name": "x", "days": "9"}).status
            == 400
        )
    with app.app_context():
        assert tokens.list_tokens() == []


@pytest.mark.parametrize("what", ["person", "token"])
def test_concurrent_add_creates_one(app, what):
    def add(_) -> bool:
        with app.app_context():
            try:
                if what == "person":
                    accounts.add_account(
                        "ada@example.gov", "viewer", COMMAND_LINE, "violin-cactus-harbor-9"
                    )
                else:
                    tokens.create_token("nightly", 9, COMMAND_LINE)
            except (accounts.AccountError, tokens.TokenError):
                return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(add, range(4))).count(True) == 1


def test_secret_is_hidden_from_next_account(app, admin):
    data = {"action": "invite", "email": "new@example.gov", "name": "New", "role": "viewer"}
    admin.send("/staff/people", data, follow=False)
    admin.set_cookie("staff", "token of other@example.gov", path="/staff")
    staff_client(app, "viewer", "other")
    assert "/staff/welcome/" not in admin.page("/staff/account").text("main")


def test_role_change_applies_to_next_request(app, admin):
    other = staff_client(app, "viewer", "ada")
    assert other.get("/staff/people").status_code == 403
    admin.send("/staff/people", {"action": "role", "email": "ada@example.gov", "role": "admin"})
    assert other.get("/staff/people").status_code == 200
    admin.send("/staff/people/2/disable", {})
    assert other.get("/staff/people").status_code == 303
