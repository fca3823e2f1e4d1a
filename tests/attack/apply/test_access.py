"""Try to open or change drafts of other people."""

import base64
import json

from itsdangerous import URLSafeTimedSerializer

from tests.attack.browser import Browser
from tests.attack.conftest import ORGANIZATION_DATA, draft_id, rows_of_draft
from tests.complete_form import complete_form, draft_path, start_draft
from tests.conftest import load_case
from wizard.db.models import Draft
from wizard.flows.commitment import COMMITMENT


def test_draft_id_and_reference_give_no_access(server, browser):
    receipt = complete_form(browser, load_case("partner"))
    reference, path = receipt.text(".reference"), draft_path(receipt)
    stranger = Browser(server)
    for address in (
        f"{path}/done", f"{path}/organization", f"{path}/save", f"{path}/delete",
        f"/resume/{reference}", f"/updates/{reference}", f"/respond/{reference}/done",
        f"/commitments/{reference}", f"/commitments/{reference}/update",
        f"/commitments/{reference}/reminders", f"/commitments/{reference}/changes/",
        f"/commitments/{reference}/changes/organization", f"/commitments/{reference}/changes/exit",
        f"/commitments/{reference}/yours", f"/commitments/{reference}/yours.pdf",
        f"/commitments/{reference}/withdraw", f"/commitments/{reference}/link",
        f"/commitments/{reference}/contacts", f"/commitments/{reference}/contacts/contact",
        f"/contact/{reference}", f"/acting/{reference}",
    ):  # fmt: skip
        answer = stranger.get(address)
        assert answer.status_code == 404, address
        assert load_case("partner")["contact_email"] not in answer.text


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
