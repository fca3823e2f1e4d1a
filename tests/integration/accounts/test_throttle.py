"""Tests of the wait after failed sign-ins."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.factories import audit_events
from tests.integration.accounts.conftest import EMAIL, PASSWORD, submit_sign_in
from wizard.accounts import accounts, sign_in, throttle
from wizard.accounts.audit import COMMAND_LINE


def test_wait_doubles_after_five_failures(app, account, now):
    waits = []
    for place in range(12):
        with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
            sign_in.sign_in(EMAIL, "wrong", "", f"192.0.2.{place}", "")
        if refused.value.wait:
            waits.append(refused.value.wait.total_seconds())
            now[0] += refused.value.wait
    assert waits == [1, 2, 4, 8]


def test_right_password_during_wait_is_429(client, account, now):
    for _ in range(5):
        submit_sign_in(client, password="wrong")
    answer = submit_sign_in(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Wait 1 second, then try again" in answer.text
    now[0] += timedelta(seconds=1)
    assert submit_sign_in(client).status_code == 303


def test_wait_is_at_most_15_minutes(app, account, now):
    for _ in range(60):
        try:
            with app.app_context():
                sign_in.sign_in(EMAIL, "wrong", "", "192.0.2.1", "")
        except sign_in.SignInRefused as refused:
            assert refused.wait <= timedelta(minutes=15)
            now[0] += refused.wait
    with app.app_context():
        assert sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.1", "")


def test_known_browser_has_own_throttle(app, client, account, now):
    submit_sign_in(client)
    now[0] += timedelta(days=30)
    stranger = app.test_client()
    for _ in range(9):
        submit_sign_in(stranger, password="wrong")
    assert submit_sign_in(stranger).status_code == 429
    assert submit_sign_in(client).status_code == 303


def test_address_is_throttled_across_accounts(app, account, now):
    for number in range(20):
        with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
            sign_in.sign_in(f"someone{number}@example.gov", "wrong", "", "192.0.2.9", "")
        assert not refused.value.wait
    with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
        sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.9", "")
    assert refused.value.wait


def test_concurrent_attempts_are_counted(app, make_app, account):
    """Use two programs on one database, like two server processes."""
    other = make_app()

    def attempt(number: int) -> bool:
        with (app if number % 2 else other).app_context():
            try:
                sign_in.sign_in(EMAIL, "wrong", "", f"192.0.2.{number}", "")
            except sign_in.SignInRefused as refused:
                return bool(refused.wait)
        return False

    with ThreadPoolExecutor(8) as threads:
        waited = list(threads.map(attempt, range(16)))
    assert (
        waited.count(False) <= throttle.FREE_ATTEMPTS_PER_ACCOUNT + 2
    )  # a wait of 1 s may end meanwhile


def test_reset_clears_failures(app, account, now):
    for _ in range(9):
        with app.app_context(), pytest.raises(sign_in.SignInRefused):
            sign_in.sign_in(EMAIL, "wrong", "", "192.0.2.1", "")
    with app.app_context():
        password = accounts.reset_account(EMAIL, COMMAND_LINE)
        assert sign_in.sign_in(EMAIL, password, "", "192.0.2.2", "")


def test_account_page_guesses_are_throttled_and_logged(app, client, account, now):
    submit_sign_in(client)
    data = {"action": "password", "old": "wrong", "new": "marble-otter-lantern-22"}
    for _ in range(5):
        assert "is incorrect" in client.send("/staff/account", data).text(".summary")
    page = client.send("/staff/account", data | {"old": PASSWORD})
    assert "Too many attempts" in page.text(".summary")
    assert len(audit_events(app, "refused")) == 5


def test_own_sign_in_does_not_clear_address_throttle(app, account, now):
    for number in range(40):
        with app.app_context():
            try:
                name = EMAIL if number % 10 == 9 else f"victim{number}@example.gov"
                sign_in.sign_in(name, PASSWORD, "", "192.0.2.9", "")
            except sign_in.SignInRefused as refused:
                if refused.wait:
                    return
    pytest.fail("never slowed")


def test_ipv6_network_is_throttled_as_one(app, account, now):
    for number in range(21):
        with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
            address = f"2001:db8::{number:x}:1"
            sign_in.sign_in(f"someone{number}@example.gov", "wrong", "", address, "")
    assert refused.value.wait


def test_right_password_gives_place_of_address_back(app, account, now):
    with app.app_context():
        for _ in range(25):
            sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.9", "")
        for number in range(throttle.FREE_ATTEMPTS_PER_ADDRESS - 1):
            with pytest.raises(sign_in.SignInRefused):
                sign_in.sign_in(f"x{number}@example.org", "wrong", "", "192.0.2.9", "")
        sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.9", "")
        with pytest.raises(sign_in.SignInRefused):
            sign_in.sign_in("y@example.org", "wrong", "", "192.0.2.9", "")
        with pytest.raises(sign_in.SignInRefused) as refused:
            sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.9", "")
        assert refused.value.wait
