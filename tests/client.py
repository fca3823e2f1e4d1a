"""A test client that checks the HTML and accessibility of every page."""

import re
from collections import Counter
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from tests.elements import Document, Element, assert_valid, is_fragment
from wizard.db.engine import db

SPOKEN = ("aria-label", "alt", "title", "placeholder", "content", "data-label", "data-copied")
"""The attributes that are read aloud."""
SPANISH_HEADERS = {"Accept-Language": "es-US,es;q=0.9,en;q=0.5"}


TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
VARYING = (
    re.compile(r'(name="(?:csrf_token|page|pass|[a-z_]+-[0-9]+-id)" value=")[^"]+'),
    re.compile(r"(/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    re.compile(r"(PDI)(?:-[A-Z0-9]{4}){2}"),
)
"""What differs between two pages that show the same: tokens, ids of drafts, references."""


class Page:
    """The HTML of a response, parsed when it is needed."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        self.path = response.request.path

    @property
    def is_fragment(self) -> bool:
        """Return True for a part of a page, which htmx puts into the one that is shown."""
        return is_fragment(self.response.text)

    @cached_property
    def html(self) -> Document:
        """The parsed HTML."""
        return Document(self.response.text)

    def all(self, selector: str) -> list[Element]:
        """Return every element that matches a CSS selector."""
        return self.html.all(selector)

    def text(self, selector: str) -> str:
        """Return the text of the only element that matches a CSS selector."""
        (found,) = self.all(selector)
        return found.text

    def errors(self) -> dict[str, str]:
        """Return the messages of the error summary by field."""
        links = self.all(".summary a")
        return {link.attrs["href"][1:]: link.text for link in links}

    def values(self) -> dict[str, list[str]]:
        """Return what a browser would post from the form as it stands."""
        values: dict[str, list[str]] = {}
        for element in self.all("form input"):
            attrs = element.attrs
            ticked = attrs.get("type") not in ("radio", "checkbox") or "checked" in attrs
            if attrs.get("name") and ticked:
                values.setdefault(attrs["name"], []).append(attrs.get("value", ""))
        for element in self.all("form textarea"):
            values.setdefault(element.attrs["name"], []).append(element.raw_text)
        for element in self.all("form select"):
            chosen = [o for o in element.all("option") if "selected" in o.attrs]
            values[element.attrs["name"]] = [o.attrs["value"] for o in chosen] or [""]
        return values


class Client(FlaskClient):
    """A test client that checks each page, and fails if a transaction was left open."""

    known_token = ""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        response = super().open(*args, **kwargs)
        with self.application.app_context():
            assert not db.session.new and not db.session.dirty, "changes that nobody committed"
        if is_page(response):
            check_page(read_page(response))
            if not self.known_token and (found := TOKEN.search(response.text)):
                self.known_token = found[1]
        return response

    def page(self, path: str, *, htmx: bool = False, **kwargs: Any) -> Page:
        """Get a page; follow redirects."""
        return read_page(
            self.get(path, headers=htmx_headers(htmx), follow_redirects=True, **kwargs)
        )

    def token(self) -> str:
        """Return a CSRF token of this session, from the first page that had one."""
        if not self.known_token:
            self.get("/respond/")
        return self.known_token

    def press(self, page: Page, button: str, *, htmx: bool = False, **typed: str) -> Page:
        """Press the first such button with an address of its own, after somebody typed."""
        found = page.all(button)[0]
        own = {found.attrs["name"]: found.attrs["value"]} if "name" in found.attrs else {}
        fields = page.values() | typed | own
        return self.send(found.attrs["formaction"], fields, htmx=htmx)

    def send(self, path: str, data: Any = None, *, htmx: bool = False, follow: bool = True) -> Page:
        """Post a form as a page does, with its token; follow redirects by default."""
        fields = {"csrf_token": self.token(), **(data or {})}
        response = self.post(path, data=fields, headers=htmx_headers(htmx), follow_redirects=follow)
        return read_page(response)


def read_page(response: Any) -> Page:
    """Return the page of a response, the same one each time."""
    if not hasattr(response, "page"):
        response.page = Page(response)
    return response.page


def htmx_headers(htmx: bool) -> dict[str, str]:
    """Return the request headers of htmx, or none."""
    return {"HX-Request": "true", "HX-Request-Type": "partial"} if htmx else {}


def visible_texts(page: Page) -> list[str]:
    """Return the text of a page, and the attributes that are read aloud."""
    data = [script.text for script in page.all("script")]  # for programs
    texts = [page.html.text]
    for text in filter(None, data):
        texts[0] = texts[0].replace(text, "")
    for element in page.all("*"):
        words = element.name == "body"
        named = element.attrs.get("name") or element.attrs.get("property") or ""
        if element.name == "meta" and not named.endswith(("description", "title")):
            continue
        texts += [
            value or ""
            for name, value in element.attrs.items()
            if name in SPOKEN or (words and name.startswith("data-"))
        ]
    return texts


checked_texts: set[str] = set()
"""The pages that were checked in this process, without what varies."""


def check_page(page: Page) -> None:
    """Assert what must hold on every page; what was found once about a text holds again."""
    where = f"{page.path} ({page.status})"
    assert "unsafe" not in page.response.headers["Content-Security-Policy"], where
    assert page.response.headers["Cache-Control"] == "no-store", where
    text = page.response.text
    for varying in VARYING:
        text = varying.sub(r"\1", text)
    if text not in checked_texts:
        _check_html(page, where)
        checked_texts.add(text)


def _check_html(page: Page, where: str) -> None:
    assert_valid(page.response.text, where)
    elements = page.all("*")
    (heading,) = _named(elements, "h1")
    (title,) = _named(elements, "title")
    shown = title.text.removeprefix("Error: ")
    assert shown.startswith(heading.text), (where, shown)
    summaries = [
        each for each in _having(elements, "class") if "summary" in each.attrs["class"].split()
    ]
    shown_errors = len(summaries) - len(page.all(".part .summary") if summaries else [])
    assert (shown_errors > 0) == title.text.startswith("Error: "), where
    _check_ids(elements, where)
    _check_labels(elements, where)
    _check_forms(elements, where)
    for name in ("style", "onclick", "hx-on", "hx-boost"):
        assert not _having(elements, name), (where, name)
    scripts = [each for each in _named(elements, "script") if "src" not in each.attrs]
    assert {each.attrs.get("type") for each in scripts} <= {"application/ld+json"}, where


def _named(elements: list[Element], *names: str) -> list[Element]:
    return [each for each in elements if each.name in names]


def _having(elements: list[Element], attribute: str) -> list[Element]:
    return [each for each in elements if attribute in each.attrs]


def _check_ids(elements: list[Element], where: str) -> None:
    ids = Counter(each.attrs["id"] for each in _having(elements, "id"))
    assert not [name for name, times in ids.items() if times > 1], (where, ids)
    for attribute in ("for", "aria-describedby", "aria-labelledby"):
        for element in _having(elements, attribute):
            missing = set(element.attrs[attribute].split()) - set(ids)
            assert not missing, (where, attribute, missing)
    for link in _having(_named(elements, "a"), "href"):
        address = link.attrs["href"]
        assert not address.startswith("#") or address[1:] in ids, (where, address)


def _check_labels(elements: list[Element], where: str) -> None:
    labeled = {each.attrs["for"] for each in _having(_named(elements, "label"), "for")}
    for element in _named(elements, "input", "select", "textarea"):
        if element.attrs.get("type") != "hidden":
            assert element.attrs.get("id") in labeled, (where, element.attrs)
    for element in _named(elements, "fieldset"):
        assert element.all("legend"), where


def _check_forms(elements: list[Element], where: str) -> None:
    for form in _named(elements, "form"):
        filters = form.attrs["method"] == "get"
        names = [each.attrs.get("name") for each in form.all("input")]
        assert filters != ("csrf_token" in names), where
        buttons = [each for each in form.all("button") if "formaction" in each.attrs]
        sender = "formaction" if buttons else "action"
        for sends in buttons or [form]:
            assert sends.attrs[sender] == sends.attrs["hx-get" if filters else "hx-post"], where
            assert urlsplit(sends.attrs[sender]).netloc == "", where
            assert sends.attrs["hx-target"] == "#main", where


def is_page(response: Any) -> bool:
    """Return True for HTML that a browser shows: no redirect, no autosave status."""
    is_html = response.mimetype == "text/html" and not 300 <= response.status_code < 400
    return is_html and not response.request.path.endswith("/autosave")


def case_references(page: Page) -> list[str]:
    """Return the references in the staff list, in order."""
    return [each.text for each in page.all(".list tbody th")]


def link_address(page: Page, name: str) -> str:
    """Return the address of the link with that text."""
    (found,) = [each for each in page.all("a") if each.text == name]
    return found.attrs["href"]


def commitment_references(page: Page) -> list[str]:
    """Return the references in the public list, in order."""
    return [a.attrs["href"].rsplit("/", 1)[1] for a in page.all(".item h2 a")]


def spanish_client(app):
    """Return a client that asks for Spanish."""
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = SPANISH_HEADERS["Accept-Language"]
    return client
