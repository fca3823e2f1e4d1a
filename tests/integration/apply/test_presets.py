"""Tests of the links to the form that choose an answer: /respond/?for=…"""

import pytest
from sqlalchemy import func, select

from tests.complete_form import draft_path, form_data
from tests.conftest import load_case
from wizard.db.engine import db
from wizard.db.models import Draft
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.second_store_slow

PARTNER = load_case("partner")
PROGRAMS = {"opportunity": "opportunity_project", "police": "police_data_initiative"}


def count_drafts(app) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Draft))


def begin(client, preset: str, kind: str):
    """Follow a link to the form, and post its first page; return the next one."""
    page = client.page(f"/respond/?for={preset}")
    return client.send("/respond/", page.values() | {"organization_kind": kind})


def answer_to_programs(client, page):
    for name in ("organization", "contact"):
        page = client.send(page.path, form_data(COMMITMENT.steps[name], PARTNER))
    assert page.path.endswith("/programs")
    return page


@pytest.mark.parametrize("preset", PROGRAMS)
def test_link_of_a_program_selects_it_and_no_kind(client, preset):
    page = client.page(f"/respond/?for={preset}")
    assert "organization_kind" not in page.values()
    page = answer_to_programs(client, begin(client, preset, "nonprofit"))
    assert page.values()["programs"] == [PROGRAMS[preset]]
    assert page.errors() == {} and "Program (current step)" in page.text("nav.line")


def test_link_for_agencies_selects_the_kind(client):
    page = client.page("/respond/?for=agency")
    assert page.values()["organization_kind"] == ["agency"]
    assert page.errors() == {}
    page = client.send("/respond/", page.values())
    assert page.path.endswith("/organization")


@pytest.mark.parametrize("query", ["nobody", "", "Police", "police%00", "organization_kind"])
def test_unknown_link_is_ignored(client, query):
    page = client.page(f"/respond/?for={query}")
    assert page.status == 200
    assert not page.values().keys() & {"organization_kind", "for"}
    page = client.send("/respond/", {"organization_kind": "nonprofit", "for": "nobody"})
    assert "programs" not in answer_to_programs(client, page).values()


@pytest.mark.parametrize("preset", [*PROGRAMS, "agency", "nobody"])
def test_following_a_link_makes_no_draft(app, preset):
    client = app.test_client()
    client.page(f"/respond/?for={preset}")
    with client.session_transaction() as session:
        assert not session.get("drafts")
    assert count_drafts(app) == 0


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_selection_survives_a_refused_first_post(app, client, htmx):
    page = client.page("/respond/?for=opportunity")
    page = client.send("/respond/", page.values(), htmx=htmx)
    assert (page.status, list(page.errors())) == (422, ["organization_kind"])
    assert count_drafts(app) == 0
    page = client.send("/respond/", page.values() | {"organization_kind": "company"}, htmx=htmx)
    assert answer_to_programs(client, page).values()["programs"] == ["opportunity_project"]


def test_selection_survives_another_language(client):
    page = client.page("/respond/?for=police")
    (link,) = page.all('a[data-language="es"]')
    page = client.page("/respond/" + link.attrs["href"])
    assert page.values()["for"] == ["police"]


def test_link_changes_no_draft_that_was_begun(app, client):
    first = begin(client, "police", "nonprofit")
    page = answer_to_programs(client, first)
    client.send(page.path, {"programs": ["police_data_initiative"]})
    for preset in ("opportunity", "agency"):
        client.page(f"/respond/?for={preset}")
        shown = client.page(f"{draft_path(first)}/programs?for={preset}")
        assert shown.values()["programs"] == ["police_data_initiative"]
        client.send(f"{draft_path(first)}/kind", {"organization_kind": "nonprofit", "for": preset})
    assert count_drafts(app) == 1
    assert client.page(f"{draft_path(first)}/kind").values()["organization_kind"] == ["nonprofit"]
    assert client.page(page.path).values()["programs"] == ["police_data_initiative"]


def test_old_first_page_changes_no_later_answers(client):
    """Back to the first page, and Continue again: the draft of that page has later answers."""
    start = client.page("/respond/?for=police").values() | {"organization_kind": "nonprofit"}
    page = answer_to_programs(client, client.send("/respond/", start))
    client.send(page.path, {"programs": ["opportunity_project"]})
    client.send("/respond/", start | {"for": "police"})
    assert client.page(page.path).values()["programs"] == ["opportunity_project"]
