"""Tests of the parts of a page that are drawn once for everybody."""

import re

import pytest
from sqlalchemy import select

from tests.complete_form import complete_form
from tests.conftest import load_case
from tests.factories import add_published, update_client
from wizard.apply.binding import Question, _draw_untouched
from wizard.apply.pages import _draw_declared_steps
from wizard.db.engine import db
from wizard.db.promises import Promise
from wizard.flows.commitment import COMMITMENT
from wizard.web.languages import force_locale

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
            with app.test_request_context("/respond/"), force_locale(locale):
                assert question() == question.draw() == question()


def test_answered_question_is_never_kept(client):
    page = complete_form(client, load_case("agency"), until="contact")
    client.send(
        page.path, {"contact_name": "Ada Nuñez", "contact_email": "nobody", "action": "save"}
    )
    before = _draw_untouched.cache_info()
    page = client.page(page.path)
    after = _draw_untouched.cache_info()
    assert page.values()["contact_name"] == ["Ada Nuñez"]
    fields = COMMITMENT.steps["contact"].fields
    assert after.hits + after.misses - before.hits - before.misses == len(fields) - 2


def test_page_has_the_language_of_its_reader(client):
    path = complete_form(client, load_case("agency"), until="contact").path
    pages = [client.page(f"{path}?lang={code}").text("#answers") for code in ("en", "es", "en")]
    assert pages[0] == pages[2] != pages[1]


def test_list_of_steps_is_drawn_once_for_all_who_are_as_far(make_app):
    app = make_app()
    lists = []
    for case in ("agency", "partner", "agency"):
        misses = _draw_declared_steps.cache_info().misses
        page = complete_form(app.test_client(), load_case(case), until="contact")
        lists.append((page.text("#line"), _draw_declared_steps.cache_info().misses - misses))
    assert lists[0][0] == lists[2][0] != lists[1][0]
    assert lists[2][1] == 0


def test_nothing_of_a_report_is_kept(app):
    reference = add_published(app)
    with app.app_context():
        entry_id = db.session.scalar(select(Promise.entry_id).order_by(Promise.id))
    drawn = _draw_declared_steps, _draw_untouched
    before = [each.cache_info() for each in drawn]
    page = update_client(app, reference).page(f"/commitments/{reference}/update/{entry_id}")
    assert re.search(r"Data set 1: \w+", page.text("#line"))
    assert page.all("fieldset") and [each.cache_info() for each in drawn] == before
