"""Tests of signing in and of sessions."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from tests.factories import audit_events
from tests.integration.accounts.conftest import EMAIL, PASSWORD, is_signed_in, submit_sign_in
from wizard.accounts import accounts, passwords, sign_in
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.accounts import StaffSession, StaffUser
from wizard.db.engine import db, writing

pytestmark = pytest.mark.second_store_slow


def test_sign_in_redirects_to_next(app, client, account):
    asked = client.get("/staff/submissions?state=FL", headers={"Accept": "text/html"})
    page = client.page(asked.location)
    next_page = page.values()["next"][0]
    answer = submit_sign_in(client, next=next_page)
    assert (answer.status_code, answer.location) == (303, "/staff/submissions?state=FL")
    assert is_signed_in(client)
    assert [event.actor for event in audit_events(app, "signed_in")] == [EMAIL]


def test_email_ignores_case_and_blanks(client, account):
    assert submit_sign_in(client, f"  {EMAIL.upper()} ").status_code == 303


@pytest.mark.parametrize(
    "away",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/staff/\\\\evil",
        "/x",
        "/staff/../respond/",
        "/staff/logout",
        "/staff/export/submissions.csv",
    ],  # fmt: skip
)
def test_next_rejects_external_url(client, account, away):
    assert submit_sign_in(client, next=away).location == "/staff/"


def test_every_failure_has_same_answer(app, client, account):
    with app.app_context():
        accounts.add_account("gone@example.gov", "admin", COMMAND_LINE, PASSWORD)
        accounts.disable_account("gone@example.gov", COMMAND_LINE, force=True)
        accounts.add_account("careful@example.gov", "admin", COMMAND_LINE, PASSWORD)
        with writing() as session:
            user = session.scalars(select(StaffUser).where(StaffUser.email.like("careful%"))).one()
            user.totp_secret = pyotp.random_base32()
    answers = set()
    for email, password in [
        (EMAIL, "violin-cactus-harbor-8"),
        ("nobody@example.gov", PASSWORD),
        ("gone@example.gov", PASSWORD),
        ("careful@example.gov", PASSWORD),
        ("", ""),
        ("x\x00y", "\x00"),
    ]:
        answer = submit_sign_in(client, email, password)
        text = answer.text.replace(email, "") if email else answer.text
        answers.add((answer.status_code, " ".join(text.split()).replace("\ufffd", "")))
    assert len({code for code, _ in answers}) == 1
    messages = {text.split("<h1")[0].split("summary")[1] for _, text in answers}
    assert len(messages) == 1
    reasons = [event.details["reason"] for event in audit_events(app, "refused")]
    assert reasons == [
        "password", "no such account", "disabled", "sign-in code", "no such account",
        "no such account",
    ]  # fmt: skip


def test_unknown_email_costs_a_password_check(app, account, monkeypatch):
    checked = []
    real = passwords.check_password_hash
    monkeypatch.setattr(
        passwords, "check_password_hash", lambda *args: checked.append(1) or real(*args)
    )
    for email in (EMAIL, "nobody@example.gov"):
        with app.app_context(), pytest.raises(sign_in.SignInRefused):
            sign_in.sign_in(email, "Something else entirely", "", "192.0.2.1", "")
    assert len(checked) == 2


def test_refusal_log_omits_unknown_email(app, client, account):
    submit_sign_in(client, PASSWORD, EMAIL)  # typed into each other's places
    assert PASSWORD not in str([(e.actor, e.subject, e.details) for e in audit_events(app)])


def test_session_ends_after_30_idle_minutes(client, account, now):
    submit_sign_in(client)
    for _ in range(3):
        now[0] += timedelta(minutes=29)
        assert is_signed_in(client)
    now[0] += timedelta(minutes=31)
    assert not is_signed_in(client)


def test_session_ends_after_12_hours(client, account, now):
    submit_sign_in(client)
    for _ in range(24):
        now[0] += timedelta(minutes=29, seconds=50)
        assert is_signed_in(client)
    now[0] += timedelta(minutes=10)
    assert not is_signed_in(client)


def test_sign_out_ends_session_of_copied_cookie(app, client, account):
    submit_sign_in(client)
    thief = app.test_client()
    thief.set_cookie("staff", client.get_cookie("staff", path="/staff").value, path="/staff")
    assert is_signed_in(thief)
    assert client.send("/staff/logout").text("h1") == "Sign in"
    assert not is_signed_in(client) and not is_signed_in(thief)


def test_stored_token_hash_opens_no_session(app, client, account):
    submit_sign_in(client)
    token = client.get_cookie("staff", path="/staff").value
    with app.app_context():
        (row,) = db.session.scalars(select(StaffSession))
        assert token not in row.token_hash
        assert sign_in.load_session(row.token_hash) is None


def test_daily_job_deletes_ended_sessions(app, client, account, now):
    submit_sign_in(client)
    submit_sign_in(client, password="wrong")
    now[0] += timedelta(days=1)
    with app.app_context():
        sign_in.purge_expired()
        assert db.session.scalars(select(StaffSession)).all() == []
