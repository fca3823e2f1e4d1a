"""Tests of how the differences of two versions are drawn."""

import pytest
from flask import get_template_attribute

from tests.conftest import load_case
from tests.elements import Document
from wizard.flows.commitment import COMMITMENT
from wizard.forms.differences import differences
from wizard.web import languages

pytestmark = pytest.mark.one_store
MARKUP = "<script>alert(1)</script> & <del>open</del>"


def draw(app, before: dict, after: dict, language: str = "") -> str:
    """Return the HTML of the differences."""
    with app.test_request_context("/"):
        macro = get_template_attribute("macros/differences.html", "difference_cards")
        return str(macro(differences(COMMITMENT, before, after), language))


def answers_of(html: str, leave_out: str) -> list[str]:
    """Return the answers as a reader sees them who does not look at removed or added ones."""
    document = Document(html)
    for element in document.all(f"{leave_out}, .visually-hidden"):
        element.remove()
    return [each.raw_text for each in document.all("dd")]


def test_drawn_differences_hold_both_versions(app):
    case = load_case("partner")
    before = {name: case[name] for name in ("city", "commitment_title", "commitment_description")}
    after = {
        "city": "Oakland",
        "commitment_title": f"A {case['commitment_title']}",
        "commitment_description": case["commitment_description"].replace("six", "6") + "\n\nEnd",
    }
    html = draw(app, before, after)
    assert answers_of(html, "ins") == list(before.values())
    assert answers_of(html, "del") == list(after.values())
    assert html.count("</h3>") == 2


@pytest.mark.parametrize("before", ["Kept words & more words", MARKUP, ""])
def test_markup_in_answers_is_escaped(app, before):
    html = draw(
        app, {"commitment_description": before}, {"commitment_description": f"{MARKUP} now"}
    )
    assert "<script" not in html
    assert answers_of(html, "del") == [f"{MARKUP} now"]


def test_screen_readers_hear_what_was_removed_and_added(app):
    name = "commitment_title"
    html = draw(app, {name: "Six files open"}, {name: "Ten files open"})
    assert '<del><bdi class="visually-hidden" lang="en">removed: </bdi>Six</del>' in html
    assert '<ins><bdi class="visually-hidden" lang="en">added: </bdi>Ten</ins> files open<' in html


def test_answers_have_the_language_they_were_written_in(app):
    before = {"organization_kind": "nonprofit", "city": "San Juan"}
    after = {"organization_kind": "company", "city": "Ponce"}
    html = draw(app, before, after, "es")
    assert html.count('<del class="version" dir="auto" lang="es">') == 1  # not the form's own words


def test_differences_are_drawn_in_spanish(app):
    token = languages.current_locale.set("es")
    try:
        html = draw(app, {"city": "San Juan"}, {"city": "Ponce"})
    finally:
        languages.current_locale.reset(token)
    assert 'lang="es">se quitó: </bdi>San Juan' in html
    assert 'lang="es">se agregó: </bdi>Ponce' in html
