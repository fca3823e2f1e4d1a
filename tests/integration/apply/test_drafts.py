"""Tests of stored drafts: creation, concurrent edits, expiry."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from tests.complete_form import autosave, complete_form, draft_path
from tests.conftest import advance_clock, load_case
from tests.integration.apply.conftest import purge_drafts
from wizard import clock
from wizard.apply import drafts
from wizard.db.engine import db
from wizard.db.models import Draft
from wizard.forms.saving import DraftState


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
    own = ("csrf_token", "page", "turn", "based_on", "pass")
    return {name: given for name, given in client.page(path).values().items() if name not in own}


def test_draft_expires_60_days_after_last_change(app, client, left_draft, monkeypatch):
    path, link = left_draft
    advance_clock(monkeypatch, days=59)
    autosave(client, path, {"contact_name": "Still here"})
    advance_clock(monkeypatch, days=59)
    assert purge_drafts(app).startswith("Drafts deleted: 0.")
    assert app.test_client().page(link).path == path
    advance_clock(monkeypatch, days=3)
    assert app.test_client().page(link).status == 404
    assert purge_drafts(app).startswith("Drafts deleted: 1.")
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
    assert purge_drafts(app).startswith("Drafts deleted: 1.")


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


def test_steps_that_add_up_to_too_much_are_413_and_draft_is_kept(app, client):
    page = complete_form(client, load_case("agency"), until="review")
    path, text, statuses = draft_path(page), "x" * 600_000, []
    for step, field in [("organization", "organization_name"), ("contact", "contact_name")]:
        data = {"csrf_token": client.token(), field: text}
        statuses.append(client.post(f"{path}/{step}/autosave", data=data).status_code)
    assert statuses == [200, 413]
    with app.app_context():
        (draft,) = db.session.scalars(select(Draft)).all()
        assert draft.answers["organization_name"] == text
        assert draft.answers["contact_name"] == load_case("agency")["contact_name"]
