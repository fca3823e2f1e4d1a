"""Pages that stayed open while the world went on: none of them undoes what came after."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.client import Page
from tests.integration.test_saving import AGENCY, autosave, move_clock, send
from tests.staff import add_submission, colleague
from tests.walk import draft_path, form_data, walk
from wizard import clock
from wizard.db.engine import db, writing
from wizard.db.models import Draft, MailMessage, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.notify.outbox import deliver_due


@pytest.fixture
def organization(client) -> str:
    """The address of the organization's step, of a draft that is complete but for its review."""
    return f"{draft_path(walk(client, AGENCY, until='review'))}/organization"


def city(client, path: str) -> list[str]:
    """The city that is stored."""
    return client.page(path).values()["city"]


# A session that ended


def test_what_is_confirmed_after_the_session_ended_is_still_compared(app, client, organization):
    stale = client.page(organization)
    send(client, client.page(organization), city="Tampa")
    later = app.test_client()
    again = Page(later.post(organization, data=stale.values() | {"website": "example.org"}))
    assert again.status == 400
    assert Page(later.post(organization, data=again.values())).status == 409
    assert city(client, organization) == ["Tampa"]


def test_a_choice_between_two_versions_outlives_the_session(app, client, organization):
    first, second = client.page(organization), client.page(organization)
    send(client, first, city="Tampa")
    conflict = send(client, second, city="Miami")
    later = app.test_client()
    again = Page(later.post(organization, data=conflict.values() | {"keep-city": "saved"}))
    later.post(organization, data=again.values())
    assert city(client, organization) == ["Tampa"]


def test_a_page_that_saved_itself_is_confirmed_without_a_conflict(app, client, organization):
    tab = client.page(organization)
    autosave(client, organization, tab.values() | {"city": "Auto", "turn": "2"})
    later = app.test_client()
    again = Page(later.post(organization, data=tab.values() | {"city": "Auto2", "turn": "5"}))
    assert Page(later.post(organization, data=again.values())).status == 303
    assert city(later, organization) == ["Auto2"]


def test_the_browser_knows_a_draft_as_long_as_it_is_kept(client, monkeypatch):
    page = walk(client, AGENCY, until="contact")
    real_time, real_now, days = time.time, clock.now, [0]
    monkeypatch.setattr(time, "time", lambda: real_time() + 86_400 * days[0])
    monkeypatch.setattr(clock, "now", lambda: real_now() + timedelta(days=days[0]))
    days[0] = 50
    client.page(page.path)
    autosave(client, page.path, {"contact_name": "Day 50"})
    days[0] = 105
    assert client.page(page.path).values()["contact_name"] == ["Day 50"]


def test_conflict_page_shows_what_no_page_can_hold(client, organization):
    first, second = client.page(organization), client.page(organization)
    send(client, first, city="Tampa")
    conflict = send(client, second, city="Mia\x00mi")
    assert (conflict.status, conflict.values()["city"]) == (409, ["Mia\ufffdmi"])


# A review


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_only_what_the_review_showed_is_submitted(client, organization, htmx):
    review = client.page(organization.replace("organization", "review"))
    changed = AGENCY | {"city": "Tampa"}
    client.send(organization, form_data(COMMITMENT.steps["organization"], changed))
    again = client.send(review.path, review.values() | {"authorized": "yes"}, htmx=htmx)
    assert again.status == 409
    assert "The answers changed while you were reading them" in again.text("#changed")
    assert "Tampa" in again.response.text
    done = client.send(review.path, again.values() | {"authorized": "yes"}, htmx=htmx)
    assert done.path.endswith("/done")


# A start page


def test_a_start_page_posted_again_changes_nothing_that_came_after(app, client):
    page = client.page("/respond/")
    data = page.values() | {"organization_kind": "agency"}
    draft = draft_path(client.send("/respond/", data))
    client.send(f"{draft}/kind", {"organization_kind": "company"})
    client.send(f"{draft}/organization", form_data(COMMITMENT.steps["organization"], AGENCY))
    assert client.send("/respond/", data).path.startswith(draft)
    with app.app_context():
        assert db.session.scalars(select(Draft)).one().answers["organization_kind"] == "company"


def test_a_start_page_works_again_after_its_draft_is_over(client, monkeypatch):
    data = client.page("/respond/").values() | {"organization_kind": "city"}
    assert client.post("/respond/", data=data).status_code == 303
    move_clock(monkeypatch, days=61)
    assert client.post("/respond/", data=data).status_code == 303


def test_start_page_without_a_token_in_the_session_makes_one_draft(app, client):
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    data = {"organization_kind": "city", "page": "of a client without a session"}
    places = {client.post("/respond/", data=data).location for _ in range(2)}
    assert len(places) == 1 and None not in places


def test_start_page_does_not_reopen_a_draft_that_was_left(client):
    data = client.page("/respond/").values() | {"organization_kind": "agency"}
    draft = draft_path(client.send("/respond/", data))
    client.send(f"{draft}/save", {"action": "leave"})
    assert not client.send("/respond/", data).path.startswith(draft)
    assert client.get(f"{draft}/organization").status_code == 404


@pytest.mark.parametrize("gone", ["erased", "expired"])
def test_start_page_of_a_draft_that_is_gone_makes_another(app, client, monkeypatch, gone):
    data = client.page("/respond/").values() | {"organization_kind": "agency"}
    draft = draft_path(client.send("/respond/", data))
    reference = add_submission(app)
    with app.app_context(), writing() as session:
        draft_id = uuid.UUID(draft.rsplit("/", 1)[1])
        session.execute(update(Submission).values(draft_id=draft_id))
    if gone == "erased":
        colleague(app, "admin").send(f"/staff/submissions/{reference}/erase")
    else:
        move_clock(monkeypatch, days=61)
    page = client.send("/respond/", data)
    assert page.path.endswith("/organization") and not page.path.startswith(draft)


# Leaving


def test_a_tab_that_saves_itself_does_not_bring_back_what_was_left(client):
    page = walk(client, AGENCY, until="contact")
    tab = client.page(page.path)
    client.send(f"{draft_path(page)}/save", {"action": "leave"})
    assert autosave(client, page.path, {"contact_name": "x"}, tab).status_code == 200
    assert client.get(page.path).status_code == 404


def test_no_limit_hinders_leaving(make_app):
    client = make_app(RATELIMIT_ENABLED=True).test_client()
    page = walk(client, AGENCY, until="contact")
    path = f"{draft_path(page)}/save"
    for number in range(20):
        assert client.send(path, {"address": f"a{number}@example.org"}).status == 200
    assert client.send(path, {"address": "b@example.org"}).status == 429
    assert client.send(path, {"action": "leave"}).path == "/"
    assert client.get(page.path).status_code == 404


def test_a_receipt_can_be_left_on_a_shared_computer(client):
    receipt = walk(client, AGENCY)
    reference = receipt.text(".reference")
    (form,) = receipt.all("form")
    client.send(form.attrs["action"], {"action": "leave"})
    assert client.get(receipt.path).status_code == 404
    assert client.get(f"/commitments/{reference}/update").status_code == 404


# Limits of mail


def test_upper_case_is_no_other_address(app, client):
    path = f"{draft_path(walk(client, AGENCY, until='contact'))}/save"
    for name in ("desk", "Desk", "DESK", "dEsk"):
        client.send(path, {"address": f"{name}@example.org"})
    with app.app_context():
        assert deliver_due() == 3


def test_drafts_that_ask_at_the_same_moment_share_the_limit(app):
    browsers = []
    for _ in range(6):
        client = app.test_client()
        page = walk(client, AGENCY, until="contact")
        browsers.append((client, f"{draft_path(page)}/save", client.token()))
    start = threading.Barrier(6)

    def ask(browser) -> None:
        client, path, token = browser
        start.wait()
        client.post(path, data={"csrf_token": token, "address": "desk@example.org"})

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(ask, browsers))
    with app.app_context():
        assert len(db.session.scalars(select(MailMessage)).all()) == 3


def test_a_link_to_go_on_is_not_mailed_for_what_was_submitted(app, client):
    receipt = walk(client, AGENCY)
    path = f"{draft_path(receipt)}/save"
    assert client.send(path, {"address": "desk@example.org"}).path == receipt.path
    with app.app_context():
        assert len(db.session.scalars(select(MailMessage)).all()) == 1


# The same, typed in two ways


def test_a_line_end_is_a_line_end_whoever_sends_it(client):
    page = walk(client, AGENCY, until="plan")
    data = form_data(COMMITMENT.steps["plan"], AGENCY) | {"access_plan": "one\r\ntwo"}
    client.send(page.path, data)
    first, second = client.page(page.path), client.page(page.path)
    autosave(client, page.path, first.values() | {"access_plan": "one\ntwo", "turn": "1"})
    assert send(client, second, access_plan="one\r\ntwo").status != 409


def test_a_choice_to_keep_what_is_not_there_changes_nothing(client):
    page = walk(client, AGENCY, until="data_sets")
    assert client.send(page.path, {"action": "add", "keep-data_sets": "saved"}).status == 200


def test_a_name_that_no_page_can_hold_is_shown_on_the_first_page_all_the_same(client):
    page = walk(client, AGENCY, until="organization")
    autosave(client, page.path, {"organization_name": "A\x00B"})
    assert "A\ufffdB" in client.page("/").text("#drafts")
