"""Tests of changes to accounts."""

import pyotp
import pytest

from tests.integration.accounts.conftest import EMAIL, PASSWORD, is_signed_in, submit_sign_in
from wizard.accounts import accounts, passwords, second_factor, sign_in
from wizard.accounts.audit import COMMAND_LINE


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
        secret = pyotp.random_base32()
        with pytest.raises(accounts.AccountError, match="session has ended"):
            second_factor.set_second_factor(
                person, "", secret, pyotp.TOTP(secret).now(), COMMAND_LINE
            )
        with pytest.raises(accounts.AccountError, match="session has ended"):
            accounts.change_password(person, password, "marble-otter-lantern-22", COMMAND_LINE)
