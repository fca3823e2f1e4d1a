"""Fixtures and helpers of the account tests."""

from datetime import UTC, datetime

import pyotp
import pytest

from tests.client import Client
from wizard import clock
from wizard.accounts import accounts, passwords
from wizard.accounts.audit import COMMAND_LINE

EXPORT_PATH = "/staff/export/submissions.csv"
EMAIL = "ada@example.gov"
PASSWORD = "violin-cactus-harbor-9"
START = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    """Hash passwords with the real function at a low cost."""
    monkeypatch.setattr(passwords, "METHOD", "scrypt:1024:8:1")


@pytest.fixture
def now(monkeypatch) -> list[datetime]:
    """Return a clock that a test can move."""
    moment = [START]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


@pytest.fixture
def account(app) -> str:
    """Create an editor's account; return its password."""
    with app.app_context():
        accounts.add_account(EMAIL, "editor", COMMAND_LINE, PASSWORD)
    return PASSWORD


def submit_sign_in(
    client: Client, email: str = EMAIL, password: str = PASSWORD, code: str = "", **more
):
    """Post the sign-in form; return the response."""
    data = {"csrf_token": client.token(), "email": email, "password": password, "code": code}
    return client.post("/staff/login", data=data | more)


def is_signed_in(client: Client) -> bool:
    """Return True if the client is signed in."""
    return client.get("/staff/submissions").status_code == 200


def set_up_second_factor(client: Client) -> tuple[str, list[str]]:
    """Set up an authenticator app; return its secret and the recovery codes."""
    page = client.page("/staff/account")
    secret = page.text("code.key").replace(" ", "")
    code = pyotp.TOTP(secret).at(clock.now())
    data = {"action": "second-factor", "code": code, "setup": page.values()["setup"][0]}
    done = client.send("/staff/account", data | {"kept": "yes"})
    assert done.status == 200, done.errors()
    return secret, [each.text for each in page.all(".secret code")]
