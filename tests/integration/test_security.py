"""Safe by construction: who may open what, and what every answer carries."""

import os
import stat
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.formparser import FormDataParser

from tests.conftest import load_case
from tests.walk import draft_path, form_data, walk
from wizard import config, create_app
from wizard.flows.commitment import COMMITMENT
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due
from wizard.web import security


def every_post(path: str) -> list[str]:
    """Every address that takes a post."""
    return ["/respond/", *(f"{path}/{name}" for name in COMMITMENT.steps)]


def test_a_draft_opens_only_in_the_browser_that_made_it(app, client, case):
    path = draft_path(walk(client, case, until="review"))
    stranger = app.test_client()
    stranger.token()
    for name in [*COMMITMENT.steps, "done"]:
        assert stranger.get(f"{path}/{name}").status_code == 404
        refused = stranger.send(f"{path}/{name}", {"city": "x", "authorized": "yes"})
        assert refused.status == 404
    assert client.page(f"{path}/organization").values()["city"] == [case["city"]]


def test_an_address_that_names_no_draft_is_404(client):
    client.token()
    for path in (f"/respond/{uuid.uuid4()}/organization", "/respond/1/organization",
                 f"/respond/{uuid.UUID(int=0)}/done"):  # fmt: skip
        assert client.get(path).status_code == 404


def test_a_step_that_does_not_exist_is_404(client):
    path = draft_path(walk(client, load_case("agency"), until="contact"))
    for name in ("nothing", "kind%00", "..", "Organization"):
        assert client.get(f"{path}/{name}").status_code == 404
        assert client.send(f"{path}/{name}").status == 404


def test_no_post_passes_without_a_token_of_its_own_session(app, client):
    case = load_case("agency")
    path = draft_path(walk(client, case, until="review"))
    other = app.test_client().token()
    for address in every_post(path):
        for data in ({}, {"csrf_token": "x"}, {"csrf_token": other}):
            refused = client.post(address, data=data | {"city": "Elsewhere"})
            assert refused.status_code == 400, address
    assert client.page(f"{path}/organization").values()["city"] == ["Orlando"]


def test_every_answer_carries_a_strict_policy(client):
    for path in ("/", "/questions", "/respond/", "/nowhere", "/static/site.css"):
        with client.get(path) as response:
            headers = response.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "strict-origin"
        assert ("no-store" in headers["Cache-Control"]) == (not path.startswith("/static"))


def test_over_https_the_cookie_and_the_browser_stay_there(make_app):
    app = make_app(PUBLIC_URL="https://commitments.example.org")
    response = app.test_client().get("/respond/", base_url="https://commitments.example.org")
    cookie = response.headers["Set-Cookie"]
    assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "max-age=31536000" in response.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_host_that_is_no_name_is_400(client, host):
    response = client.get("/questions", headers={"Host": host})
    assert (response.status_code, response.mimetype) == (400, "text/plain")


PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% include 'x' %}",
    "' hx-get='/x' hx-trigger='load",
    "</textarea><h1>x</h1>",
    "</title><h1>x</h1>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_typed_is_text_on_every_page_and_in_the_message(client, app, payload):
    case = load_case("agency") | {
        "organization_name": payload,
        "current_data_description": payload,
        "commitment_title": payload,
    }
    case["data_sets"][0]["title"] = payload
    receipt = walk(client, case)  # the client lints every page on the way
    assert payload in receipt.text("main")
    with app.app_context():
        deliver_due()
        (file,) = mail_folder().glob("*.eml")
    body = file.read_text(encoding="utf-8").replace("=\n", "")
    if "<" in payload:
        html = body.split("text/html")[1]
        assert payload.replace("=", "=3D") not in html


def test_a_message_takes_nothing_from_the_host_that_a_request_claims(app, client, case):
    review = walk(client, case, until="review")
    data = {"csrf_token": client.token(), "authorized": "yes"}
    client.set_cookie("session", client.get_cookie("session").value, domain="evil.example")
    response = client.post(review.path, data=data, base_url="http://evil.example")
    assert response.status_code == 303
    with app.app_context():
        deliver_due()
        (file,) = mail_folder().glob("*.eml")
    text = file.read_text(encoding="utf-8")
    assert "evil.example" not in text and "commitments.example.org" in text


def test_a_name_cannot_write_headers(client, app):
    case = load_case("partner") | {"organization_name": "A\r\nBcc: x@example.org\r\n\r\nB"}
    walk(client, case)
    with app.app_context():
        deliver_due()
        (file,) = mail_folder().glob("*.eml")
    head = file.read_bytes().split(b"\r\n\r\n")[0]
    assert b"Bcc" not in head


def test_the_secret_is_made_once_and_is_the_owners_alone(tmp_path):
    settings = {"INSTANCE_PATH": str(tmp_path / "new")}
    first = create_app(settings).secret_key
    assert create_app(settings).secret_key == first
    assert len(first) >= 32
    mode = stat.S_IMODE(os.stat(tmp_path / "new" / "secret_key").st_mode)
    assert mode == 0o600


def test_a_setting_of_the_wrong_type_is_named():
    with pytest.raises(config.SettingError, match="WIZARD_PORT must be a whole number"):
        config.read_environment({"WIZARD_PORT": "eighty"})


def test_an_environment_that_nobody_knows_is_none_that_is_safe(tmp_path):
    with pytest.raises(config.SettingError, match="WIZARD_ENV must be production"):
        create_app({"INSTANCE_PATH": str(tmp_path), "ENV": "prod"})


def test_an_old_secret_still_opens_what_it_signed(make_app):
    case = load_case("agency")
    before = make_app(SECRET_KEY="old-secret-old-secret-old-secret").test_client()
    page = walk(before, case, until="contact")
    after = make_app(
        SECRET_KEY="new-secret-new-secret-new-secret",
        SECRET_KEY_FALLBACKS="old-secret-old-secret-old-secret",
    ).test_client()
    after.set_cookie("session", before.get_cookie("session").value)
    assert after.page(page.path).path == page.path
    data = form_data(COMMITMENT.steps["contact"], case)
    assert after.send(page.path, data).path.endswith("/current_data")


def test_a_flood_of_drafts_from_one_address_is_429(make_app):
    app = make_app(RATELIMIT_ENABLED=True)
    client = app.test_client()
    for _ in range(120):
        data = {"csrf_token": client.token(), "organization_kind": "city"}
        assert client.post("/respond/", data=data).status_code == 303
    refused = client.send("/respond/", {"organization_kind": "city"})
    assert refused.status == 429
    assert client.get("/respond/").status_code == 200


def test_command_that_needs_no_secret_creates_no_file(tmp_path):
    folder = tmp_path / "new"
    app = create_app({"INSTANCE_PATH": str(folder)})
    for command in (["--help"], ["routes"], ["check"], ["staff", "list"]):
        app.test_cli_runner().invoke(args=command)
    assert not folder.exists()


def test_programs_that_start_at_once_share_one_secret(tmp_path):
    settings = {"INSTANCE_PATH": str(tmp_path / "new")}
    apps = [create_app(settings) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda app: app.secret_key, apps))) == 1


def test_first_migration_creates_the_instance_folder(tmp_path):
    app = create_app({"INSTANCE_PATH": str(tmp_path / "a" / "b")})
    assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
    assert not (tmp_path / "a" / "b" / "secret_key").exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"&".join(b"f%d=1" % n for n in range(60_000)), "application/x-www-form-urlencoded", 413),
        (b"city=" + b"%C3" * 300_000, "application/x-www-form-urlencoded", 400),
        (b"--x\r\n\r\n" * 1000 + b"--x--", "multipart/form-data; boundary=x", 415),
        (b"city=" + b"x" * 1_100_000, "application/x-www-form-urlencoded", 413),
    ],
    ids=["fields", "not text", "multipart", "too large"],
)
def test_form_that_no_page_sends_is_refused_unparsed(
    client, monkeypatch, body, content_type, status
):
    parsed = []
    monkeypatch.setattr(FormDataParser, "parse", lambda *given: parsed.append(given))
    answer = client.post("/respond/", data=body, content_type=content_type)
    assert (answer.status_code, parsed) == (status, [])


@pytest.mark.parametrize(
    ("body", "is_text"),
    [
        (b"city=C%C3%B3rdoba+%F0%9F%98%80%25FF", True),
        ("city=Córdoba%C3%B3".encode(), True),
        (b"city=%C3A%A9", False),
        (b"city=%C3%25A9", False),
        (b"city=\xff", False),
        (b"city=%ed%a0%80", False),
    ],
)
def test_form_must_be_utf_8(body, is_text):
    assert security._is_utf8(body) == is_text
