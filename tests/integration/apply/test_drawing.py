"""Tests of the parts of a page that are drawn once for everybody."""

import re

import pytest
from markupsafe import Markup
from sqlalchemy import select

from tests.complete_form import complete_form
from tests.conftest import load_case
from tests.factories import add_published, update_client
from wizard.apply.binding import Question
from wizard.db.engine import db
from wizard.db.promises import Promise
from wizard.flows.commitment import COMMITMENT
from wizard.web import languages

pytestmark = pytest.mark.one_store


def declared_fields() -> list:
    """Return every field of the form, and of the entries of its groups."""
    fields = COMMITMENT.fields.values()
    return [each for field in fields for each in getattr(field, "fields", (field,))]


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("is_visible", [True, False])
@pytest.mark.parametrize("is_required", [True, False])
def test_untouched_question_is_the_one_drawn_for_a_person(app, locale, is_visible, is_required):
    for field in declared_fields():
        for raw in (None, "", []):
            question = Question(field, field.name, raw, is_visible, is_required)
            with app.test_request_context("/respond/"), languages.force_locale(locale):
                assert question() == question.draw() == question()


def kept(app) -> dict:
    """Return what was drawn once, but for the parts that all pages share."""
    cached = app.extensions["cached_parts"]
    return {key: html for (key, _), html in cached.items() if not isinstance(key, str)}


def test_answered_question_is_never_kept(app, client):
    page = complete_form(client, load_case("agency"), until="contact")
    typed = {"contact_name": "Ada Nuñez", "contact_email": "nobody", "action": "save"}
    client.send(page.path, typed)
    page = client.page(page.path)
    assert page.values()["contact_name"] == ["Ada Nuñez"]
    paths = {key[1] for key in kept(app) if len(key) == 4}
    assert {"contact_role", "contact_phone"} <= paths
    assert not [html for html in kept(app).values() if "Ada" in html or "nobody" in html]


def test_page_has_the_language_of_its_reader(client):
    path = complete_form(client, load_case("agency"), until="contact").path
    pages = [client.page(f"{path}?lang={code}").text("#answers") for code in ("en", "es", "en")]
    assert pages[0] == pages[2] != pages[1]


def test_list_of_steps_is_drawn_once_for_all_who_are_as_far(app):
    drawn, lists = [], []
    for case in ("agency", "partner", "agency"):
        page = complete_form(app.test_client(), load_case(case), until="contact")
        lists.append(page.text("#line"))
        drawn.append(sum(len(key) == 2 for key in kept(app)))
    assert lists[0] == lists[2] != lists[1]
    assert drawn[0] < drawn[1] == drawn[2]


def test_report_leaves_nothing_drawn(app):
    reference = add_published(app)
    with app.app_context():
        entry_id = db.session.scalar(select(Promise.entry_id).order_by(Promise.id))
    page = update_client(app, reference).page(f"/commitments/{reference}/update/{entry_id}")
    assert re.search(r"Data set 1: \w+", page.text("#line"))
    assert page.all("fieldset") and not kept(app)


def test_drawn_parts_are_dropped_once_there_are_too_many(app, monkeypatch):
    monkeypatch.setattr(languages, "MAX_CACHED_PARTS", 2)
    with app.app_context():
        drawn = [languages.draw_once(number % 3, lambda: Markup("x")) for number in range(7)]
        assert (drawn, len(app.extensions["cached_parts"])) == ([Markup("x")] * 7, 1)
