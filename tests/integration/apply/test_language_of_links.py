"""Tests of the language in which the links of messages open."""

import pytest

from tests.complete_form import complete_form, resume_path
from tests.conftest import AGENCY
from tests.factories import add_submission, set_language, update_client, update_path
from tests.integration.apply.test_contacts import confirm_path, name_contact

pytestmark = pytest.mark.one_store
ENGLISH, GERMAN = {"Accept-Language": "en-US"}, {"Accept-Language": "de"}


@pytest.fixture
def reference(app) -> str:
    """Store a submission that was made in Spanish."""
    reference = add_submission(app)
    set_language(app, reference, "es")
    return reference


def open_page(app, path: str, headers: dict[str, str], chosen: str = ""):
    """Return a new browser, and the response to which a link leads in it."""
    client = app.test_client()
    if chosen:
        client.set_cookie("lang", chosen)
    response = client.get(path, headers=headers, follow_redirects=True)
    return client, response


@pytest.mark.parametrize("headers", [{}, ENGLISH, GERMAN], ids=["none", "en", "de"])
def test_link_opens_in_language_of_submission(app, reference, headers):
    client, response = open_page(app, update_path(app, reference), headers)
    assert response.status_code == 200 and '<html lang="es"' in response.text
    assert '<html lang="es"' in client.get("/privacy", headers=headers).text


def test_link_opens_in_chosen_language(app, reference):
    _, response = open_page(app, update_path(app, reference), GERMAN, chosen="en")
    assert response.status_code == 200 and '<html lang="en"' in response.text


@pytest.mark.parametrize(("code", "shown"), [("es", "es"), ("xx", "en")])
def test_request_to_confirm_opens_in_language_of_submission(app, reference, code, shown):
    name_contact(update_client(app, reference), reference)
    path = confirm_path(app)
    set_language(app, reference, code)
    _, response = open_page(app, path, GERMAN)
    assert response.status_code == 200 and f'<html lang="{shown}"' in response.text


def test_draft_opens_in_its_language(app, client):
    page = complete_form(client, AGENCY, until="contact")
    client.page(f"{page.path}?lang=es")
    saved = client.send(page.path, {"contact_name": "Ada Lee", "action": "save"})
    _, response = open_page(app, resume_path(saved), GERMAN)
    assert response.status_code == 200 and '<html lang="es"' in response.text
