"""Tests of the second factor and recovery codes."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from tests.conftest import PRODUCTION
from tests.factories import audit_events, staff_client
from tests.integration.accounts.conftest import (
    EMAIL,
    PASSWORD,
    is_signed_in,
    set_up_second_factor,
    submit_sign_in,
)
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.accounts import StaffUser
from wizard.db.engine import db

pytestmark = pytest.mark.second_store_slow


def test_password_without_code_is_refused(client, account, now):
    submit_sign_in(client)
    secret, codes = set_up_second_factor(client)
    assert len(set(codes)) == 10
    client.send("/staff/logout")
    assert submit_sign_in(client).status_code == 422
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(secret).at(now[0])
    assert submit_sign_in(client, code=f"{code[:3]} {code[3:]}").status_code == 303


def test_code_works_once(app, client, account, now):
    submit_sign_in(client)
    secret, _ = set_up_second_factor(client)
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(secret).at(now[0])
    assert submit_sign_in(client, code=code).status_code == 303
    assert submit_sign_in(app.test_client(), code=code).status_code == 422


def test_code_of_previous_step_works(client, account, now):
    submit_sign_in(client)
    secret, _ = set_up_second_factor(client)
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(secret).at(now[0] - timedelta(seconds=30))
    assert submit_sign_in(client, code=code).status_code == 303


def test_recovery_code_works_once_and_is_hashed(app, client, account):
    submit_sign_in(client)
    _, codes = set_up_second_factor(client)
    with app.app_context():
        assert codes[0] not in str(db.session.scalars(select(StaffUser)).one().recovery_codes)
    assert submit_sign_in(client, code=codes[0].upper()).status_code == 303
    assert submit_sign_in(client, code=codes[0]).status_code == 422
    assert audit_events(app, "recovery_code_used")[0].details == {"left": 9}


@pytest.mark.parametrize("sign", ["", " ", "-", "–"])
def test_recovery_code_works_without_its_hyphens(client, account, sign):
    submit_sign_in(client)
    _, codes = set_up_second_factor(client)
    assert submit_sign_in(client, code=codes[0].replace("-", sign)).status_code == 303
    assert "Recovery codes 9 left" in client.page("/staff/account").text("main")


def test_recovery_codes_are_shown_once(client, account):
    submit_sign_in(client)
    _, codes = set_up_second_factor(client)
    assert not set(codes) & set(client.page("/staff/account").text("main").split())


def test_set_up_waits_until_codes_are_kept(app, client, account, now):
    submit_sign_in(client)
    page = client.page("/staff/account")
    code = pyotp.TOTP(page.text("code.key").replace(" ", "")).at(now[0])
    data = {"action": "second-factor", "code": code, "setup": page.values()["setup"][0]}
    again = client.send("/staff/account", data)
    assert (again.status, list(again.errors())) == (422, ["kept"])
    assert again.text("#codes") == page.text("#codes")
    with app.app_context():
        assert db.session.scalars(select(StaffUser)).one().totp_secret is None


def test_wrong_setup_code_keeps_key_on_page(app, client, account):
    submit_sign_in(client)
    page = client.page("/staff/account")
    data = {"action": "second-factor", "code": "000000", "setup": page.values()["setup"][0]}
    again = client.send("/staff/account", data)
    assert (again.status, list(again.errors())) == (422, ["code"])
    assert again.text("code.key") == page.text("code.key")
    with app.app_context():
        assert db.session.scalars(select(StaffUser)).one().totp_secret is None


def test_production_requires_second_factor(make_app):
    app = make_app(**PRODUCTION)
    app.config["SESSION_COOKIE_SECURE"] = False  # these tests speak no TLS
    viewer = staff_client(app, "viewer")
    for path in ("/staff/", "/staff/submissions", "/staff/export/submissions.csv"):
        answer = viewer.get(path)
        assert (answer.status_code, answer.location) == (303, "/staff/account")
    set_up_second_factor(viewer)
    assert viewer.get("/staff/").status_code == 200


def test_replacing_app_needs_password(app, client, account, now):
    submit_sign_in(client)
    secret, _ = set_up_second_factor(client)
    page = client.page("/staff/account")
    other = page.text("code.key").replace(" ", "")
    data = {"action": "second-factor", "setup": page.values()["setup"][0]}
    data["code"] = pyotp.TOTP(other).at(now[0])
    for password in ("", "wrong"):
        refused = client.send("/staff/account", data | {"password": password})
        assert (refused.status, list(refused.errors())) == (422, ["password"])
        with app.app_context():
            assert db.session.scalars(select(StaffUser)).one().totp_secret == secret
    done = client.send("/staff/account", data | {"password": PASSWORD, "kept": "yes"})
    assert done.status == 200
    with app.app_context():
        assert db.session.scalars(select(StaffUser)).one().totp_secret == other


def test_reset_removes_second_factor(app, client, account):
    submit_sign_in(client)
    set_up_second_factor(client)
    with app.app_context():
        password = accounts.reset_account(EMAIL, COMMAND_LINE)
    assert not is_signed_in(client)
    assert submit_sign_in(client, password=password).status_code == 303
