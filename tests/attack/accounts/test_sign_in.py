"""Attack staff sessions: fixation, copied cookies, open redirects."""

import pytest
from sqlalchemy import delete

from tests.attack.browser import Browser
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.accounts import SignInThrottle
from wizard.db.engine import writing

PASSWORD = "violin-cactus-harbor-9"


@pytest.fixture(scope="module")
def account(server_app) -> str:
    """Create an account; return its email address."""
    with server_app.app_context():
        accounts.add_account("ada@example.gov", "viewer", COMMAND_LINE, PASSWORD)
    return "ada@example.gov"


@pytest.fixture
def unthrottled_account(server_app, account) -> str:
    """Return the same account after clearing failed attempts."""
    with server_app.app_context(), writing() as session:
        session.execute(delete(SignInThrottle))
    return account


def sign_in(browser: Browser, email: str):
    """Post the sign-in form."""
    return browser.post("/staff/login", {"email": email, "password": PASSWORD})


def test_sign_in_replaces_planted_token(server, unthrottled_account):
    browser = Browser(server)
    browser.cookies["staff"] = "planted"
    assert sign_in(browser, unthrottled_account).status_code == 303
    assert browser.cookies["staff"] not in ("", "planted")
    planted = Browser(server)
    planted.cookies["staff"] = "planted"
    assert planted.get("/staff/submissions").status_code == 303
    first = browser.cookies["staff"]
    sign_in(browser, unthrottled_account)
    assert browser.cookies["staff"] != first


def test_copied_cookie_is_invalid_after_sign_out(server, unthrottled_account):
    browser, thief = Browser(server), Browser(server)
    sign_in(browser, unthrottled_account)
    thief.cookies = dict(browser.cookies)
    assert thief.get("/staff/submissions").status_code == 200
    browser.post("/staff/logout")
    assert browser.cookies["staff"] == ""
    for path in ("/staff/submissions", "/staff/export/submissions.csv", "/staff/account"):
        answer = thief.get(path)
        assert answer.status_code in (303, 401), path


@pytest.mark.parametrize(
    "away",
    [
        "//evil.example",
        "https:evil.example",
        "\thttps://evil.example",
        "javascript:alert(1)",
        "/staff//evil.example",
        "/staff/@evil.example",
        "/staff/\r\nSet-Cookie: planted=1",
        "/staff/%0d%0aSet-Cookie:%20planted=1",
    ],
)
def test_next_stays_on_site(server, unthrottled_account, away):
    browser = Browser(server)
    answer = browser.post(
        "/staff/login", {"email": unthrottled_account, "password": PASSWORD, "next": away}
    )
    assert answer.status_code == 303
    assert answer.location.startswith("/staff/")
    assert "planted" not in browser.cookies
