"""Try to open or change drafts of other people."""

import base64
import json

from flask_limiter.util import get_qualified_name
from itsdangerous import URLSafeTimedSerializer

from tests.attack.browser import Browser
from tests.attack.conftest import ORGANIZATION_DATA, draft_id, rows_of_draft
from tests.complete_form import complete_form, draft_path, start_draft
from tests.conftest import load_case
from wizard.db.models import Draft
from wizard.flows.commitment import COMMITMENT
from wizard.web.limits import limiter

ANYONE = {
    "GET /", "GET /accessibility", "GET /commitments", "GET /commitments.atom",
    "GET /commitments.csv", "GET /commitments.ics", "GET /commitments.json",
    "GET /commitments/<file>.csv", "GET /commitments/<reference>.ics",
    "GET /commitments/<reference>.png",
    "GET /commitments/updates.csv", "GET /datapackage.json", "GET /dcat-us-3.json",
    "GET /commitments/<reference>", "GET /commitments/schema.json", "GET /data.json", "GET /livez",
    "GET /lost", "POST /lost", "GET /metrics", "GET /privacy", "GET /questions", "GET /readyz",
    "GET /progress", "GET /respond/", "POST /respond/", "GET /respond/exit", "GET /robots.txt",
    "GET /static/<filename>",
}  # fmt: skip
"""What needs neither a link nor a draft of one's own; metrics see `integration/ops`."""
ITS = "/commitments/<reference>"
DRAFT = "/respond/<uuid:draft_id>"
OWNER = {
    "GET /acting/<token>", "GET /contact/<token>", "POST /contact/<token>", "GET /resume/<token>",
    "GET /unsubscribe/<token>", "POST /unsubscribe/<token>", "GET /updates/<token>",
    f"GET {ITS}/changes/", f"POST {ITS}/changes/", f"GET {ITS}/changes/<name>",
    f"POST {ITS}/changes/<name>", f"POST {ITS}/changes/<name>/autosave",
    f"GET {ITS}/changes/discard", f"POST {ITS}/changes/discard", f"GET {ITS}/changes/exit",
    f"GET {ITS}/contacts", f"POST {ITS}/contacts", f"GET {ITS}/contacts/<role>",
    f"POST {ITS}/contacts/<role>", f"GET {ITS}/link", f"POST {ITS}/link", f"GET {ITS}/reminders",
    f"POST {ITS}/reminders", f"GET {ITS}/update", f"POST {ITS}/update", f"GET {ITS}/withdraw",
    f"GET {ITS}/update/<name>", f"POST {ITS}/update/<name>", f"POST {ITS}/update/<name>/autosave",
    f"POST {ITS}/withdraw", f"GET {ITS}/yours", f"GET {ITS}/yours.pdf",
    f"GET {DRAFT}/<name>", f"POST {DRAFT}/<name>", f"POST {DRAFT}/<name>/autosave",
    f"GET {DRAFT}/delete", f"POST {DRAFT}/delete", f"GET {DRAFT}/done", f"GET {DRAFT}/save",
    f"POST {DRAFT}/save",
}  # fmt: skip
"""What only the browser of a draft, or one that opened a link, may do. Staff: `integration`."""
LIMITED = {
    "POST /lost": "20 per 1 hour",
    "POST /respond/": "120 per 1 hour",
    f"POST {DRAFT}/save": "20 per 1 hour",
    f"POST {ITS}/changes/": "20 per 1 hour",
    f"POST {ITS}/contacts/<role>": "20 per 1 hour",
    f"POST {ITS}/link": "60 per 1 hour",
    f"POST {ITS}/update/<name>": "60 per 1 hour",
    f"POST {ITS}/withdraw": "60 per 1 hour",
}
"""The posts that mail something, or store one more row each time."""


def addresses(app) -> dict[str, str]:
    """Return the endpoint of each method and rule, without those of staff."""
    return {
        f"{method} {rule.rule}": rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/staff")
    }


def test_tables_name_every_address(server_app):
    assert set(addresses(server_app)) == ANYONE | OWNER and not ANYONE & OWNER
    assert set(LIMITED) <= ANYONE | OWNER


def test_posts_are_limited_as_the_table_says(server_app):
    limits = {}
    for address, endpoint in addresses(server_app).items():
        name = get_qualified_name(server_app.view_functions[endpoint])
        for each in limiter.limit_manager.decorated_limits(name):
            limits[address] = str(each.limit)
    assert limits == LIMITED


def test_draft_id_and_reference_give_no_access(server, browser):
    receipt = complete_form(browser, load_case("partner"))
    reference, path = receipt.text(".reference"), draft_path(receipt)
    stranger = Browser(server)
    known = {
        DRAFT: path, "<reference>": reference, "<token>": reference, "<role>": "contact",
        "<name>": "organization",
    }  # fmt: skip
    for each in sorted(OWNER):
        method, address = each.split()
        for name, value in known.items():
            address = address.replace(name, value)
        data = {"action": "delete", "authorized": "yes"}
        answer = stranger.post(address, data) if method == "POST" else stranger.get(address)
        assert answer.status_code == 404, each
        assert load_case("partner")["contact_email"] not in answer.text
    assert stranger.get(f"/respond/{reference}/done").status_code == 404
    assert stranger.get(f"/commitments/{reference}").status_code == 404
    assert browser.get(f"{path}/done").status_code == 200


def test_planted_session_gives_no_access(server):
    attacker, victim = Browser(server), Browser(server)
    attacker.token()
    victim.cookies = dict(attacker.cookies)
    path = draft_path(start_draft(victim, load_case("agency")))
    assert victim.get(f"{path}/organization").status_code == 200
    assert attacker.get(f"{path}/organization").status_code == 404
    assert attacker.post(f"{path}/organization", ORGANIZATION_DATA).status_code == 404


def test_forged_session_gives_no_access(server, submitted_draft):
    _, draft, _ = submitted_draft
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


def test_foreign_draft_id_overwrites_nothing(server, server_app):
    owner, stranger = Browser(server), Browser(server)
    path = draft_path(complete_form(owner, load_case("agency"), until="review"))
    own = draft_path(start_draft(stranger, load_case("agency")))
    (before,) = rows_of_draft(server_app, Draft, path)
    named = {"draft": draft_id(path), "draft_id": draft_id(path), "id": draft_id(path)}
    page = stranger.page(f"{own}/organization").values()
    theft = {
        "city": "Stolen",
        "state": "FL",
        "organization_name": "Stolen",
        "pass": page["pass"][0],
    }
    for name in (*COMMITMENT.steps, "save", "delete"):
        for end in ("", "/autosave"):
            answer = stranger.post(f"{path}/{name}{end}", theft | {"action": "delete"})
            assert answer.status_code in (404, 405), (name, end)
    stranger.post(f"{own}/organization", theft | named)
    stranger.post("/respond/", {"organization_kind": "city", "page": page["page"][0]} | named)
    (after,) = rows_of_draft(server_app, Draft, path)
    assert (after.answers, after.updated_at) == (before.answers, before.updated_at)
