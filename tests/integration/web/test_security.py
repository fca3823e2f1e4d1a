"""Tests of CSRF tokens, cookies and security headers."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.formparser import FormDataParser

from tests.complete_form import complete_form, draft_path
from tests.conftest import AGENCY, load_case
from wizard.flows.commitment import COMMITMENT
from wizard.web import security

pytestmark = pytest.mark.one_store


def post_addresses(path: str) -> list[str]:
    """Return every address of a draft that accepts a POST."""
    return ["/respond/", *(f"{path}/{name}" for name in COMMITMENT.steps)]


def test_post_without_own_csrf_token_is_400(app, client):
    case = load_case("agency")
    path = draft_path(complete_form(client, case, until="review"))
    other = app.test_client().token()
    for address in post_addresses(path):
        for data in ({}, {"csrf_token": "x"}, {"csrf_token": other}):
            refused = client.post(address, data=data | {"city": "Elsewhere"})
            assert refused.status_code == 400, address
    assert client.page(f"{path}/organization").values()["city"] == ["Orlando"]


def test_every_response_has_security_headers(client):
    for path in ("/", "/questions", "/respond/", "/nowhere", "/static/site.css"):
        with client.get(path) as response:
            headers = response.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "strict-origin"
        assert ("no-store" in headers["Cache-Control"]) == (not path.startswith("/static"))


def test_https_sets_secure_cookie_and_hsts(make_app):
    app = make_app(PUBLIC_URL="https://commitments.example.org")
    response = app.test_client().get("/respond/", base_url="https://commitments.example.org")
    cookie = response.headers["Set-Cookie"]
    assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "max-age=31536000" in response.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_invalid_host_is_400(client, host):
    response = client.get("/questions", headers={"Host": host})
    assert (response.status_code, response.mimetype) == (400, "text/plain")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"&".join(b"f%d=1" % n for n in range(60_000)), "application/x-www-form-urlencoded", 413),
        (b"city=" + b"%C3" * 300_000, "application/x-www-form-urlencoded", 400),
        (b"--x\r\n\r\n" * 1000 + b"--x--", "multipart/form-data; boundary=x", 415),
        (b"city=" + b"x" * 2_100_000, "application/x-www-form-urlencoded", 413),
    ],
    ids=["fields", "not text", "multipart", "too large"],
)
def test_unusual_form_is_refused_before_parsing(client, monkeypatch, body, content_type, status):
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


def test_unchanged_session_sets_no_cookie(client):
    page = complete_form(client, AGENCY, until="contact")
    for path in (page.path, "/", "/questions", "/static/site.css", "/static/icon.svg"):
        with client.get(path) as response:
            assert "Set-Cookie" not in response.headers, path


HERE = "https://commitments.example.org"


@pytest.mark.parametrize(
    ("headers", "title"),
    [
        ({"Origin": HERE}, ""),
        ({"Origin": HERE, "Referer": "https://elsewhere.example/"}, ""),
        ({"Referer": f"{HERE}/respond/"}, ""),
        ({"Origin": "null"}, "We couldn’t confirm"),
        ({"Origin": "http://["}, "We couldn’t confirm"),
        ({"Referer": f"{HERE}:99999999/"}, "We couldn’t confirm"),
        ({"Origin": "https://elsewhere.example", "Referer": HERE}, "We couldn’t confirm"),
        ({"Origin": "http://commitments.example.org"}, "We couldn’t confirm"),
        ({"Referer": "https://commitments.example.org.elsewhere.example/"}, "We couldn’t confirm"),
        ({}, "We couldn’t confirm"),
    ],
)
def test_https_post_is_judged_by_origin_first(make_app, headers, title):
    browser = FlaskClient(make_app(PUBLIC_URL=HERE), use_cookies=True)
    page = browser.get("/respond/", base_url=HERE).text
    token = re.search(r'name="csrf_token" value="([^"]+)', page)[1]
    data = {"csrf_token": token, "organization_kind": "city"}
    answer = browser.post("/respond/", base_url=HERE, data=data, headers=headers)
    assert answer.status_code == (400 if title else 303)
    assert title in answer.text


@pytest.mark.parametrize("path", ["/commitments", "/questions/", "/staff/login", "/nowhere"])
def test_query_in_another_encoding_is_read(client, path):
    """Send bytes as they are; browsers escape them, other programs may not."""
    query = {"QUERY_STRING": "text=Pe\xf1a&lang=\xff&%C3%B1=\xc3\xb1"}
    answer = client.get(path, environ_overrides=query)
    assert answer.status_code in (200, 308, 404)
    assert answer.status_code != 308 or answer.location.endswith(
        "?text=Pe%F1a&lang=%FF&%C3%B1=%C3%B1"
    )


def test_post_without_any_cookie_says_that_cookies_are_needed(app):
    browser = FlaskClient(app, use_cookies=False)
    page = browser.get("/respond/").text
    token = re.search(r'name="csrf_token" value="([^"]+)', page)[1]
    answer = browser.post("/respond/", data={"csrf_token": token, "organization_kind": "city"})
    assert answer.status_code == 400 and "This form needs cookies" in answer.text


ADDED_ENDS = (
    *(".", ")", "%3E", "%E2%80%9D,", "/", "%0A", "%0D%0A", "%09", "|", "&gt;", "&amp;", "%3Cbr%3E"),
    *("&quot;&gt;.", "=%0A", "%E3%80%82", "%EF%BC%89", "%5C"),
)
"""What stands behind a link in a sentence, a message or a page's source."""


@pytest.mark.parametrize(
    ("given", "better"),
    [
        ("/)", "/"),
        ("/commitments/", "/commitments"),
        ("/questions/", "/questions"),
        ("/questions.?lang=es", "/questions?lang=es"),
        ("/privacy)%20", "/privacy"),
        ("/commitments/pdi-7k3m-q2xa", "/commitments/PDI-7K3M-Q2XA"),
        ("/commitments/grant7k3mq2xa", "/commitments/GRANT-7K3M-Q2XA"),
        ("/commitments/PDI7K3MQ2XA.", "/commitments/PDI-7K3M-Q2XA"),
        ("/commitments/pdi-7k3m-q2xa/update", "/commitments/PDI-7K3M-Q2XA/update"),
        ("/staff/submissions/pdi-7k3m-q2xa", "/staff/submissions/PDI-7K3M-Q2XA"),
        *((f"/resume/a.b-{end}", "/resume/a.b-") for end in ADDED_ENDS),
        ("/updates/a.b%3E?then=stop", "/updates/a.b?then=stop"),
    ],
)
def test_damaged_link_leads_to_page(client, given, better):
    answer = client.get(given)
    assert (answer.status_code, answer.headers["Location"]) == (308, better)


@pytest.mark.parametrize("path", ["/nowhere/", "/nowhere/.", "/respond/", "/", "/commitments/x"])
def test_link_without_better_one_is_not_redirected(client, path):
    assert client.get(path).status_code in (200, 404)
