"""Keys for programs: shown once, kept as hashes, ended by time or by hand; and the audit log."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from tests.client import Client
from tests.staff import add_submission, colleague, events
from wizard import clock
from wizard.accounts import accounts, audit, tokens
from wizard.accounts.audit import COMMAND_LINE, Actor
from wizard.db import batches
from wizard.db.engine import db
from wizard.db.models import ApiToken, AuditEvent

CSV = "/staff/export/submissions.csv"


@pytest.fixture
def admin(app) -> Client:
    return colleague(app, "admin")


def make_token(admin: Client, name: str = "nightly job", days: str = "90") -> str:
    """A new token, as its page shows it."""
    page = admin.send("/staff/tokens", {"action": "make", "name": name, "days": days})
    assert page.status == 200, page.errors()
    return page.text(".secret code")


def fetch(client: Client, secret: str, scheme: str = "Bearer", path: str = CSV):
    """The answer to a program that comes with a token."""
    return client.get(path, headers={"Authorization": f"{scheme} {secret}"})


def test_a_token_opens_every_export_and_nothing_else(app, client, admin):
    add_submission(app)
    secret = make_token(admin)
    for name in ("submissions.csv", "submissions.xlsx", "submissions.jsonl", "data-sets.csv",
                 "milestones.csv", "dictionary.csv"):  # fmt: skip
        assert fetch(client, secret, path=f"/staff/export/{name}").status_code == 200, name
    for path in ("/staff/", "/staff/submissions", "/staff/people", "/staff/audit.csv"):
        assert fetch(client, secret, path=path).status_code in (303, 401), path
    assert {event.actor for event in events(app, "exported")} == {"token:nightly job"}


def test_a_token_is_shown_once_and_kept_as_a_hash(app, admin):
    secret = make_token(admin)
    assert secret not in admin.page("/staff/tokens").response.text
    with app.app_context():
        (row,) = db.session.execute(select(ApiToken.__table__))
    assert secret not in str(row)
    assert secret not in str([(e.subject, e.details) for e in events(app)])


def test_a_token_that_is_broken_revoked_or_expired_is_401(app, client, admin, monkeypatch):
    secret = make_token(admin)
    for given, scheme in [
        (secret[:-1], "Bearer"), (secret + "x", "Bearer"), ("", "Bearer"), (secret, "Basic"),
        ("\x00é", "Bearer"), (secret, ""),
    ]:  # fmt: skip
        refused = fetch(client, given, scheme)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert fetch(client, secret, "bearer").status_code == 200
    admin.send("/staff/tokens", {"action": "revoke", "name": "nightly job"})
    assert fetch(client, secret).status_code == 401
    later = make_token(admin, "another")
    moment = clock.now() + timedelta(days=91)
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert fetch(client, later).status_code == 401


def test_a_program_without_a_token_is_told_401_and_a_browser_is_led_to_sign_in(client):
    assert client.get(CSV).status_code == 401
    led = client.get(CSV, headers={"Accept": "text/html"})
    assert (led.status_code, led.location) == (303, "/staff/login?next=/staff/submissions")


def test_the_page_tells_when_a_token_was_last_used(client, admin):
    secret = make_token(admin)
    assert "Never" in admin.page("/staff/tokens").text("tbody")
    fetch(client, secret)
    assert "Never" not in admin.page("/staff/tokens").text("tbody")


@pytest.mark.parametrize(
    ("name", "days"),
    [("", "90"), ("x" * 61, "90"), ("a\x00b", "9"), ("x", ""), ("x", "0"), ("x", "366"), ("x", "²"),
     ("taken", "90")],
)  # fmt: skip
def test_a_token_that_cannot_be_made_is_422_with_what_was_typed(app, admin, name, days):
    with app.app_context():
        tokens.create_token("taken", 5, COMMAND_LINE)
    page = admin.send("/staff/tokens", {"action": "make", "name": name, "days": days})
    assert (page.status, page.errors().keys() <= {"name", "days"}) == (422, True)
    with app.app_context():
        assert len(tokens.list_tokens()) == 1


def test_revoking_what_is_not_there_says_so(admin):
    page = admin.send("/staff/tokens", {"action": "revoke", "name": "no\x00ne"})
    assert page.status == 422


# The audit log


def log(app, *entries: tuple[str, str]) -> None:
    """Some events of one actor."""
    for action, subject in entries:
        with app.app_context():
            audit.record_event(Actor("ada@example.gov", "192.0.2.7"), action, subject)


def test_the_log_is_filtered_by_who_what_and_when(app, admin):
    log(app, ("viewed", "PDI-AAAA-AAAA"), ("moved", "PDI-BBBB-BBBB"))
    for query, expected in [
        ("action=viewed", "PDI-AAAA-AAAA"),
        ("subject=PDI-BBBB-BBBB", "PDI-BBBB-BBBB"),
        ("actor=ada@example.gov&action=moved", "PDI-BBBB-BBBB"),
        ("first_day=2000-01-01&action=moved", "PDI-BBBB-BBBB"),
    ]:
        page = admin.page(f"/staff/audit?{query}")
        (row,) = page.all(".list tbody tr")
        assert expected in row.to_text()
    for query in ("actor=nobody", "last_day=2000-01-01"):
        assert "Nothing matches" in admin.page(f"/staff/audit?{query}").text("main")


@pytest.mark.parametrize(
    "query",
    [
        "action=guessed",
        "first_day=soon",
        "actor=%00",
        "actr=x",
        "actor=a&actor=b",
        "last_day=9999-12-31",
    ],
)
def test_a_malformed_filter_of_the_log_is_400(admin, query):
    for path in ("/staff/audit", "/staff/audit.csv"):
        assert admin.page(f"{path}?{query}").status == 400


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 40])
def test_a_page_of_the_log_that_no_link_leads_to_is_its_first_or_400(app, admin, before):
    assert admin.get(f"/staff/audit?before={before}").status_code in (200, 400)


def test_a_long_log_is_read_page_by_page(app, admin):
    log(app, *(("viewed", f"PDI-{number:04}") for number in range(120)))
    first = admin.page("/staff/audit?action=viewed")
    rows = first.all(".list tbody tr")
    older = admin.page(first.all(".pages a")[0].attrs["href"]).all(".list tbody tr")
    assert (len(rows), len(older)) == (100, 20)
    assert "PDI-0119" in rows[0].to_text() and "PDI-0000" in older[-1].to_text()


def test_the_log_is_exported_and_its_export_is_logged(app, admin):
    log(app, ("viewed", "=1+1"))
    answer = admin.get("/staff/audit.csv?action=viewed")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["at", "actor", "action", "subject", "details", "address"]
    assert rows[1][1:] == ["ada@example.gov", "viewed", "'=1+1", "", "192.0.2.7"]
    assert [event.subject for event in events(app, "exported")] == ["audit.csv"]


def test_log_is_streamed_without_session_or_application(app, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_SIZE", 2)
    log(app, *(("viewed", f"PDI-{number}") for number in range(5)))
    with app.app_context():
        mine = db.session.scalars(select(AuditEvent)).first()
        rows = audit.csv_rows({"action": "viewed"})
        assert next(rows)[3] == "PDI-0"
        assert mine in db.session
        db.session.rollback()
        assert db.engine.pool.checkedout() == 0
    assert [row[3] for row in rows] == ["PDI-1", "PDI-2", "PDI-3", "PDI-4"]


def test_log_tells_the_exact_moment(app):
    log(app, ("viewed", "PDI-AAAA-AAAA"))
    with app.app_context():
        (row,) = audit.csv_rows({})
    assert datetime.fromisoformat(row[0]) == events(app)[0].at


def test_every_action_in_the_store_has_words(app):
    with app.app_context(), pytest.raises(ValueError, match="no words"):
        audit.record_event(COMMAND_LINE, "danced")
    with app.app_context():
        assert db.session.scalars(select(AuditEvent)).all() == []


def test_what_was_searched_for_is_not_in_the_log(app, admin):
    admin.get(f"{CSV}?text=Jane+Doe&status=received")
    (event,) = events(app, "exported")
    assert event.details == {"filters": {"status": "received", "text": "…"}}


# People


def test_an_admin_adds_a_person_whose_password_is_shown_once(app, admin):
    data = {"action": "add", "email": "New.Person@Example.gov", "role": "editor"}
    page = admin.send("/staff/people", data)
    password = page.text(".secret code")
    assert "new.person@example.gov" in page.text("tbody")
    assert password not in admin.page("/staff/people").response.text
    (event,) = events(app, "person_added")
    assert (event.subject, event.details) == ("new.person@example.gov", {"role": "editor"})
    person = app.test_client()
    entered = {"email": "new.person@example.gov", "password": password}
    assert person.send("/staff/login", entered).path == "/staff/"


@pytest.mark.parametrize(
    "data",
    [
        {"action": "add", "email": "", "role": "viewer"},
        {"action": "add", "email": "no address", "role": "viewer"},
        {"action": "add", "email": "x@example.gov", "role": "king"},
        {"action": "add", "email": "admin@example.gov", "role": "viewer"},
        {"action": "role", "email": "nobody@example.gov", "role": "viewer"},
        {"action": "role", "email": "admin@example.gov", "role": "viewer"},
        {"action": "disable", "email": "admin@example.gov"},
        {"action": "reset", "email": "\x00"},
    ],
)
def test_what_cannot_be_done_to_an_account_is_422_and_nothing_changes(app, admin, data):
    page = admin.send("/staff/people", data)
    assert (page.status, list(page.errors())) == (422, ["email"])
    assert admin.page("/staff/people").text("tbody").startswith("admin@example.gov admin")
    assert events(app, "person_changed") == []


def test_what_no_page_asks_for_does_nothing(app, admin):
    for path in ("people", "tokens", "account"):
        assert (
            admin.send(f"/staff/{path}", {"action": "dance", "name": "x", "days": "9"}).status
            == 400
        )
    with app.app_context():
        assert tokens.list_tokens() == []


@pytest.mark.parametrize("what", ["person", "token"])
def test_the_same_added_twice_at_once_is_there_once(app, what):
    def add(_) -> bool:
        with app.app_context():
            try:
                if what == "person":
                    accounts.add_account(
                        "ada@example.gov", "viewer", COMMAND_LINE, "violin-cactus-harbor-9"
                    )
                else:
                    tokens.create_token("nightly", 9, COMMAND_LINE)
            except (accounts.AccountError, tokens.TokenError):
                return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(add, range(4))).count(True) == 1


def test_a_secret_is_shown_to_nobody_else_in_the_same_browser(app, admin):
    data = {"action": "add", "email": "new@example.gov", "role": "viewer"}
    admin.send("/staff/people", data, follow=False)
    admin.set_cookie("staff", "token of other@example.gov", path="/staff")
    colleague(app, "viewer", "other")
    assert admin.page("/staff/account").all(".secret") == []


def test_a_new_role_counts_from_the_next_request_on(app, admin):
    other = colleague(app, "viewer", "ada")
    assert other.get("/staff/people").status_code == 403
    admin.send("/staff/people", {"action": "role", "email": "ada@example.gov", "role": "admin"})
    assert other.get("/staff/people").status_code == 200
    admin.send("/staff/people", {"action": "disable", "email": "ada@example.gov"})
    assert other.get("/staff/people").status_code == 303
