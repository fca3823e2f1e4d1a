"""A test client that checks the HTML and accessibility of every page."""

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from justhtml import JustHTML
from justhtml.parser import FragmentContext

from wizard.db.engine import db

SPOKEN = ("aria-label", "alt", "title", "placeholder", "content", "data-label", "data-copied")
"""The attributes that are read aloud."""
SPANISH_HEADERS = {"Accept-Language": "es-US,es;q=0.9,en;q=0.5"}


class Page:
    """The parsed HTML of a response."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        self.path = response.request.path
        self.is_fragment = not response.text.lstrip().lower().startswith("<!doctype")
        context = FragmentContext("main") if self.is_fragment else None
        self.html = JustHTML(
            response.text,
            sanitize=False,
            collect_errors=True,
            fragment_context=context,
            scripting_enabled=False,
        )

    def all(self, selector: str) -> list[Any]:
        """Return every element that matches a CSS selector."""
        return self.html.query(selector)

    def text(self, selector: str) -> str:
        """Return the text of the only element that matches a CSS selector."""
        (found,) = self.all(selector)
        return " ".join(found.to_text().split())

    def errors(self) -> dict[str, str]:
        """Return the messages of the error summary by field."""
        links = self.all(".summary a")
        return {link.attrs["href"][1:]: link.to_text().strip() for link in links}

    def values(self) -> dict[str, list[str]]:
        """Return what a browser would post from the form as it stands."""
        values: dict[str, list[str]] = {}
        for element in self.all("form input"):
            attrs = element.attrs
            ticked = attrs.get("type") not in ("radio", "checkbox") or "checked" in attrs
            if attrs.get("name") and ticked:
                values.setdefault(attrs["name"], []).append(attrs.get("value", ""))
        for element in self.all("form textarea"):
            values[element.attrs["name"]] = ["".join(c.data for c in element.children)]
        for element in self.all("form select"):
            chosen = [o for o in element.query("option") if "selected" in o.attrs]
            values[element.attrs["name"]] = [o.attrs["value"] for o in chosen] or [""]
        return values


class Client(FlaskClient):
    """A test client that checks each page, and fails if a transaction was left open."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        response = super().open(*args, **kwargs)
        with self.application.app_context():
            assert not db.session.new and not db.session.dirty, "changes that nobody committed"
        if is_page(response):
            check_page(Page(response))
        return response

    def page(self, path: str, *, htmx: bool = False, **kwargs: Any) -> Page:
        """Get a page; follow redirects."""
        return Page(self.get(path, headers=htmx_headers(htmx), follow_redirects=True, **kwargs))

    known_token: str = ""

    def token(self) -> str:
        """Return a CSRF token of this session."""
        if not self.known_token:
            page = Page(self.get("/respond/"))
            self.known_token = page.all("input[name=csrf_token]")[0].attrs["value"]
        return self.known_token

    def send(self, path: str, data: Any = None, *, htmx: bool = False, follow: bool = True) -> Page:
        """Post a form as a page does, with its token; follow redirects by default."""
        fields = {"csrf_token": self.token(), **(data or {})}
        response = self.post(path, data=fields, headers=htmx_headers(htmx), follow_redirects=follow)
        return Page(response)


def htmx_headers(htmx: bool) -> dict[str, str]:
    """Return the request headers of htmx, or none."""
    return {"HX-Request": "true", "HX-Request-Type": "partial"} if htmx else {}


def visible_texts(page: Page) -> list[str]:
    """Return the text of a page, and the attributes that are read aloud."""
    texts = [page.html.root.to_text()]
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


def check_page(page: Page) -> None:
    """Assert what must hold on every page."""
    where = f"{page.path} ({page.status})"
    assert not page.html.errors, (where, page.html.errors)
    (heading,) = page.all("h1")
    (title,) = page.all("title")
    shown = title.to_text().removeprefix("Error: ")
    assert shown.startswith(heading.to_text().strip()), (where, shown)
    assert (page.all(".summary") != []) == title.to_text().startswith("Error: "), where
    _check_ids(page, where)
    _check_labels(page, where)
    _check_forms(page, where)
    for name in ("style", "onclick", "hx-on", "hx-boost"):
        assert not page.all(f"[{name}]"), (where, name)
    assert not [s for s in page.all("script") if "src" not in s.attrs], where
    policy = page.response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy, where
    assert page.response.headers["Cache-Control"] == "no-store", where


def _check_ids(page: Page, where: str) -> None:
    ids = Counter(element.attrs["id"] for element in page.all("[id]"))
    assert not [name for name, times in ids.items() if times > 1], (where, ids)
    for attribute in ("for", "aria-describedby", "aria-labelledby"):
        for element in page.all(f"[{attribute}]"):
            missing = set(element.attrs[attribute].split()) - set(ids)
            assert not missing, (where, attribute, missing)
    for link in page.all('a[href^="#"]'):
        assert link.attrs["href"][1:] in ids, (where, link.attrs["href"])


def _check_labels(page: Page, where: str) -> None:
    labeled = {element.attrs["for"] for element in page.all("label[for]")}
    for element in page.all("input, select, textarea"):
        if element.attrs.get("type") != "hidden":
            assert element.attrs.get("id") in labeled, (where, element.attrs)
    for element in page.all("fieldset"):
        assert element.children and element.query("legend"), where


def _check_forms(page: Page, where: str) -> None:
    for form in page.all("form"):
        filters = form.attrs["method"] == "get"
        assert filters != bool(form.query("input[name=csrf_token]")), where
        assert form.attrs["action"] == form.attrs["hx-get" if filters else "hx-post"], where
        assert urlsplit(form.attrs["action"]).netloc == "", where
        assert form.attrs["hx-target"] == "#main", where


def is_page(response: Any) -> bool:
    """Return True for HTML that a browser shows: no redirect, no autosave status."""
    is_html = response.mimetype == "text/html" and not 300 <= response.status_code < 400
    return is_html and not response.request.path.endswith("/autosave")


def case_references(page: Page) -> list[str]:
    """Return the references in the staff list, in order."""
    return [each.to_text().strip() for each in page.all(".list tbody th")]


def link_address(page: Page, name: str) -> str:
    """Return the address of the link with that text."""
    (found,) = [each for each in page.all("a") if each.to_text().strip() == name]
    return found.attrs["href"]


def commitment_references(page: Page) -> list[str]:
    """Return the references in the public list, in order."""
    return [a.attrs["href"].rsplit("/", 1)[1] for a in page.all(".item h2 a")]


def spanish_client(app):
    """Return a client that asks for Spanish."""
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = SPANISH_HEADERS["Accept-Language"]
    return client
