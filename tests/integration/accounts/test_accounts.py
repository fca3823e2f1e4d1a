"""Tests of changes to accounts."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pyotp
import pytest

from tests.integration.accounts.conftest import EMAIL, PASSWORD, is_signed_in, submit_sign_in
from wizard.accounts import accounts, passwords, second_factor, sign_in
from wizard.accounts.audit import COMMAND_LINE, Actor


def test_disable_ends_sessions(app, client, account):
    submit_sign_in(client)
    with app.app_context():
        accounts.disable_account(EMAIL, COMMAND_LINE)
    assert not is_signed_in(client)
    assert submit_sign_in(client).status_code == 422


def test_new_password_ends_other_sessions(app, client, account):
    other = app.test_client()
    submit_sign_in(client)
    submit_sign_in(other)
    new = "marble-otter-lantern-22"
    data = {"action": "password", "old": PASSWORD, "new": new}
    assert "Password changed." in client.send("/staff/account", data).text("main")
    assert is_signed_in(client) and not is_signed_in(other)
    assert submit_sign_in(other).status_code == 422
    assert submit_sign_in(other, password=new).status_code == 303


def test_reset_during_sign_in_rejects_old_password(app, account, monkeypatch):
    real = passwords.verify_password

    def slow(kept, password):
        fits = real(kept, password)
        monkeypatch.setattr(passwords, "verify_password", real)
        accounts.reset_account(EMAIL, COMMAND_LINE)
        return fits

    monkeypatch.setattr(passwords, "verify_password", slow)
    with app.app_context(), pytest.raises(sign_in.SignInRefused):
        sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.1", "")


def test_ended_session_cannot_change_account(app, client, account):
    submit_sign_in(client)
    with app.app_context():
        person = sign_in.load_session(client.get_cookie("staff", path="/staff").value)
        password = accounts.reset_account(EMAIL, COMMAND_LINE)
        setup = second_factor.offer_setup("1")
        with pytest.raises(accounts.AccountError, match="session has ended"):
            second_factor.set_second_factor(
                person, "", setup, pyotp.TOTP(setup.secret).now(), COMMAND_LINE, kept=True
            )
        with pytest.raises(accounts.AccountError, match="session has ended"):
            accounts.change_password(person, password, "marble-otter-lantern-22", COMMAND_LINE)


def add_admins(app, *emails):
    with app.app_context():
        for email in emails:
            accounts.add_account(email, "admin", COMMAND_LINE)


@pytest.mark.parametrize(
    "act",
    [
        lambda email, actor: accounts.disable_account(email, actor),
        lambda email, actor: accounts.set_role(email, "viewer", actor),
    ],
)
def test_two_admins_cannot_remove_each_other(app, act):
    emails = ["ada@example.gov", "grace@example.gov"]
    add_admins(app, *emails)

    def remove(pair):
        with app.app_context(), suppress(accounts.AccountError):
            act(pair[1], Actor(pair[0]))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(remove, [emails, emails[::-1]]))
    with app.app_context():
        active = [user for user in accounts.list_accounts() if not user.disabled_at]
    assert [user.role for user in active].count("admin") == 1


def test_former_admin_changes_no_account(app):
    add_admins(app, "ada@example.gov", "grace@example.gov")
    with app.app_context():
        accounts.set_role("grace@example.gov", "viewer", COMMAND_LINE)
        with pytest.raises(accounts.AccountError, match="no longer an admin"):
            accounts.add_account("eve@example.gov", "admin", Actor("grace@example.gov"))


def test_last_admin_is_disabled_only_by_force(app):
    add_admins(app, "ada@example.gov")
    command = ["staff", "disable", "ada@example.gov"]
    refused = app.test_cli_runner().invoke(args=command)
    assert refused.exit_code == 1 and "--force" in refused.output
    assert app.test_cli_runner().invoke(args=[*command, "--force"]).exit_code == 0
