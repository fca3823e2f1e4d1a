"""Tests of stored drafts: creation, concurrent edits, expiry."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from tests.complete_form import autosave, complete_form, draft_path, post_step
from tests.conftest import AGENCY, advance_clock, load_case
from tests.integration.apply.conftest import purge_drafts
from wizard import clock
from wizard.apply import drafts
from wizard.db.engine import db
from wizard.db.models import Draft
from wizard.forms.saving import DraftState

pytestmark = pytest.mark.second_store_slow


def test_concurrent_edits_are_all_stored(app):
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), {"count": 0}).id

    def add(_) -> None:
        with app.app_context(), drafts.locked_draft(draft_id) as draft:
            drafts.store_answers(draft, DraftState({"count": draft.answers["count"] + 1}))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(200)))
    with app.app_context():
        assert drafts.find(draft_id).answers["count"] == 200


def test_failed_edit_leaves_draft_unchanged(app):
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), {"city": "Orlando"}).id
        with pytest.raises(ZeroDivisionError), drafts.locked_draft(draft_id) as draft:
            drafts.store_answers(draft, DraftState({"city": "Tampa"}))
            1 / 0  # noqa: B018
        assert drafts.find(draft_id).answers == {"city": "Orlando"}


def test_failed_save_changes_nothing(client, app, monkeypatch):
    case = load_case("agency")
    page = complete_form(client, case, until="contact")
    path = f"{draft_path(page)}/organization"
    before = shown_answers(client, path)
    monkeypatch.setattr("wizard.apply.drafts.store_answers", lambda *args, **kwargs: 1 / 0)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    failed = client.send(path, {"organization_name": "Other", "city": "Other", "state": "GA"})
    assert failed.status == 500
    assert shown_answers(client, path) == before


def shown_answers(client, path: str) -> dict:
    """Return the values of a step's page, without the hidden fields that change each time."""
    own = ("csrf_token", "page", "turn", "based_on", "shown", "pass")
    return {name: given for name, given in client.page(path).values().items() if name not in own}


def test_draft_expires_60_days_after_last_change(app, client, left_draft, monkeypatch):
    path, link = left_draft
    advance_clock(monkeypatch, days=59)
    autosave(client, path, {"contact_name": "Still here"})
    advance_clock(monkeypatch, days=59)
    assert purge_drafts(app).startswith("Drafts deleted: 0\n")
    assert app.test_client().page(link).path == path
    advance_clock(monkeypatch, days=3)
    assert app.test_client().page(link).status == 404
    assert purge_drafts(app).startswith("Drafts deleted: 1\n")
    with app.app_context():
        assert db.session.query(Draft).count() == 0


def test_draft_is_kept_until_its_last_day_ends(app, monkeypatch):
    def found_at(moment: str):
        monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(moment))
        with app.app_context():
            return drafts.find(draft_id)

    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 3, 1, 17, tzinfo=UTC))
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), {"count": 0}).id
    in_time = found_at("2027-05-01T03:59:59+00:00")  # 11:59:59 p.m. in New York
    with app.app_context():
        assert drafts.last_day(in_time).isoformat() == "2027-04-30"
    assert found_at("2027-05-01T04:00:00+00:00") is None
    assert purge_drafts(app).startswith("Drafts deleted: 1\n")


def test_repeated_start_creates_one_draft(app, client):
    page = client.page("/respond/")
    data = page.values() | {"organization_kind": "city"}
    places = {client.post("/respond/", data=data).location for _ in range(3)}
    assert len(places) == 1
    changed = client.send("/respond/", data | {"organization_kind": "agency"})
    assert changed.path in places
    with app.app_context():
        (draft,) = db.session.scalars(select(Draft))
        assert draft.answers["organization_kind"] == "agency"


def test_concurrent_starts_create_one_draft(app, client):
    page = client.page("/respond/")
    data = page.values() | {"organization_kind": "city"}
    cookie = client.get_cookie("session").value

    def click(_) -> str:
        other = app.test_client()
        other.set_cookie("session", cookie)
        return other.post("/respond/", data=data).location

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(click, range(16)))) == 1


def test_answer_too_long_to_store_is_413_and_the_rest_is_stored(app, client):
    page = complete_form(client, AGENCY, until="contact")
    path = f"{draft_path(page)}/organization"
    typed = {"organization_name": "x" * 790_000, "city": "Tampa"}
    answer = autosave(client, path, typed)
    assert answer.status_code == 413
    assert "Not saved: too long." in answer.text
    assert stored_answers(app)["organization_name"] == AGENCY["organization_name"]
    assert stored_answers(app)["city"] == "Tampa"


def test_answer_within_four_times_its_limit_is_stored_whole(app, client):
    page = complete_form(client, AGENCY, until="contact")
    path = f"{draft_path(page)}/organization"
    assert autosave(client, path, {"organization_name": "x" * 800}).status_code == 200
    assert stored_answers(app)["organization_name"] == "x" * 800
    assert "You now have 800." in client.page(path).errors()["organization_name"]


@pytest.mark.parametrize("action", ["continue", "save", "to-kind"])
def test_post_with_answer_too_long_to_store_keeps_it_on_page(app, client, action):
    page = complete_form(client, AGENCY, until="contact")
    page = client.page(f"{draft_path(page)}/organization")
    typed = {"organization_name": "é" * 100_000, "city": "Tampa", "action": action}
    page = client.send(page.path, page.values() | typed)
    assert page.status == 422
    assert page.errors() == {
        "organization_name": "Not saved: too long. Use 200 characters or fewer to enter your"
        " organization’s name. You now have 100,000."
    }
    assert page.values()["organization_name"] == ["é" * 100_000]
    assert stored_answers(app)["organization_name"] == AGENCY["organization_name"]
    assert stored_answers(app)["city"] == "Tampa"
    shortened = page.values() | {"organization_name": "Short", "action": "continue"}
    assert client.send(page.path, shortened).path.endswith("/contact")
    assert stored_answers(app)["organization_name"] == "Short"


def test_first_page_with_answer_too_long_to_store_creates_no_draft(app, client):
    page = client.send("/respond/", {"organization_kind": "x" * 790_000})
    assert page.status == 422
    assert page.errors()["organization_kind"].startswith("Not saved: too long.")
    with app.app_context():
        assert db.session.query(Draft).count() == 0


def test_entry_too_long_to_store_can_be_removed(app, client):
    case = AGENCY | {"data_sets": [*AGENCY["data_sets"], {"title": "x" * 790_000}]}
    page = complete_form(client, AGENCY, until="data_sets")
    place = len(AGENCY["data_sets"])
    refused = post_step(client, draft_path(page), "data_sets", case, "add")
    assert refused.errors()[f"data_sets-{place}-title"].startswith("Data set 5: Not saved: too")
    page = client.send(refused.path, refused.values() | {"action": f"remove-{place}"})
    assert page.status == 200
    assert f"data_sets-{place}-title" not in page.values()
    assert drafts.count_bytes(stored_answers(app)) < 10_000


def test_draft_over_its_limit_is_kept_and_page_is_shown_again(app, client, monkeypatch):
    page = complete_form(client, AGENCY, until="contact")
    monkeypatch.setattr(drafts, "MAX_DRAFT_BYTES", drafts.count_bytes(stored_answers(app)) + 100)
    before = stored_answers(app)
    assert autosave(client, page.path, {"contact_name": "x" * 200}).status_code == 413
    typed = page.values() | {"contact_name": "x" * 200, "contact_title": "Chief"}
    page = client.send(page.path, typed)
    assert page.status == 422
    assert "all your answers together are too long" in page.errors()["contact_name"]
    assert page.values()["contact_name"] == ["x" * 200]
    assert stored_answers(app) == before


def test_drafts_of_one_address_are_limited_in_bytes_a_day(make_app, monkeypatch):
    monkeypatch.setattr(drafts, "MAX_DAILY_BYTES", 10_000)
    monkeypatch.setattr(drafts, "MIN_COUNTED_BYTES", 10)
    app = make_app(RATELIMIT_ENABLED=True)
    client = app.test_client()
    path = complete_form(client, AGENCY, until="contact").path
    typed = ["x" * 800, ""] * 20
    statuses = [autosave(client, path, {"contact_name": text}).status_code for text in typed]
    assert set(statuses) == {200, 429}
    assert 8 <= statuses[::2].count(200) <= 13  # of 800 bytes, beside the rest of the draft
    refused = client.send(path, {"contact_name": "x" * 790})
    assert (refused.status, refused.values()["contact_name"]) == (429, ["x" * 790])
    assert autosave(client, path, {"contact_name": ""}).status_code == 200
    assert client.send(f"{draft_path(refused)}/review", {}).status == 200  # nothing is stored
    other = app.test_client()
    assert other.send("/respond/", {"organization_kind": "city"}).status == 429
    assert "hours. Everything you saved is safe." in refused.text("main")


def stored_answers(app) -> dict:
    """Return the answers of the only draft."""
    with app.app_context():
        return db.session.scalars(select(Draft)).one().answers
