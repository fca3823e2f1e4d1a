"""Attack CSRF, cookies and cache headers of a running server."""

import pytest

from tests.attack.browser import Browser
from tests.attack.conftest import ORGANIZATION_DATA, staff_browser
from tests.complete_form import complete_form, draft_path, start_draft
from tests.conftest import PRODUCTION, load_case
from tests.server import running_server
from wizard.flows.commitment import COMMITMENT


@pytest.mark.slow
def test_private_responses_are_not_cached(server, server_app):
    browser = Browser(server)
    receipt = complete_form(browser, load_case("partner"))
    reference, done = receipt.text(".reference"), draft_path(receipt)
    draft = draft_path(start_draft(browser, load_case("agency")))
    admin = staff_browser(server, server_app, "admin", "cached")
    seen = 0
    for rule in server_app.url_map.iter_rules():
        if "GET" not in rule.methods:
            continue
        for path in (draft, done) if "draft_id" in rule.rule else (draft,):
            address = rule.rule.replace("<uuid:draft_id>", path.rsplit("/", 1)[1])
            address = address.replace("<reference>", reference).replace("<token>", "x")
            address = address.replace(
                "<name>", "submissions.csv" if "export" in address else "kind"
            )
            address = address.replace("<path:filename>", "site.css")
            for each in (browser, admin, Browser(server)):
                for more in ({}, {"HX-Request": "true"}):
                    answer = each.get(address, more)
                    kept = answer.headers["Cache-Control"]
                    seen += 1
                    if "no-store" in kept:
                        continue
                    assert "Set-Cookie" not in answer.headers, address
                    assert rule.endpoint == "static" or rule.endpoint.startswith("open_data."), rule
                    assert "Cookie" not in answer.headers.get("Vary", ""), address
    assert seen > 200


def test_page_varies_on_htmx_headers(browser):
    answer = browser.get("/respond/")
    for header in ("HX-Request", "HX-History-Restore-Request"):
        assert header in answer.headers["Vary"]


def test_cache_deception_suffix_is_404(server):
    browser = Browser(server)
    path = draft_path(start_draft(browser, load_case("agency")))
    for end in ("/x.css", ".css", ";.css", "%2ex.css", "/..%2fsite.css", "%00.css", "%3f.css"):
        answer = browser.get(f"{path}/organization{end}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store"), end


HERE = "https://commitments.example.org"


@pytest.fixture(scope="module")
def production_server(migrated_sqlite, tmp_path_factory):
    """Run the program as in production, behind a TLS proxy."""
    folder = tmp_path_factory.mktemp("secure")
    (folder / "wizard.sqlite").write_bytes(migrated_sqlite.read_bytes())
    settings = {name: str(value) for name, value in PRODUCTION.items()}
    with running_server(f"sqlite:///{folder / 'wizard.sqlite'}", folder, **settings) as started:
        yield started


def proxied_browser(server, **more: str) -> Browser:
    """Return a browser whose requests look forwarded by the proxy."""
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
def test_cross_site_post_is_400(production_server, site):
    browser = proxied_browser(production_server, Host="commitments.example.org")
    first = browser.post(
        "/respond/", {"organization_kind": "city"}, {"Referer": f"{HERE}/respond/"}
    )
    assert first.status_code == 303
    path = first.location.rpartition("/")[0]
    cross = {"Referer": site, "Origin": site.rstrip("/")} if site else {}
    assert browser.post(f"{path}/organization", ORGANIZATION_DATA, cross).status_code == 400
    assert (
        browser.post(f"{path}/organization/autosave", ORGANIZATION_DATA, cross).status_code == 400
    )
    assert browser.post(f"{path}/delete", {"action": "delete"}, cross).status_code == 400
    assert "Elsewhere" not in browser.get(f"{path}/organization").text


def test_https_cookie_has_host_prefix(production_server):
    answer = proxied_browser(production_server, Host="commitments.example.org").get("/respond/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    for part in ("; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def post_addresses() -> list[str]:
    """Return every address of a draft or commitment that accepts a POST."""
    steps = [f"{name}{more}" for name in COMMITMENT.steps for more in ("", "/autosave")]
    return [f"/respond/{{draft}}/{name}" for name in (*steps, "save", "delete")] + [
        "/respond/", "/lost", "/contact/x", *(f"/commitments/{{reference}}/{page}" for page in (
            "update", "update/review", "update/x", "update/x/autosave", "reminders", "withdraw",
            "link", "contacts", "contacts/second")),
        *(f"/commitments/{{reference}}/changes/{each}" for each in ("", *steps)),
    ]  # fmt: skip


@pytest.mark.parametrize("address", post_addresses())
def test_post_without_own_csrf_token_is_400(server, submitted_draft, address):
    owner, draft, reference = submitted_draft
    path = address.format(draft=draft, reference=reference)
    for token in ({}, {"csrf_token": "x"}, {"csrf_token": Browser(server).token()}):
        answer = owner.open("POST", path, token | ORGANIZATION_DATA | {"action": "delete"})
        assert answer.status_code == 400, (path, token)
