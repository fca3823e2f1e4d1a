"""Send odd paths, methods and Host headers."""

from urllib.parse import urlsplit

import pytest

from tests.attack.browser import Browser, send_raw, status_code
from tests.attack.conftest import staff_browser, stored_rows
from tests.complete_form import draft_path, start_draft
from tests.conftest import load_case
from tests.factories import update_path

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
def test_odd_path_opens_nothing_and_stays_on_site(server, path):
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    head, _, body = send_raw(server, request.encode("latin-1")).partition(b"\r\n\r\n")
    assert status_code(head) in (200, 303, 308, 400, 404)
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "location":
            assert urlsplit(value).netloc in ("", "127.0.0.1"), value
            assert not value.startswith(("//", "/\\")), value
    for secret in (b"def from_environment", b"[core]", b"SQLite format", b"root:", b"Audit log"):
        assert secret not in body
    if status_code(head) == 200:
        assert b"//evil.example" not in body and b"\\evil.example" not in body
        assert "/staff/" not in path and "/static" not in path


@pytest.mark.parametrize(
    "end", ["/", "//", "/.", "/%2e", ";x=1", "%20", "%0a", "%00", "?next=//evil"]
)
def test_step_address_with_suffix_opens_nothing_else(server, browser, end):
    path = draft_path(start_draft(browser, load_case("agency")))
    answer = browser.get(f"{path}/organization{end}")
    if answer.status_code == 308:  # what people and mail programs add to a link is taken off
        assert answer.headers["Location"] == f"{path}/organization"
    else:
        assert answer.status_code == (200 if end.startswith("?") else 404)
    assert Browser(server).get(f"{path}/organization{end}").status_code in (308, 404)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "evil.example:80"])
def test_claimed_host_is_not_used(server, browser, host):
    path = draft_path(start_draft(browser, load_case("agency")))
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


@pytest.mark.parametrize(
    "method",
    ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 300, "OPTIONS"],
)
def test_unsupported_method_changes_nothing(server, browser, method):
    path = draft_path(start_draft(browser, load_case("agency")))
    for address in (
        f"{path}/organization",
        f"{path}/delete",
        "/staff/login",
        "/commitments.csv",
        "/",
    ):
        answer = browser.open(method, address, {"action": "delete"}, {"X-Secret": "echo"})
        assert answer.status_code in (200, 400, 404, 405, 501), (method, address)
        assert "echo" not in answer.text
        if method != "OPTIONS":
            assert answer.status_code >= 400, (method, address)
    assert browser.get(f"{path}/organization").status_code == 200


@pytest.mark.parametrize("name", ["_method", "X-HTTP-Method-Override"])
def test_method_override_is_ignored(browser, name):
    path = draft_path(start_draft(browser, load_case("agency")))
    browser.open("GET", f"{path}/delete?{name}=POST&action=delete", more={name: "POST"})
    browser.post(f"{path}/organization", {name: "DELETE", "action": "save"}, {name: "DELETE"})
    assert browser.get(f"{path}/organization").status_code == 200


@pytest.mark.slow
def test_get_requests_change_nothing(server, server_app, submitted_draft):
    owner, draft, reference = submitted_draft
    other = draft_path(start_draft(owner, load_case("agency"))).rsplit("/", 1)[1]
    admin = staff_browser(server, server_app, "admin", "looks")
    assert admin.get("/staff/").status_code == 200
    link = update_path(server_app, reference).rpartition("/")[2]
    assert owner.get(f"/updates/{link}").status_code == 303
    before = stored_rows(server_app)
    for rule in server_app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint == "static":
            continue
        for each in (draft, other) if "draft_id" in rule.rule else (draft,):
            names = {"draft_id": each, "name": "organization", "reference": reference,
                     "role": "contact", "token": link}  # fmt: skip
            path = rule.rule.replace("<uuid:draft_id>", each)
            for name, value in names.items():
                path = path.replace(f"<{name}>", value)
            for query in ("", "?action=delete&authorized=yes&to=declined&csrf_token=x"):
                owner.get(path + query)
                admin.get(path + query)
    assert stored_rows(server_app) == before
