"""Tests of posts from stale pages: two tabs, expired sessions, repeated posts."""

import re
import uuid

import pytest
from sqlalchemy import select, update

from tests.client import htmx_headers, read_page
from tests.complete_form import (
    autosave,
    complete_form,
    draft_path,
    form_data,
    resume_path,
    submit_page,
)
from tests.conftest import AGENCY, advance_clock, load_case
from tests.factories import add_submission, staff_client
from tests.integration.apply.conftest import AGENCY_STEPS
from wizard.db.engine import db, writing
from wizard.db.models import Draft, Submission
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.second_store_slow


@pytest.fixture
def organization_path(client) -> str:
    """Return the path of the organization step of a draft that is complete up to its review."""
    return f"{draft_path(complete_form(client, AGENCY, until='review'))}/organization"


def stored_city(client, path: str) -> list[str]:
    """Return the stored city."""
    return client.page(path).values()["city"]


def test_confirm_after_expired_session_detects_conflict(app, client, organization_path):
    stale = client.page(organization_path)
    submit_page(client, client.page(organization_path), city="Tampa")
    later = app.test_client()
    again = read_page(
        later.post(organization_path, data=stale.values() | {"website": "example.org"})
    )
    assert again.status == 400
    assert read_page(later.post(organization_path, data=again.values())).status == 409
    assert stored_city(client, organization_path) == ["Tampa"]


def test_conflict_choice_survives_expired_session(app, client, organization_path):
    first, second = client.page(organization_path), client.page(organization_path)
    submit_page(client, first, city="Tampa")
    conflict = submit_page(client, second, city="Miami")
    later = app.test_client()
    again = read_page(
        later.post(organization_path, data=conflict.values() | {"keep-city": "saved"})
    )
    later.post(organization_path, data=again.values())
    assert stored_city(client, organization_path) == ["Tampa"]


def test_conflict_page_marks_what_differs(client, organization_path):
    first, second = client.page(organization_path), client.page(organization_path)
    submit_page(client, first, organization_name="Riverton Police Department")
    name = "Riverton County Police Department"
    conflict = submit_page(client, second, organization_name=name)
    assert conflict.status == 409
    entered, saved = re.findall('class="version" dir="auto">(.*?)</span>', conflict.response.text)
    assert re.sub("</?mark>", "", entered) == name
    assert re.findall("<mark>(.*?)</mark>", entered) == ["County "]
    assert saved == "Riverton Police Department"


def test_autosaved_page_confirms_without_conflict(app, client, organization_path):
    tab = client.page(organization_path)
    autosave(client, organization_path, tab.values() | {"city": "Auto", "turn": "2"})
    later = app.test_client()
    again = read_page(
        later.post(organization_path, data=tab.values() | {"city": "Auto2", "turn": "5"})
    )
    assert read_page(later.post(organization_path, data=again.values())).status == 303
    assert stored_city(later, organization_path) == ["Auto2"]


def test_conflict_page_shows_unprintable_value(client, organization_path):
    first, second = client.page(organization_path), client.page(organization_path)
    submit_page(client, first, city="Tampa")
    conflict = submit_page(client, second, city="Mia\x00mi")
    assert (conflict.status, conflict.values()["city"]) == (409, ["Mia\ufffdmi"])


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_stale_review_is_409(client, organization_path, htmx):
    review = client.page(organization_path.replace("organization", "review"))
    changed = AGENCY | {"city": "Tampa"}
    client.send(organization_path, form_data(COMMITMENT.steps["organization"], changed))
    again = client.send(review.path, review.values() | {"authorized": "yes"}, htmx=htmx)
    assert again.status == 409
    assert "Someone changed these answers while you were reviewing them" in again.text("#changed")
    assert "Tampa" in again.response.text
    done = client.send(review.path, again.values() | {"authorized": "yes"}, htmx=htmx)
    assert done.path.endswith("/done")


def test_repeated_start_post_keeps_later_answers(app, client):
    page = client.page("/respond/")
    data = page.values() | {"organization_kind": "agency"}
    draft = draft_path(client.send("/respond/", data))
    client.send(f"{draft}/kind", {"organization_kind": "company"})
    client.send(f"{draft}/organization", form_data(COMMITMENT.steps["organization"], AGENCY))
    assert client.send("/respond/", data).path.startswith(draft)
    with app.app_context():
        assert db.session.scalars(select(Draft)).one().answers["organization_kind"] == "company"


def test_start_page_works_after_draft_expired(client, monkeypatch):
    data = client.page("/respond/").values() | {"organization_kind": "city"}
    assert client.post("/respond/", data=data).status_code == 303
    advance_clock(monkeypatch, days=62)
    assert client.post("/respond/", data=data).status_code == 303


@pytest.mark.parametrize("gone", ["erased", "expired"])
def test_start_page_of_gone_draft_starts_another(app, client, monkeypatch, gone):
    data = client.page("/respond/").values() | {"organization_kind": "agency"}
    draft = draft_path(client.send("/respond/", data))
    reference = add_submission(app)
    with app.app_context(), writing() as session:
        draft_id = uuid.UUID(draft.rsplit("/", 1)[1])
        session.execute(update(Submission).values(draft_id=draft_id))
    if gone == "erased":
        staff_client(app, "admin").send(f"/staff/submissions/{reference}/erase")
    else:
        advance_clock(monkeypatch, days=62)
    page = client.send("/respond/", data)
    assert page.path.endswith("/organization") and not page.path.startswith(draft)


def test_start_page_without_session_token_creates_one_draft(app, client):
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    data = {"organization_kind": "city", "page": "of a client without a session"}
    places = {client.post("/respond/", data=data).location for _ in range(2)}
    assert len(places) == 1 and None not in places


def test_start_page_does_not_reopen_left_draft(client):
    data = client.page("/respond/").values() | {"organization_kind": "agency"}
    draft = draft_path(client.send("/respond/", data))
    client.send(f"{draft}/save", {"action": "leave"})
    assert not client.send("/respond/", data).path.startswith(draft)
    assert client.get(f"{draft}/organization").status_code == 404


def test_autosave_does_not_reopen_left_draft(client):
    page = complete_form(client, AGENCY, until="contact")
    tab = client.page(page.path)
    client.send(f"{draft_path(page)}/save", {"action": "leave"})
    assert autosave(client, page.path, {"contact_name": "x"}, tab).status_code == 200
    assert client.get(page.path).status_code == 404


def test_crlf_and_lf_are_equal(client):
    page = complete_form(client, AGENCY, until="plan")
    data = form_data(COMMITMENT.steps["plan"], AGENCY) | {"access_plan": "one\r\ntwo"}
    client.send(page.path, data)
    first, second = client.page(page.path), client.page(page.path)
    autosave(client, page.path, first.values() | {"access_plan": "one\ntwo", "turn": "1"})
    assert submit_page(client, second, access_plan="one\r\ntwo").status != 409


def test_keep_saved_ignores_missing_field(client):
    page = complete_form(client, AGENCY, until="data_sets")
    assert client.send(page.path, {"action": "add", "keep-data_sets": "saved"}).status == 200


@pytest.fixture
def two_tabs(client):
    """Open the same step in two tabs."""
    page = complete_form(client, AGENCY, until="review")
    path = f"{draft_path(page)}/organization"
    return client.page(path), client.page(path)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_second_tab_sees_conflict_and_chooses(client, two_tabs, htmx):
    first, second = two_tabs
    assert submit_page(client, first, city="Tampa", website="").path.endswith("/review")
    conflict = submit_page(client, second, htmx=htmx, city="Miami")
    assert conflict.status == 409
    assert conflict.is_fragment == htmx
    shown = conflict.response.text
    assert "Tampa" in shown and "Miami" in shown
    assert len(conflict.all("fieldset")) == 2  # city and website differ, nothing else
    assert client.page(first.path).values()["city"] == ["Tampa"]
    done = client.send(
        conflict.path, conflict.values() | {"keep-city": "here", "keep-website": "saved"}
    )
    assert done.path.endswith("/review")
    values = client.page(first.path).values()
    assert (values["city"], values["website"]) == (["Miami"], [""])
    assert values["organization_name"] == [AGENCY["organization_name"]]


def test_conflict_selects_answer_that_changed(client, two_tabs):
    first, second = two_tabs
    submit_page(client, first, city="Tampa", website="https://example.org/tampa")
    conflict = submit_page(client, second, city="Miami")
    values = conflict.values()
    assert (values["keep-city"], values["keep-website"]) == (["here"], ["saved"])
    client.send(conflict.path, values)
    kept = client.page(first.path).values()
    assert (kept["city"], kept["website"]) == (["Miami"], ["https://example.org/tampa"])


def test_conflict_selects_saved_answer_to_blank_one(client, two_tabs):
    first, second = two_tabs
    submit_page(client, first, city="Tampa")
    conflict = submit_page(client, second, city="")
    assert conflict.values()["keep-city"] == ["saved"]


@pytest.mark.parametrize("shown", [[], "city", "city:", ":", "city:0 city:1"])
def test_conflict_selects_entered_answer_when_page_does_not_say(client, two_tabs, shown):
    first, second = two_tabs
    submit_page(client, first, city="Tampa", website="https://example.org/tampa")
    conflict = submit_page(client, second, city="Miami", shown=shown)
    values = conflict.values()
    assert (values["keep-city"], values["keep-website"]) == (["here"], ["here"])


def test_entry_conflict_keeps_whole_group(client):
    page = complete_form(client, AGENCY, until="review")
    path = f"{draft_path(page)}/data_sets"
    first, second = client.page(path), client.page(path)
    submit_page(client, first, **{"data_sets-0-title": "From the first"})
    conflict = submit_page(client, second, **{"data_sets-1-title": "From the second"})
    assert conflict.status == 409
    assert "Data set 1: Officer-involved shootings; From the first" in conflict.text("main")
    client.send(conflict.path, conflict.values() | {"keep-data_sets": "here"})
    values = client.page(path).values()
    assert values["data_sets-1-title"] == ["From the second"]
    assert values["data_sets-0-title"] == [AGENCY["data_sets"][0]["title"]]


def test_tabs_on_different_steps_both_save(client):
    page = complete_form(client, AGENCY, until="review")
    path = draft_path(page)
    first, second = client.page(f"{path}/organization"), client.page(f"{path}/contact")
    assert submit_page(client, first, city="Tampa").status == 200
    assert submit_page(client, second, contact_name="Someone else").status == 200
    assert client.page(f"{path}/organization").values()["city"] == ["Tampa"]
    assert client.page(f"{path}/contact").values()["contact_name"] == ["Someone else"]


def test_repeated_post_is_no_conflict(client, two_tabs):
    first, second = two_tabs
    for tab in (first, first, second):
        assert submit_page(client, tab, city="Tampa").path.endswith("/review")


def test_autosave_does_not_conflict_with_own_page(client, two_tabs):
    tab, _ = two_tabs
    for number in range(3):
        typed = {**tab.values(), "city": f"City {number}", "turn": str(number)}
        assert autosave(client, tab.path, typed).status_code == 200
    assert submit_page(client, tab, city="Tampa", turn="4").path.endswith("/review")


def test_autosave_over_newer_answers_is_409(client, two_tabs):
    first, second = two_tabs
    submit_page(client, first, city="Tampa")
    refused = autosave(client, second.path, {**second.values(), "city": "Miami"})
    assert refused.status_code == 409 and "another window" in refused.text
    assert client.page(first.path).values()["city"] == ["Tampa"]


def test_post_after_branch_change_is_kept(client):
    page = complete_form(client, load_case("partner"), until="milestones")
    path = draft_path(page)
    client.send(f"{path}/kind", {"organization_kind": "city"})
    moved = submit_page(client, page, **{"milestones-0-what": "Typed in the other tab"})
    assert moved.path.endswith("/current_data")
    client.send(f"{path}/kind", {"organization_kind": "company"})
    kept = client.page(f"{path}/milestones").values()
    assert kept["milestones-0-what"] == ["Typed in the other tab"]


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("name", AGENCY_STEPS)
def test_expired_session_keeps_typed_values(app, client, name, htmx):
    page = complete_form(client, AGENCY, until=name)
    typed = page.values() | form_data(COMMITMENT.steps[name], AGENCY)
    later = app.test_client()
    response = later.post(page.path, data=typed, headers=htmx_headers(htmx))
    again = read_page(response)
    assert again.status == 400
    assert "Your answers are still here" in again.text("#confirm")
    for key, value in form_data(COMMITMENT.steps[name], AGENCY).items():
        if name != "review":
            assert sorted(again.values()[key]) == sorted(
                value if isinstance(value, list) else [value]
            )
    done = read_page(
        later.post(page.path, data=again.values() | {"authorized": "yes"}, follow_redirects=True)
    )
    assert done.status == 200
    assert later.page(page.path).status == 200


def test_rotated_secret_keeps_typed_values(make_app):
    before = make_app(SECRET_KEY="old-secret-old-secret-old-secret").test_client()
    page = complete_form(before, AGENCY, until="organization")
    saved = before.send(page.path, {"action": "save"})
    after = make_app(
        SECRET_KEY="new-secret-new-secret-new-secret",
        SECRET_KEY_FALLBACKS="old-secret-old-secret-old-secret",
    ).test_client()
    after.set_cookie("session", before.get_cookie("session").value)
    typed = page.values() | {"city": "Typed before the change"}
    again = read_page(after.post(page.path, data=typed))
    assert (again.status, again.values()["city"]) == (400, ["Typed before the change"])
    assert after.page(resume_path(saved)).path == page.path


def test_expired_session_on_start_page_keeps_answer(app):
    client = app.test_client()
    client.set_cookie(app.config["SESSION_COOKIE_NAME"], "expired")
    again = read_page(client.post("/respond/", data={"organization_kind": "city"}))
    assert (again.status, again.values()["organization_kind"]) == (400, ["city"])
