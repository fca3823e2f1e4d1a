"""Addresses written oddly: nothing opens by them, and nobody is sent elsewhere."""

from urllib.parse import urlsplit

import pytest

from tests.attack.browser import Browser, raw, status
from tests.conftest import load_case
from tests.walk import draft_path, start

ODD = [
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "//evil.example/%2e%2e",
    "/%5cevil.example",
    "/staff",
    "/staff//submissions",
    "/staff/submissions/",
    "/STAFF/submissions",
    "/staff%2fsubmissions",
    "/staff/%2e%2e/staff/submissions",
    "/staff/./submissions",
    "/x/../staff/submissions",
    "/staff/submissions;a=b",
    "/staff/submissions%00",
    "/staff/submissions%20",
    "/staff/submissions.json",
    "/%73taff/submissions",
    "/respond//",
    "/respond/./exit",
    "/commitments/../staff/submissions",
    "/static/../wizard/config.py",
    "/static/%2e%2e/wizard/config.py",
    "/static/..%2finstance%2fsecret_key",
    "/static/%252e%252e/README.md",
    "/static//etc/passwd",
    "/static/..\\..\\README.md",
    "/static/",
    "/.git/config",
    "/.env",
    "/instance/secret_key",
    "/wizard.sqlite",
    "/commitments/x.csv/",
    "/commitments/%2e%2e%2fstaff.csv",
    "/staff/export/..%2f..%2fsecret_key",
    "/resume/",
    "/resume/a/b",
    "/metrics/",
    "/%00",
    "/%ff%fe",
    "/%c0%ae%c0%ae/",
    "/?next=//evil.example",
    "/staff/?next=//evil.example",
]


@pytest.mark.parametrize("path", ODD)
def test_an_odd_address_opens_nothing_and_leads_nowhere_else(server, path):
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    head, _, body = raw(server, request.encode("latin-1")).partition(b"\r\n\r\n")
    assert status(head) in (200, 303, 308, 400, 404)
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "location":
            assert urlsplit(value).netloc in ("", "127.0.0.1"), value
            assert not value.startswith(("//", "/\\")), value
    for secret in (b"def from_environment", b"[core]", b"SQLite format", b"root:", b"Audit log"):
        assert secret not in body
    if status(head) == 200:
        assert b"//evil.example" not in body and b"\\evil.example" not in body
        assert "/staff/" not in path and "/static" not in path


@pytest.mark.parametrize(
    "end", ["/", "//", "/.", "/%2e", ";x=1", "%20", "%0a", "%00", "?next=//evil"]
)
def test_a_step_opens_by_its_own_address_alone(server, browser, end):
    path = draft_path(start(browser, load_case("agency")))
    answer = browser.get(f"{path}/organization{end}")
    assert answer.status_code == (200 if end.startswith("?") else 404)
    assert Browser(server).get(f"{path}/organization{end}").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "evil.example:80"])
def test_no_page_or_redirect_takes_the_host_that_a_request_claims(server, browser, host):
    path = draft_path(start(browser, load_case("agency")))
    claimed = {
        "Host": host,
        "X-Forwarded-Host": host,
        "X-Original-URL": "/staff/",
        "X-Rewrite-URL": "/staff/",
    }
    for address in ("/", f"{path}/save", "/data.json", "/commitments.atom", "/staff/", "/respond"):
        answer = browser.get(address, claimed)
        assert "evil.example" not in answer.text, address
        assert "evil.example" not in answer.location, answer.location
