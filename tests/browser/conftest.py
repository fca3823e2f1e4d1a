"""Fixtures: a real browser, and the program in its own process."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.attack.browser import Browser as Poster
from tests.browser.engines import FIREFOXES, Chromium, Firefox, WebKit, Window
from tests.browser.visitor import Visitor
from tests.complete_form import complete_form
from tests.conftest import AGENCY, skip_without
from tests.server import ForkedServer, Server, running_server
from wizard import create_app
from wizard.accounts import accounts, passwords
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.engine import db

MODULES = Path(__file__).parent / "node_modules"
HTMX = (MODULES / "htmx.org/dist/htmx.min.js").read_bytes
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
SYSTEM_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is Chromium without windows of its own: the same pages for less work."""
expect.set_options(timeout=15_000)  # a page takes long on a busy machine
PASSWORD = "violin-cactus-harbor-9"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Start Playwright once per test process."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright) -> Iterator[Browser]:
    """Return the system's Chromium, or Playwright's own."""
    browser = launch(playwright)
    yield browser
    browser.close()


def launch(playwright: Playwright, *flags: str) -> Browser:
    """Start a browser; skip the test if there is none, except in CI."""
    path = next(filter(None, map(shutil.which, SYSTEM_BROWSERS)), None)
    if path is None:
        install = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
        subprocess.run(install, check=False, capture_output=True)
    try:
        return playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_FLAGS, *flags])
    except Error as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no browser is available: {error}")


@pytest.fixture
def server(database_url, tmp_path) -> Iterator[Server]:
    """Run the program on a fresh database."""
    with running_server(database_url, tmp_path, ForkedServer) as running:
        yield running


@pytest.fixture
def office(server, monkeypatch):
    """Return an app on the server's database, to prepare data directly; its passwords are cheap."""
    monkeypatch.setattr(passwords, "METHOD", "scrypt:1024:8:1")
    settings = {"DATABASE_URL": server.database_url, "INSTANCE_PATH": str(server.folder)}
    app = create_app(settings | {"PUBLIC_URL": "http://commitments.example.org"})
    with app.app_context():
        for name, role in [("ada", "admin"), ("bob", "editor")]:
            accounts.add_account(f"{name}@example.gov", role, COMMAND_LINE, PASSWORD)
    yield app
    with app.app_context():
        db.engine.dispose()


@dataclass
class Person:
    """A user's browser, with the errors and warnings from its console."""

    context: BrowserContext
    page: Page
    problems: list[str]


@pytest.fixture
def open_browser(browser, server) -> Iterator:
    """Return a function that opens the program for a new user; fail later on console errors."""
    people: list[Person] = []

    def problems_of(page: Page) -> list[str]:
        return next(person.problems for person in people if person.page == page)

    def open_for(*, javascript: bool = True, **options) -> Page:
        options = {"reduced_motion": "reduce", **options}
        context = browser.new_context(
            base_url=server.url, java_script_enabled=javascript, **options
        )
        page = context.new_page()
        person = Person(context, page, [])
        people.append(person)
        context.route("https://cdn.jsdelivr.net/**", serve_htmx)
        page.on("console", lambda message: record_console(person, message))
        page.on("pageerror", lambda error: person.problems.append(str(error)))
        page.goto("/")
        return page

    open_for.problems_of = problems_of
    yield open_for
    for person in people:
        person.context.close()
        assert person.problems == []


@pytest.fixture
def open_draft(open_browser, server) -> Callable[..., Page]:
    """Return a function that opens a step for a new user, who has posted those before it.

    They are posted without a browser, which takes a tenth of the time.
    """

    def open_at(step: str, answers: dict = AGENCY, **options) -> Page:
        poster = Poster(server)
        path = complete_form(poster, answers, until=step).path
        page = open_browser(**options)
        cookies = poster.cookies.items()
        page.context.add_cookies(
            [{"name": name, "value": value, "url": server.url} for name, value in cookies]
        )
        page.goto(path)
        return page

    return open_at


def serve_htmx(route) -> None:
    """Serve htmx from its npm package instead of the CDN; the browser still checks its hash."""
    route.fulfill(
        body=HTMX(),
        content_type="text/javascript",
        headers={"Access-Control-Allow-Origin": "*"},
    )


def record_console(person: Person, message) -> None:
    """Record console errors and warnings, except for 4xx responses, which forms handle."""
    refused = message.text.startswith("Failed to load resource") and " 4" in message.text
    if message.type in ("error", "warning") and not refused:
        person.problems.append(f"{message.text} ({message.location['url']}, {person.page.url})")


@pytest.fixture(scope="session")
def htmx_url() -> Iterator[str]:
    """Serve htmx to engines whose requests no test can answer."""
    with running_cdn() as url:
        yield url


@contextmanager
def running_cdn() -> Iterator[str]:
    """Serve htmx from its npm package as its CDN does: compressed, cross-origin, immutable."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Cache-Control", "public, max-age=31536000, immutable")
            self.end_headers()
            self.wfile.write(gzip.compress(HTMX()))

        def log_message(self, *_) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/htmx.min.js"
        running.shutdown()


@pytest.fixture
def chromium(open_browser) -> Callable[[], Window]:
    """Return a function that opens a window of Chromium."""
    return lambda: Chromium(open_browser())


@pytest.fixture(scope="session")
def firefox(tmp_path_factory) -> Iterator[Callable[[], Window]]:
    """Return a function that opens a window of Firefox."""
    if not any(map(shutil.which, FIREFOXES)):
        skip_without("firefox-esr")
    running = Firefox(tmp_path_factory.mktemp("firefox"))
    yield running.new_window
    running.close()


@pytest.fixture(scope="session")
def webkit() -> Iterator[Callable[[], Window]]:
    """Return a function that opens a window of WebKit."""
    for program, package in (("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")):
        if not shutil.which(program):
            skip_without(package)
    running = WebKit()
    yield running.new_window
    running.close()


@pytest.fixture(params=["chromium", "firefox", "webkit"])
def new_visitor(request, server) -> Iterator[Callable[[], Visitor]]:
    """Return a function that opens the program for a new user, in each engine."""
    open_window = request.getfixturevalue(request.param)
    visitors: list[Visitor] = []

    def open_for_visitor() -> Visitor:
        visitors.append(Visitor(open_window(), server.url))
        visitors[-1].open("/")
        return visitors[-1]

    yield open_for_visitor
    for visitor in visitors:
        problems = visitor.window.problems
        visitor.window.close()
        assert problems == []
