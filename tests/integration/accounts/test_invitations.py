"""Tests of the links by which staff join, or begin anew."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pyotp
import pytest
from sqlalchemy import select, update

from tests.factories import audit_events, staff_client
from tests.integration.accounts.conftest import (
    EMAIL,
    PASSWORD,
    is_signed_in,
    set_up_second_factor,
    submit_sign_in,
)
from wizard import clock
from wizard.accounts import accounts, invitations
from wizard.accounts.audit import COMMAND_LINE, Actor
from wizard.db.accounts import StaffLink, StaffUser
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage
from wizard.notify import outbox

pytestmark = pytest.mark.second_store_slow

NEW = "grace@example.gov"
NEW_PASSWORD = "marble-otter-lantern-22"


@pytest.fixture
def admin(app, now):
    """Return a signed-in admin, at the time of the test's clock."""
    return staff_client(app, "admin")


def invite(admin, role: str = "editor", address: str = NEW) -> str:
    """Invite somebody; return the path of the link that the page shows without a mail server."""
    data = {"action": "invite", "email": address, "name": "Grace Hopper", "role": role}
    page = admin.send("/staff/people", data)
    assert page.status == 200, page.errors()
    return link_path(page)


def link_path(page) -> str:
    """Return the path of the link that a page shows."""
    return "/staff/welcome/" + page.text("#secret code").partition("/staff/welcome/")[2]


def choices(page, **more) -> dict[str, str]:
    """Return what somebody enters on the page of a link."""
    secret = page.text("code.key").replace(" ", "")
    entered = {"name": "Grace Hopper", "password": NEW_PASSWORD, "kept": "yes"}
    if secret:
        code = pyotp.TOTP(secret).at(clock.now())
        entered |= {"code": code, "setup": page.values()["setup"][0]}
    return entered | more


def open_again(admin, step: str, user_id: int) -> str:
    """Reset an account; return the path of the link."""
    return link_path(admin.send(f"/staff/people/{user_id}/{step}", {}))


def user_id(app, address: str = EMAIL) -> int:
    with app.app_context():
        return accounts.find_account(address).id


def test_invited_person_joins_and_signs_in(app, admin, now):
    path = invite(admin)
    assert path not in admin.page("/staff/people").response.text
    person = app.test_client()
    page = person.page(path)
    assert "admin@example.gov invited you" in page.text("main")
    done = person.send(path, choices(page))
    assert done.path == "/staff/account" and "set up" in done.text(".notice")
    assert is_signed_in(person)
    with app.app_context():
        user = accounts.find_account(NEW)
    assert (user.name, user.role, len(user.recovery_codes)) == ("Grace Hopper", "editor", 10)
    assert user.signed_in_at == now[0]
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(user.totp_secret).at(now[0])
    other = app.test_client()
    assert submit_sign_in(other, NEW, NEW_PASSWORD).status_code == 422
    assert submit_sign_in(other, NEW, NEW_PASSWORD, code).status_code == 303
    people = admin.page("/staff/people").text("main")
    assert "Grace Hopper" in people and "No invitation is open." in people


def test_opening_link_uses_nothing_up(app, admin):
    path = invite(admin)
    for _ in range(3):
        page = app.test_client().page(path)
    assert app.test_client().send(path, choices(page)).status == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "grace@example.gov"}, "password"),
        ({"code": "000000"}, "code"),
        ({"kept": None}, "kept"),
        ({"name": ""}, "name"),
    ],
)
def test_incomplete_choice_keeps_page_and_changes_nothing(app, admin, change, field):
    path, person = invite(admin), app.test_client()
    page = person.page(path)
    entered = {name: value for name, value in choices(page, **change).items() if value is not None}
    again = person.send(path, entered)
    assert (again.status, list(again.errors())) == (422, [field])
    assert again.text("code.key") == page.text("code.key")
    with app.app_context():
        assert accounts.find_account(NEW) is None
    assert not is_signed_in(person)


def test_link_works_once(app, admin):
    path = invite(admin)
    first, second = app.test_client(), app.test_client()
    pages = first.page(path), second.page(path)
    assert first.send(path, choices(pages[0])).status == 200
    late = second.send(path, choices(pages[1]))
    assert (late.status, late.text("h1")) == (410, "This link doesn’t work")
    assert "used already" in late.text("main") and not is_signed_in(second)


def test_two_tabs_at_once_make_one_account(app, admin):
    path = invite(admin)
    clients = [app.test_client() for _ in range(3)]
    entered = [choices(client.page(path)) for client in clients]
    with ThreadPoolExecutor(3) as threads:
        pages = list(threads.map(lambda client, data: client.send(path, data), clients, entered))
    assert sorted(page.status for page in pages) == [200, 410, 410]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("expire", "72 hours"),
        ("send", "newer link"),
        ("invite", "newer link"),
        ("revoke", "took this link back"),
        ("account", "already an account"),
        ("disable", "took this link back"),
        ("demote", "took this link back"),
        ("reset", "took this link back"),
        ("delete", "whole link"),
    ],
)
def test_ended_link_says_why(app, admin, now, act, said):
    path, person = invite(admin), app.test_client()
    entered = choices(person.page(path))
    with app.app_context():
        link = invitations.list_open()[0]
        if act == "expire":
            now[0] += timedelta(hours=72)
        elif act == "send":
            invitations.send_again(str(link.id), COMMAND_LINE)
        elif act == "invite":
            invitations.invite(NEW, "Grace", "viewer", COMMAND_LINE)
        elif act == "revoke":
            invitations.revoke(str(link.id), COMMAND_LINE)
        elif act == "account":
            accounts.add_account(NEW, "viewer", COMMAND_LINE, PASSWORD)
        elif act == "disable":
            accounts.disable_account("admin@example.gov", COMMAND_LINE, force=True)
        elif act == "demote":
            accounts.add_account("other@example.gov", "admin", COMMAND_LINE, PASSWORD)
            accounts.set_role("admin@example.gov", "viewer", COMMAND_LINE)
        elif act == "reset":
            accounts.reset_account("admin@example.gov", COMMAND_LINE)
        else:
            with writing() as session:
                session.delete(session.get(StaffLink, link.id))
    for page in (person.page(path), person.send(path, entered)):
        assert page.status == (404 if act == "delete" else 410)
        assert said in page.text("main")
    assert not is_signed_in(person)


def test_changed_role_applies_to_newest_link(app, admin):
    invite(admin, "admin")
    path, person = invite(admin, "viewer"), app.test_client()
    person.send(path, choices(person.page(path)))
    assert person.get("/staff/people").status_code == 403


@pytest.mark.parametrize("path", ["x", "WyIwMCIsMV0.forged"])
def test_forged_link_is_404(client, path):
    assert client.page(f"/staff/welcome/{path}").status == 404


def test_password_reset_needs_link_and_app(app, client, account, admin, now):
    submit_sign_in(client)
    secret, codes = set_up_second_factor(client)
    path = open_again(admin, "reset-password", user_id(app))
    assert not is_signed_in(client)
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(secret).at(now[0])
    assert submit_sign_in(client, code=code).status_code == 422
    data = {"password": NEW_PASSWORD, "code": "000000"}
    refused = client.send(path, data)
    assert (refused.status, list(refused.errors())) == (422, ["code"])
    assert client.send(path, data | {"code": codes[0]}).status == 200
    assert is_signed_in(client)


def test_second_factor_reset_needs_link_and_password(app, client, account, admin, now):
    submit_sign_in(client)
    secret, codes = set_up_second_factor(client)
    path = open_again(admin, "reset-second-factor", user_id(app))
    now[0] += timedelta(minutes=2)
    for code in ("", pyotp.TOTP(secret).at(now[0]), codes[0]):
        assert submit_sign_in(client, code=code).status_code == 422
    page = client.page(path)
    refused = client.send(path, choices(page, password="wrong"))
    assert (refused.status, list(refused.errors())) == (422, ["password"])
    assert client.send(path, choices(page, password=PASSWORD)).status == 200
    assert is_signed_in(client)


def test_guesses_with_link_are_slowed_down(app, client, account, admin):
    path = open_again(admin, "reset-second-factor", user_id(app))
    page = client.page(path)
    for _ in range(6):
        refused = client.send(path, choices(page, password="wrong"))
    assert "Too many attempts" in refused.errors()["password"]


def test_second_reset_adds_to_first(app, client, account, admin):
    first = open_again(admin, "reset-password", user_id(app))
    second = open_again(admin, "reset-second-factor", user_id(app))
    assert client.page(first).status == 410
    page = client.page(second)
    assert client.send(second, choices(page)).status == 200


def test_reset_by_command_ends_mailed_link(app, account):
    with app.app_context():
        link = invitations.reset(EMAIL, ["password", "second_factor"], COMMAND_LINE)
        accounts.reset_account(EMAIL, COMMAND_LINE)
        with pytest.raises(invitations.LinkClosed):
            invitations.read_link(link.rpartition("/")[2])


def test_reset_link_of_disabled_account_says_so(app, client, account, admin):
    path = open_again(admin, "reset-password", user_id(app))
    admin.send(f"/staff/people/{user_id(app)}/disable", {})
    page = client.page(path)
    assert page.status == 410 and "disabled" in page.text("main")
    again = open_again(admin, "open", user_id(app))
    page = client.page(again)
    assert client.send(again, choices(page)).status == 200


@pytest.mark.parametrize("step", ["reset-password", "reset-second-factor"])
def test_reset_is_refused_when_account_was_disabled_meanwhile(app, account, admin, step):
    number = user_id(app)
    admin.page(f"/staff/people/{number}/{step}")
    with app.app_context():
        accounts.disable_account(EMAIL, COMMAND_LINE)
        before = accounts.find_account(EMAIL)
    page = admin.send(f"/staff/people/{number}/{step}", {})
    assert page.status == 422 and "is disabled, so nothing was reset" in page.errors()["step"]
    with app.app_context():
        after = accounts.find_account(EMAIL)
        assert after.disabled_at == before.disabled_at is not None
        assert after.password_hash == before.password_hash
        assert invitations.list_open() == []


def test_page_asks_first_and_says_what_happens(app, account, admin):
    for step, effects in {
        "disable": ["signed out", "notes"],
        "reset-password": ["signed out", "email a link", "notes"],
        "reset-second-factor": ["signed out", "recovery codes", "email a link", "notes"],
    }.items():
        text = admin.page(f"/staff/people/{user_id(app)}/{step}").text("main")
        assert all(each in text for each in effects), text
    with app.app_context():
        assert accounts.find_account(EMAIL).disabled_at is None
    assert admin.page(f"/staff/people/{user_id(app)}/dance").status == 404
    assert admin.page("/staff/people/99/disable").status == 404


def test_own_buttons_say_why_they_are_off(app, admin, now):
    page = admin.page("/staff/people")
    off = [each for each in page.all("tbody button") if "disabled" in each.attrs]
    assert len(off) == 4
    assert {each.attrs["aria-describedby"] for each in off} == {"off-1"}
    assert "the last admin" in page.text("#off-1")
    staff_client(app, "admin", "second")
    assert "your own account" in admin.page("/staff/people").text("#off-1")
    for step in ("disable", "reset-password"):
        assert admin.send(f"/staff/people/1/{step}", {}).status == 422


def test_links_to_an_address_are_limited(app):
    with app.app_context():
        for _ in range(5):
            invitations.invite(NEW, "Grace", "viewer", COMMAND_LINE)
        with pytest.raises(accounts.AccountError, match="5 links within a day"):
            invitations.invite(NEW, "Grace", "viewer", COMMAND_LINE)
        with writing() as session:
            session.execute(update(MailMessage).values(created_at=clock.now() - timedelta(days=2)))
        assert "/staff/welcome/" in invitations.invite(NEW, "Grace", "viewer", COMMAND_LINE)


def test_message_has_newest_link_alone(app, admin, make_app):
    path = invite(admin)
    with app.app_context():
        message = db.session.scalars(select(MailMessage)).one()
        text = str(outbox.render_email(message).get_body(("plain",)).get_content())
        assert re.search(r"/staff/welcome/\S+", text)[0] == path
        db.session.rollback()
        invitations.invite(NEW, "Grace", "viewer", COMMAND_LINE)
        with pytest.raises(outbox.NotNeeded):
            outbox.render_email(message)


def test_link_is_not_shown_with_mail_server(app, admin, monkeypatch):
    monkeypatch.setitem(app.config, "SMTP_URL", "smtps://mail.example.gov")
    data = {"action": "invite", "email": NEW, "name": "Grace", "role": "viewer"}
    page = admin.send("/staff/people", data)
    assert page.status == 200 and "/staff/welcome/" not in page.response.text


def test_link_is_stored_and_audited_nowhere(app, admin):
    token = invite(admin).rpartition("/")[2]
    with app.app_context():
        for table in (StaffLink, StaffUser, MailMessage):
            for row in db.session.scalars(select(table)):
                assert token not in str(vars(row))
    assert token not in str([event.details for event in audit_events(app)])


def test_old_links_are_deleted_with_their_messages(app, admin, now):
    invite(admin)
    with app.app_context():
        now[0] += timedelta(days=32)
        assert invitations.purge_ended() == 0
        now[0] += timedelta(days=2)
        assert invitations.purge_ended() == 1
        assert db.session.scalars(select(MailMessage)).all() == []


def test_name_is_shown_beside_address(app, admin, account, now):
    admin.send("/staff/people", {"action": "name", "email": EMAIL, "name": "Ada Lovelace"})
    admin.send("/staff/account", {"action": "name", "name": "Alan Turing"})
    page = admin.page("/staff/people")
    assert "Ada Lovelace" in page.text("tbody") and "Alan Turing" in page.text(".staffbar")
    admin.send("/staff/tokens", {"action": "make", "name": "nightly", "days": "9"})
    assert "Alan Turing (admin@example.gov)" in admin.page("/staff/tokens").text("tbody")


def test_list_shows_no_second_factor_after_its_reset(app, client, account, admin, now):
    sign_in = {"email": EMAIL, "password": PASSWORD}
    client.send("/staff/login", sign_in)
    set_up_second_factor(client)
    assert "✓ Set up" in row_of(admin, EMAIL)
    with app.app_context():
        invitations.reset(EMAIL, ["second_factor"], Actor("admin@example.gov"))
    assert "✓ Set up" not in row_of(admin, EMAIL)


def test_last_sign_in_is_none_before_first_one(app, admin, account):
    assert "None yet" in row_of(admin, EMAIL) and "Not known" not in row_of(admin, EMAIL)


def row_of(admin, email: str) -> str:
    """Return the row of an account; one of its link may follow."""
    rows = [each.text for each in admin.page("/staff/people").all("tr") if email in each.text]
    return rows[0]


def test_invited_person_reads_all_that_the_role_can_do(app, client):
    with app.app_context():
        accounts.add_account("boss@example.gov", "admin", COMMAND_LINE, PASSWORD)
        link = invitations.invite("eve@example.gov", "Eve", "editor", Actor("boss@example.gov"))
    page = client.page(urlsplit(link).path)
    assert "Your role: Editor: can read and export submissions; can also" in page.text("main")
