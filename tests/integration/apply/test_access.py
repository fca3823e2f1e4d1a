"""Tests of which browser may open a draft."""

import time
import uuid
from datetime import timedelta

import pytest

from tests.client import read_page
from tests.complete_form import autosave, complete_form, draft_path, start_draft
from tests.conftest import AGENCY
from wizard import clock
from wizard.apply.access import MAX_DRAFTS
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.second_store_slow


def test_access_lasts_as_long_as_draft(client, monkeypatch):
    page = complete_form(client, AGENCY, until="contact")
    real_time, real_now, days = time.time, clock.now, [0]
    monkeypatch.setattr(time, "time", lambda: real_time() + 86_400 * days[0])
    monkeypatch.setattr(clock, "now", lambda: real_now() + timedelta(days=days[0]))
    days[0] = 50
    client.page(page.path)
    autosave(client, page.path, {"contact_name": "Day 50"})
    days[0] = 105
    assert client.page(page.path).values()["contact_name"] == ["Day 50"]


def test_draft_that_a_newer_one_puts_out_is_told_with_its_link(client):
    first = complete_form(client, AGENCY, until="contact")
    for _ in range(MAX_DRAFTS - 1):
        page = start_draft(client, AGENCY)
    assert "no longer listed" not in page.text("main")
    page = start_draft(client, AGENCY)
    told = page.text(".notice")
    assert "up to 20 drafts" in told and AGENCY["organization_name"] in told
    (link,) = page.all(".notice a")
    assert client.get(first.path).status_code == 404
    assert "no longer listed" not in client.page(page.path).text("main")
    assert client.page(link.attrs["href"].partition("example.org")[2]).path == first.path


def test_foreign_page_token_is_refused(app, client):
    page = complete_form(client, AGENCY, until="organization")
    other = complete_form(app.test_client(), AGENCY, until="organization")
    stolen = page.values() | {"pass": other.values()["pass"][0]}
    refused = read_page(app.test_client().post(page.path, data=stolen))
    assert refused.status == 400
    assert refused.text("h1") == "Your session has ended"
    assert "Orlando" not in refused.response.text


def test_foreign_start_page_opens_no_draft(app, client):
    page = client.page("/respond/")
    walked = start_draft(client, AGENCY)
    other = app.test_client()
    data = {"csrf_token": other.token(), "page": page.values()["page"][0]}
    response = other.post("/respond/", data=data | {"organization_kind": "city"})
    assert draft_path(walked) not in response.location


def test_draft_opens_only_in_its_browser(app, client, case):
    path = draft_path(complete_form(client, case, until="review"))
    stranger = app.test_client()
    stranger.token()
    for name in [*COMMITMENT.steps, "done"]:
        assert stranger.get(f"{path}/{name}").status_code == 404
        refused = stranger.send(f"{path}/{name}", {"city": "x", "authorized": "yes"})
        assert refused.status == 404 and "different browser" in refused.text("main")
    assert client.page(f"{path}/organization").values()["city"] == [case["city"]]


def test_unknown_draft_is_404(client):
    client.token()
    for path in (f"/respond/{uuid.uuid4()}/organization", "/respond/1/organization",
                 f"/respond/{uuid.UUID(int=0)}/done"):  # fmt: skip
        assert client.get(path).status_code == 404
