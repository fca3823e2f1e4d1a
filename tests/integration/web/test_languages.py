"""Tests of choosing a language."""

import pytest
from jinja2 import ChoiceLoader, DictLoader

from tests.client import SPANISH_HEADERS, read_page
from tests.complete_form import start_draft
from tests.factories import add_published, staff_client

pytestmark = pytest.mark.one_store


def test_staff_pages_stay_english(app):
    staff = staff_client(app, "admin")
    staff.set_cookie("lang", "es")
    page = staff.page("/staff/?lang=es")
    assert (page.all("html")[0].attrs["lang"], page.text("h1")) == ("en", "Dashboard")
    assert not page.all("a[hreflang]")


@pytest.mark.parametrize(
    ("asks", "language"),
    [
        ("es", "es"),
        ("es-419,en;q=0.8", "es"),
        ("ES-MX", "es"),
        ("en-US,es;q=0.9", "en"),
        ("fr,es;q=0.5,en;q=0.1", "es"),
        ("fr", "en"),
        ("es;q=0", "en"),
        ("", "en"),
        ("\u00e9\x7f;;q=,", "en"),
    ],
)
def test_accept_language_selects_language(client, asks, language):
    page = read_page(client.get("/", headers={"Accept-Language": asks}))
    assert page.all("html")[0].attrs["lang"] == language
    assert page.response.headers["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= set(page.response.vary)


def test_language_link_stays_on_page_and_is_remembered(app, client):
    add_published(app, state="FL")
    page = client.page("/commitments?state=FL&lang=xx")
    (to_spanish,) = page.all("a[hreflang=es]")
    assert to_spanish.attrs["href"] == "?state=FL&lang=es"
    page = client.page("/commitments" + to_spanish.attrs["href"])
    assert page.text("h1") == "Compromisos"
    assert page.all("option[value=FL][selected]")
    cookie = client.get_cookie("lang")
    assert (cookie.value, cookie.http_only, cookie.max_age) == ("es", True, 365 * 24 * 3600)
    assert client.page("/questions").text("h1") == "Ver las preguntas"
    assert client.page("/questions", htmx=True).text("h1") == "Ver las preguntas"
    back = client.page("/questions?lang=en")
    assert back.text("h1") == "Preview the questions"
    assert client.page("/").all("html")[0].attrs["lang"] == "en"


@pytest.mark.parametrize("given", ["xx", "", "es/../en", "//evil.example", "es\r\nX: y", "⟦"])
def test_unknown_language_is_ignored(client, given):
    page = read_page(client.get("/", query_string={"lang": given}))
    assert page.status == 200 and client.get_cookie("lang") is None
    for anchor in page.all("a[hreflang]"):
        assert anchor.attrs["href"].startswith("?")


def test_language_switch_keeps_typed_values(client, case):
    page = start_draft(client, case)
    client.send(f"{page.path}/autosave", {"city": "Half a na"})
    page = client.page(page.path + "?lang=es")
    assert page.text("h1") == "Su organización" and page.values()["city"] == ["Half a na"]


def test_options_are_sorted_by_translated_label(client, case):
    client.set_cookie("lang", "es")
    page = start_draft(client, case)
    names = [option.text for option in page.all("#state option")][1:]
    assert names.index("Carolina del Norte") == names.index("California") + 1
    assert names.index("Míchigan") == names.index("Massachusetts") + 1
    assert len(names) == 56


def test_errors_are_in_language_of_page(client, case):
    client.set_cookie("lang", "es")
    page = start_draft(client, case)
    page = client.send(page.path, {"website": "a b"})
    assert page.errors()["organization_name"] == "Escriba el nombre de su organización."
    assert page.errors()["website"].startswith("Escriba la dirección de su sitio web, por")
    assert page.text("title").startswith("Error: ")
    assert page.text("#errors h2") == "Hay 4 problemas en esta página"


@pytest.mark.parametrize(
    "expression",
    ["request.path", "session.get('once')", "g.user", "csrf_token()", "language_query('es')",
     "get_flashed_messages()"],
)  # fmt: skip
def test_cached_part_that_reads_request_raises(make_app, expression):
    app, parts = make_app(), {"parts/foot.html": "{{ " + expression + " }}"}
    app.jinja_loader = ChoiceLoader([DictLoader(parts), app.jinja_loader])
    app.jinja_env.bytecode_cache = None
    with pytest.raises(RuntimeError, match="outside of"):
        app.test_client().get("/questions")


def test_cached_part_is_rendered_once_per_language(client):
    feet = [
        client.get("/questions", headers=more).text
        for more in ({}, SPANISH_HEADERS, {}, SPANISH_HEADERS)
    ]
    feet = [page.partition("<footer")[2].partition("</footer>")[0] for page in feet]
    assert feet[0] == feet[2] != feet[1] == feet[3]
    assert 'href="/privacy"' in feet[0]
