"""Tests of the ids of entries, from the page that draws them to what is submitted."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from tests.client import Page
from tests.complete_form import autosave, complete_form, form_data
from tests.conftest import AGENCY, load_case
from wizard.db.engine import db
from wizard.db.models import Draft, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Text
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.groups import Group, derive_entry_id

pytestmark = pytest.mark.second_store_slow

STEP = COMMITMENT.steps["data_sets"]
TYPED = form_data(STEP, AGENCY)


@pytest.fixture
def page(client) -> Page:
    """Return the page of the data sets, which nobody answered yet."""
    return complete_form(client, AGENCY, until="data_sets")


def drawn_ids(page: Page) -> list[str]:
    """Return the ids of the entries on a page."""
    values = page.values()
    return [values[name][0] for name in values if name.endswith("-id")]


def stored_entries(app) -> list[dict[str, Any]]:
    """Return the entries of the only draft."""
    with app.app_context():
        return db.session.scalars(select(Draft)).one().answers["data_sets"]


def stored_ids(app) -> list[str]:
    return [entry["id"] for entry in stored_entries(app)]


def posted_page(page: Page, **more) -> dict[str, Any]:
    """Return what the page of three entries posts with the first three data sets."""
    return page.values() | form_data(STEP, {"data_sets": AGENCY["data_sets"][:3]}) | more


def test_blank_entries_are_drawn_with_ids_of_their_page(client, page):
    ids, own = drawn_ids(page), page.values()["page"][0]
    assert ids == [derive_entry_id(own, "data_sets", place) for place in range(3)]
    assert not set(ids) & set(drawn_ids(client.page(page.path)))


def test_entry_has_the_id_of_its_page_however_often_it_is_posted(client, app, page):
    data = posted_page(page)
    ids = drawn_ids(page)
    for action in ("update", "continue", "continue"):
        client.send(page.path, data | {"action": action})
        assert stored_ids(app) == ids
    assert autosave(client, page.path, data | {"turn": "1"}).status_code == 200
    assert stored_ids(app) == drawn_ids(client.page(page.path)) == ids


def test_added_and_removed_entries_leave_the_others_their_ids(client, app, page):
    first = drawn_ids(page)
    page = client.send(page.path, posted_page(page, action="add"))
    added = drawn_ids(page)
    assert added[:3] == first and len(set(added)) == 4
    page = client.send(page.path, page.values() | TYPED | {"action": "remove-1"})
    assert drawn_ids(page) == stored_ids(app) == [added[0], *added[2:]]
    page = client.send(page.path, page.values() | {"action": "undo"})
    assert drawn_ids(page) == stored_ids(app) == added
    page = client.send(page.path, page.values() | {"action": "remove-3"})
    page = client.send(page.path, page.values() | {"action": "add"})
    assert drawn_ids(page)[:3] == added[:3] and drawn_ids(page)[3] != added[3]


def test_reordered_entries_keep_ids_and_answers_that_the_page_did_not_show(client, app, page):
    page = client.send(page.path, posted_page(page, action="add"))
    client.send(page.path, page.values() | TYPED)
    before = stored_entries(app)
    assert before[3]["category_other"] == "Naloxone administrations"
    page, moved = client.page(page.path), [3, 0, 1, 2]
    data = {name: value for name, value in page.values().items() if "data_sets" not in name}
    for place, earlier in enumerate(moved):
        entry = {name: before[earlier][name] for name in ("id", "title", "format", "category")}
        data |= {f"data_sets-{place}-{name}": value for name, value in entry.items()}
    client.send(page.path, data | {"asked": ""})
    after = stored_entries(app)
    assert [entry["id"] for entry in after] == [before[earlier]["id"] for earlier in moved]
    assert after[0]["category_other"] == "Naloxone administrations"
    assert "category_other" not in after[3]


@pytest.mark.parametrize(
    "forged", ["", "deadbeef", "\x00", "é" * 5000, "../../x", ["00000000", "11111111"]]
)
def test_forged_id_makes_a_new_entry(client, app, page, forged):
    client.send(page.path, posted_page(page))
    before, page = stored_ids(app), client.page(page.path)
    client.send(page.path, page.values() | {"data_sets-1-id": forged})
    after = stored_ids(app)
    assert [after[0], after[2]] == [before[0], before[2]]
    assert after[1] == derive_entry_id(page.values()["page"][0], "data_sets", 1)
    assert stored_entries(app)[1]["title"] == AGENCY["data_sets"][1]["title"]


def test_id_of_another_draft_or_page_makes_a_new_entry(client, app, page):
    other = app.test_client()
    theirs = complete_form(other, AGENCY, until="data_sets")
    client.send(page.path, posted_page(page))
    page = client.page(page.path)
    for foreign in (drawn_ids(theirs)[0], derive_entry_id("elsewhere", "data_sets", 0)):
        again = client.send(page.path, page.values() | {"data_sets-0-id": foreign})
        ids = drawn_ids(client.page(page.path))
        assert foreign not in ids and len(set(ids)) == 3
        assert again.path.endswith("/plan")


def test_id_that_is_posted_twice_names_the_first(client, app, page):
    client.send(page.path, posted_page(page))
    before, page = stored_ids(app), client.page(page.path)
    client.send(page.path, page.values() | {"data_sets-2-id": before[0]})
    after = stored_ids(app)
    assert after[:2] == before[:2] and after[2] not in before


def test_page_without_ids_goes_by_place(client, app, page):
    client.send(page.path, posted_page(page))
    before, page = stored_ids(app), client.page(page.path)
    old = {name: value for name, value in page.values().items() if not name.endswith("-id")}
    client.send(page.path, old | {"data_sets-1-title": "Another title"})
    assert stored_ids(app) == before
    assert stored_entries(app)[1]["title"] == "Another title"


def test_refused_page_and_expired_session_keep_ids(client, app, page):
    ids = drawn_ids(page)
    refused = client.send(page.path, posted_page(page, **{"data_sets-0-title": ""}))
    assert (refused.status, drawn_ids(refused)) == (422, ids)
    later = app.test_client().post(page.path, data=page.values())
    assert later.status_code == 400
    assert all(each in later.text for each in ids)


def test_conflict_keeps_ids_and_shows_none(client, app, page):
    client.send(page.path, posted_page(page))
    ids, path = stored_ids(app), page.path
    first, second = client.page(path), client.page(path)
    client.send(path, first.values() | {"data_sets-0-title": "From the first"})
    conflict = client.send(path, second.values() | {"data_sets-1-title": "From the second"})
    assert conflict.status == 409
    assert not any(each in conflict.text("main") for each in ids)
    for choice in ("here", "saved"):
        client.send(path, conflict.values() | {"keep-data_sets": choice})
        assert stored_ids(app) == ids


def test_second_tab_that_differs_by_ids_only_is_no_conflict(client, app, page):
    other = client.page(page.path)
    client.send(page.path, posted_page(page))
    assert client.send(other.path, posted_page(other)).path.endswith("/plan")
    assert stored_ids(app) == drawn_ids(other)


@pytest.mark.parametrize("case", ["agency", "partner"])
def test_submission_has_the_ids_of_its_draft_and_shows_none(client, app, case):
    review = complete_form(client, load_case(case), until="review")
    with app.app_context():
        answers = db.session.scalars(select(Draft)).one().answers
    name = "data_sets" if case == "agency" else "milestones"
    ids = [entry["id"] for entry in answers[name]]
    assert len(set(ids)) == len(ids) == len(load_case(case)[name])
    receipt = client.send(review.path, review.values() | {"authorized": "yes"})
    assert not any(each in receipt.response.text + review.response.text for each in ids)
    with app.app_context(), db.engine.connect() as connection:
        stored = connection.scalar(select(Submission.answers))
    assert [entry["id"] for entry in stored[name]] == ids
    assert json.dumps(stored).count('"id"') == len(ids)
    reference = receipt.text(".reference")
    assert client.get(f"/commitments/{reference}/yours.pdf").status_code == 200


def test_first_step_with_a_group_takes_the_ids_of_its_page_only(make_app):
    part = Text("part", "Part", noun="a part", required=True)
    group = Group(
        "parts", "Parts", noun="a part", required=True, entry="Part", min_entries=2, max_entries=3,
        fields=(part,),
    )  # fmt: skip
    step, review = (
        Step("parts", "Parts", (group,), short="Parts"),
        Step("review", "R", (), short="R"),
    )
    program = make_app(flow=Flow("small", 1, (Section("All", (step,)),), review))
    client = program.test_client()
    page = client.page("/respond/")
    ids = drawn_ids(page)
    typed = page.values() | {"parts-0-part": "a", "parts-1-part": "b", "parts-1-id": "deadbeef"}
    for _ in range(2):
        assert client.send(page.path, typed).path.endswith("/review")
    with program.app_context():
        assert db.session.scalars(select(Draft)).one().answers["parts"] == [
            {"id": ids[0], "part": "a"},
            {"id": ids[1], "part": "b"},
        ]
