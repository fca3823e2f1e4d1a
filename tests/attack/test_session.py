"""Sessions and forged requests: what another site, another session or an old cookie can do."""

import base64
import json
from datetime import UTC, datetime

import pytest
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import delete, select

from tests.attack.browser import Browser
from tests.attack.conftest import signed_in
from tests.conftest import PRODUCTION, load_case
from tests.server import serving
from tests.staff import add_submission
from tests.walk import draft_path, start, walk
from wizard import clock
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.engine import db, writing
from wizard.db.models import (
    AuditEvent,
    Draft,
    MailMessage,
    Report,
    SignInThrottle,
    StaffUser,
    Submission,
)
from wizard.flows.commitment import COMMITMENT

HERE = "https://commitments.example.org"
PASSWORD = "violin-cactus-harbor-9"
CITY = {"city": "Elsewhere", "organization_name": "X", "state": "FL"}


@pytest.fixture(scope="module")
def secure(migrated_sqlite, tmp_path_factory):
    """The program as an office serves it, behind a proxy that does the TLS."""
    folder = tmp_path_factory.mktemp("secure")
    (folder / "wizard.sqlite").write_bytes(migrated_sqlite.read_bytes())
    settings = {name: str(value) for name, value in PRODUCTION.items()}
    with serving(f"sqlite:///{folder / 'wizard.sqlite'}", folder, **settings) as started:
        yield started


def visitor(server, **more: str) -> Browser:
    """Somebody's browser, as the proxy passes it on."""
    return Browser(server, X_Forwarded_Proto="https", X_Forwarded_For="192.0.2.7", **more)


@pytest.mark.parametrize(
    "site",
    [
        "https://evil.example/",
        "https://evil.commitments.example.org/",
        "https://commitments.example.org.evil.example/",
        "http://commitments.example.org/",
        "",
    ],
)
def test_a_post_that_another_site_sends_is_refused_even_with_the_right_token(secure, site):
    browser = visitor(secure, Host="commitments.example.org")
    first = browser.post(
        "/respond/", {"organization_kind": "city"}, {"Referer": f"{HERE}/respond/"}
    )
    assert first.status_code == 303
    path = first.location.rpartition("/")[0]
    cross = {"Referer": site, "Origin": site.rstrip("/")} if site else {}
    assert browser.post(f"{path}/organization", CITY, cross).status_code == 400
    assert browser.post(f"{path}/organization/autosave", CITY, cross).status_code == 400
    assert browser.post(f"{path}/delete", {"action": "delete"}, cross).status_code == 400
    assert "Elsewhere" not in browser.get(f"{path}/organization").text


def test_over_https_no_other_host_of_the_domain_can_set_the_cookies(secure):
    answer = visitor(secure, Host="commitments.example.org").get("/respond/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    for part in ("; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def every_post() -> list[str]:
    """Every address that takes a post, of a draft or of a commitment."""
    steps = [f"{name}{more}" for name in COMMITMENT.steps for more in ("", "/autosave")]
    return [f"/respond/{{draft}}/{name}" for name in (*steps, "save", "delete")] + [
        "/respond/", "/commitments/{reference}/update", "/commitments/{reference}/reminders",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def submitted(server) -> tuple[Browser, str, str]:
    """Somebody's browser, their submitted draft, and its reference."""
    browser = Browser(server)
    receipt = walk(browser, load_case("partner"))
    return browser, draft_path(receipt).rsplit("/", 1)[1], receipt.text(".reference")


@pytest.mark.parametrize("address", every_post())
def test_no_post_passes_without_a_token_or_with_that_of_another_session(server, submitted, address):
    owner, draft, reference = submitted
    path = address.format(draft=draft, reference=reference)
    for token in ({}, {"csrf_token": "x"}, {"csrf_token": Browser(server).token()}):
        answer = owner.open("POST", path, token | CITY | {"action": "delete"})
        assert answer.status_code == 400, (path, token)


def test_to_look_changes_nothing(server, inside, submitted):
    owner, draft, reference = submitted
    other = draft_path(start(owner, load_case("agency"))).rsplit("/", 1)[1]
    admin = signed_in(server, inside, "admin", "looks")
    assert admin.get("/staff/").status_code == 200
    before = everything(inside)
    for rule in inside.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint == "static":
            continue
        for each in (draft, other) if "draft_id" in rule.rule else (draft,):
            names = {"draft_id": each, "name": "organization", "reference": reference}
            path = rule.rule.replace("<uuid:draft_id>", each)
            for name, value in names.items():
                path = path.replace(f"<{name}>", value)
            for query in ("", "?action=delete&authorized=yes&to=declined&csrf_token=x"):
                owner.get(path + query)
                admin.get(path + query)
    assert everything(inside) == before


def everything(app) -> list:
    """What is kept, but for the note of who looked."""
    with app.app_context():
        kept = []
        for model in (Draft, Submission, MailMessage, Report, StaffUser):
            for row in db.session.scalars(select(model)):
                values = {c.name: getattr(row, c.name) for c in model.__table__.columns}
                for bookkeeping in ("attempts", "sent_at", "next_at", "next_attempt_at"):
                    values.pop(bookkeeping, None)
                kept.append(json.dumps(values, default=str, sort_keys=True))
        return sorted(kept)


def test_a_session_that_somebody_planted_opens_nothing_to_them(server):
    attacker, victim = Browser(server), Browser(server)
    attacker.token()
    victim.cookies = dict(attacker.cookies)
    path = draft_path(start(victim, load_case("agency")))
    assert victim.get(f"{path}/organization").status_code == 200
    assert attacker.get(f"{path}/organization").status_code == 404
    assert attacker.post(f"{path}/organization", CITY).status_code == 404


def test_a_session_that_was_not_signed_here_is_none(server, submitted):
    _, draft, _ = submitted
    claims = {"drafts": [draft], "csrf_token": "x" * 40}
    plain = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    forged = [f"{plain}.aaaaaa.{'A' * 27}", plain, ".".join([plain] * 3), "", "x" * 4000, "\xff"]
    for key in ("", "secret", "dev", "wizard", "changeme"):
        for salt in ("cookie-session", "draft-resume"):
            forged.append(URLSafeTimedSerializer(key or "-", salt=salt).dumps(claims))
    for cookie in forged:
        stranger = Browser(server)
        stranger.cookies["session"] = cookie
        assert stranger.get(f"/respond/{draft}/done").status_code == 404, cookie


@pytest.fixture(scope="module")
def account(inside) -> str:
    """Somebody who may sign in."""
    with inside.app_context():
        accounts.add_account("ada@example.gov", "viewer", COMMAND_LINE, PASSWORD)
    return "ada@example.gov"


@pytest.fixture
def ada(inside, account) -> str:
    """The same; attempts of earlier tests are forgotten, all from one address."""
    with inside.app_context(), writing() as session:
        session.execute(delete(SignInThrottle))
    return account


def sign_in(browser: Browser, email: str):
    return browser.post("/staff/login", {"email": email, "password": PASSWORD})


def test_signing_in_takes_no_token_that_was_there_before(server, ada):
    browser = Browser(server)
    browser.cookies["staff"] = "planted"
    assert sign_in(browser, ada).status_code == 303
    assert browser.cookies["staff"] not in ("", "planted")
    planted = Browser(server)
    planted.cookies["staff"] = "planted"
    assert planted.get("/staff/submissions").status_code == 303
    first = browser.cookies["staff"]
    sign_in(browser, ada)
    assert browser.cookies["staff"] != first


def test_a_cookie_from_before_signing_out_is_worth_nothing(server, ada):
    browser, thief = Browser(server), Browser(server)
    sign_in(browser, ada)
    thief.cookies = dict(browser.cookies)
    assert thief.get("/staff/submissions").status_code == 200
    browser.post("/staff/logout")
    assert browser.cookies["staff"] == ""
    for path in ("/staff/submissions", "/staff/export/submissions.csv", "/staff/account"):
        answer = thief.get(path)
        assert answer.status_code in (303, 401), path


@pytest.mark.parametrize(
    "away",
    [
        "//evil.example",
        "https:evil.example",
        "\thttps://evil.example",
        "javascript:alert(1)",
        "/staff//evil.example",
        "/staff/@evil.example",
        "/staff/\r\nSet-Cookie: planted=1",
        "/staff/%0d%0aSet-Cookie:%20planted=1",
    ],
)
def test_after_signing_in_one_is_still_here(server, ada, away):
    browser = Browser(server)
    answer = browser.post("/staff/login", {"email": ada, "password": PASSWORD, "next": away})
    assert answer.status_code == 303
    assert answer.location.startswith("/staff/")
    assert "planted" not in browser.cookies


def test_exports_are_for_the_signed_in_alone(server, inside):
    add_submission(inside, "agency", at=datetime(2027, 3, 1, tzinfo=UTC))
    stranger = Browser(server)
    for name in ("submissions.csv", "submissions.xlsx", "submissions.jsonl", "data-sets.csv",
                 "milestones.csv"):  # fmt: skip
        for credentials in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic YTpi"}):
            answer = stranger.get(f"/staff/export/{name}", credentials)
            assert answer.status_code in (303, 401), name
            assert "Orlando" not in answer.text


def test_a_look_at_the_log_leaves_its_trace(server, inside):
    admin = signed_in(server, inside, "admin", "auditor")
    admin.get("/staff/audit.csv")
    with inside.app_context():
        last = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert (last.actor, last.address) == ("auditor@example.gov", "127.0.0.1")
        assert last.at <= clock.now()
