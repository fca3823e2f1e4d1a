"""Limits: two processes count together, and nobody makes up an address to be counted by."""

from sqlalchemy import select

from tests.attack.browser import Browser
from tests.attack.conftest import inside_of
from tests.server import serving
from wizard.accounts import accounts, throttle
from wizard.accounts.audit import COMMAND_LINE
from wizard.apply.views import START_LIMIT
from wizard.db.engine import db
from wizard.db.models import AuditEvent

MOST = int(START_LIMIT.split()[0])
FORGED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP", "True-Client-IP", "Via")


def forged(number: int) -> dict[str, str]:
    """Headers in which a visitor claims an address of their own choice."""
    address = f"198.51.100.{number % 250}"
    return {name: f"for={address}" if name == "Forwarded" else address for name in FORGED}


def begun(browser: Browser, servers: list, times: int) -> list[int]:
    """Statuses of as many starts, by each server in turn, each from another made-up address."""
    statuses = []
    for number in range(times):
        browser.server = servers[number % len(servers)]
        data = {"organization_kind": "city"}
        statuses.append(browser.post("/respond/", data, forged(number)).status_code)
    return statuses


def test_two_processes_count_together_whatever_address_a_visitor_claims(
    sqlite_url, tmp_path, redis
):
    settings = {"RATELIMIT_STORAGE_URI": redis.url}
    with (
        serving(sqlite_url, tmp_path, **settings) as one,
        serving(sqlite_url, tmp_path, **settings) as other,
    ):
        statuses = begun(Browser(one), [one, other], MOST + 4)
    assert statuses == [303] * MOST + [429] * 4


def test_behind_a_proxy_the_address_that_it_saw_counts_and_not_what_a_visitor_put_before(
    sqlite_url, tmp_path
):
    with serving(sqlite_url, tmp_path, TRUSTED_PROXIES="1") as server:
        browser = Browser(server)

        def start(seen_by_proxy: str, number: int) -> int:
            claimed = f"198.51.100.{number % 250}, {seen_by_proxy}"
            data = {"organization_kind": "city"}
            return browser.post("/respond/", data, {"X-Forwarded-For": claimed}).status_code

        assert {start("192.0.2.1", number) for number in range(MOST)} == {303}
        assert start("192.0.2.1", 1) == 429
        assert start("192.0.2.2", 1) == 303
        assert start("2001:db8::1", 1) == 303
        for number in range(MOST - 1):
            start(f"2001:db8::{number:x}", 1)
        assert start("2001:db8::ffff", 1) == 429


def test_guessing_passwords_is_slowed_and_logged_by_the_true_address(server, inside):
    with inside.app_context():
        accounts.add_account(
            "guessed@example.gov", "viewer", COMMAND_LINE, "violin-cactus-harbor-9"
        )
    statuses = []
    for number in range(throttle.FREE_ATTEMPTS_PER_ACCOUNT + 3):
        data = {"email": "guessed@example.gov", "password": f"guess {number}"}
        statuses.append(Browser(server).post("/staff/login", data, forged(number)).status_code)
    assert (
        statuses[: throttle.FREE_ATTEMPTS_PER_ACCOUNT] == [422] * throttle.FREE_ATTEMPTS_PER_ACCOUNT
    )
    assert 429 in statuses
    with inside_of(server).app_context():
        refused = select(AuditEvent).where(AuditEvent.actor == "guessed@example.gov")
        assert {event.address for event in db.session.scalars(refused)} == {"127.0.0.1"}
