"""Guess passwords with forged addresses."""

from sqlalchemy import select

from tests.attack.browser import Browser, forged_address_headers
from tests.attack.conftest import app_of
from wizard.accounts import accounts, throttle
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.accounts import AuditEvent
from wizard.db.engine import db


def test_guesses_are_throttled_and_logged_by_real_address(server, server_app):
    with server_app.app_context():
        accounts.add_account(
            "guessed@example.gov", "viewer", COMMAND_LINE, "violin-cactus-harbor-9"
        )
    statuses = []
    for number in range(throttle.FREE_ATTEMPTS_PER_ACCOUNT + 3):
        data = {"email": "guessed@example.gov", "password": f"guess {number}"}
        statuses.append(
            Browser(server).post("/staff/login", data, forged_address_headers(number)).status_code
        )
    assert (
        statuses[: throttle.FREE_ATTEMPTS_PER_ACCOUNT] == [422] * throttle.FREE_ATTEMPTS_PER_ACCOUNT
    )
    assert 429 in statuses
    with app_of(server).app_context():
        refused = select(AuditEvent).where(AuditEvent.actor == "guessed@example.gov")
        assert {event.address for event in db.session.scalars(refused)} == {"127.0.0.1"}
