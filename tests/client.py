"""A test client that reads every page as a strict browser, and as someone on a screen reader."""

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from justhtml import JustHTML
from justhtml.parser import FragmentContext

from wizard.db.engine import db


class Page:
    """The HTML of a response, to look things up in."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        self.path = response.request.path
        self.is_fragment = not response.text.lstrip().lower().startswith("<!doctype")
        context = FragmentContext("main") if self.is_fragment else None
        self.html = JustHTML(
            response.text, sanitize=False, collect_errors=True, fragment_context=context
        )

    def all(self, selector: str) -> list[Any]:
        """Every element that a CSS selector finds."""
        return self.html.query(selector)

    def text(self, selector: str) -> str:
        """The text of the only element that a CSS selector finds."""
        (found,) = self.all(selector)
        return " ".join(found.to_text().split())

    def errors(self) -> dict[str, str]:
        """The messages of the summary, by the field they lead to."""
        links = self.all(".summary a")
        return {link.attrs["href"][1:]: link.to_text().strip() for link in links}

    def values(self) -> dict[str, list[str]]:
        """What a browser would post from the form on this page, as it stands."""
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
    """Lints each page that it gets, and fails on a store that was left in a transaction."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        response = super().open(*args, **kwargs)
        with self.application.app_context():
            assert not db.session.new and not db.session.dirty, "changes that nobody committed"
        if is_page(response):
            lint(Page(response))
        return response

    def page(self, path: str, *, htmx: bool = False, **kwargs: Any) -> Page:
        """A page, redirects followed."""
        return Page(self.get(path, headers=headers(htmx), follow_redirects=True, **kwargs))

    known_token: str = ""

    def token(self) -> str:
        """A CSRF token of this client's session."""
        if not self.known_token:
            page = Page(self.get("/respond/"))
            self.known_token = page.all("input[name=csrf_token]")[0].attrs["value"]
        return self.known_token

    def send(self, path: str, data: Any = None, *, htmx: bool = False, follow: bool = True) -> Page:
        """Posts a form as a page would, with its token; redirects followed unless told not to."""
        fields = {"csrf_token": self.token(), **(data or {})}
        response = self.post(path, data=fields, headers=headers(htmx), follow_redirects=follow)
        return Page(response)


def headers(htmx: bool) -> dict[str, str]:
    """What htmx tells of itself."""
    return {"HX-Request": "true", "HX-Request-Type": "partial"} if htmx else {}


def lint(page: Page) -> None:
    """What holds on every page, whichever it is."""
    where = f"{page.path} ({page.status})"
    assert not page.html.errors, (where, page.html.errors)
    (heading,) = page.all("h1")
    (title,) = page.all("title")
    shown = title.to_text().removeprefix("Error: ")
    assert shown.startswith(heading.to_text().strip()), (where, shown)
    assert (page.all(".summary") != []) == title.to_text().startswith("Error: "), where
    _unique_ids(page, where)
    _labels(page, where)
    _forms(page, where)
    for name in ("style", "onclick", "hx-on", "hx-boost"):
        assert not page.all(f"[{name}]"), (where, name)
    assert not [s for s in page.all("script") if "src" not in s.attrs], where
    policy = page.response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy, where
    assert page.response.headers["Cache-Control"] == "no-store", where


def _unique_ids(page: Page, where: str) -> None:
    ids = Counter(element.attrs["id"] for element in page.all("[id]"))
    assert not [name for name, times in ids.items() if times > 1], (where, ids)
    for attribute in ("for", "aria-describedby", "aria-labelledby"):
        for element in page.all(f"[{attribute}]"):
            missing = set(element.attrs[attribute].split()) - set(ids)
            assert not missing, (where, attribute, missing)
    for link in page.all('a[href^="#"]'):
        assert link.attrs["href"][1:] in ids, (where, link.attrs["href"])


def _labels(page: Page, where: str) -> None:
    labeled = {element.attrs["for"] for element in page.all("label[for]")}
    for element in page.all("input, select, textarea"):
        if element.attrs.get("type") != "hidden":
            assert element.attrs.get("id") in labeled, (where, element.attrs)
    for element in page.all("fieldset"):
        assert element.children and element.query("legend"), where


def _forms(page: Page, where: str) -> None:
    for form in page.all("form"):
        filters = form.attrs["method"] == "get"
        assert filters != bool(form.query("input[name=csrf_token]")), where
        assert form.attrs["action"] == form.attrs["hx-get" if filters else "hx-post"], where
        assert urlsplit(form.attrs["action"]).netloc == "", where
        assert form.attrs["hx-target"] == "#main", where


def is_page(response: Any) -> bool:
    """Whether a browser shows it: a redirect is not shown, a status fragment is no page."""
    is_html = response.mimetype == "text/html" and not 300 <= response.status_code < 400
    return is_html and not response.request.path.endswith("/autosave")
