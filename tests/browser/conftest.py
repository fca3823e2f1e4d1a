"""A real browser on the program in a process of its own, for each kind of store."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright

from tests.server import Server, serving

MODULES = Path(__file__).parent / "node_modules"
HTMX = (MODULES / "htmx.org/dist/htmx.min.js").read_bytes
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, for the tests of this process."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright) -> Iterator[Browser]:
    """The system's Chromium, or else Playwright's own."""
    browser = launch(playwright)
    yield browser
    browser.close()


def launch(playwright: Playwright) -> Browser:
    """Starts a browser; skips where none can be had, which never happens in CI."""
    path = next(filter(None, map(shutil.which, SYSTEM_BROWSERS)), None)
    if path is None:
        install = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(install, check=False, capture_output=True)
    try:
        return playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
    except Error as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no browser can be had here: {error}")


@pytest.fixture
def server(database_url, tmp_path) -> Iterator[Server]:
    """The program on a store of the test's own."""
    with serving(database_url, tmp_path) as running:
        yield running


@dataclass
class Person:
    """Someone at a browser: each page is watched for what a console should never show."""

    context: BrowserContext
    page: Page
    problems: list[str]


@pytest.fixture
def open_browser(browser, server) -> Iterator:
    """Opens the program for a new person; at the end, nobody's console may hold a complaint."""
    people: list[Person] = []

    def problems_of(page: Page) -> list[str]:
        return next(person.problems for person in people if person.page == page)

    def open_for(*, javascript: bool = True, **options) -> Page:
        context = browser.new_context(
            base_url=server.url, java_script_enabled=javascript, reduced_motion="reduce", **options
        )
        page = context.new_page()
        person = Person(context, page, [])
        people.append(person)
        context.route("https://cdn.jsdelivr.net/**", serve_htmx)
        page.on("console", lambda message: note(person, message))
        page.on("pageerror", lambda error: person.problems.append(str(error)))
        page.goto("/")
        return page

    open_for.problems_of = problems_of
    yield open_for
    for person in people:
        person.context.close()
        assert person.problems == []


def serve_htmx(route) -> None:
    """Plays the CDN with the package's real file, so that its hash is checked."""
    route.fulfill(
        body=HTMX(),
        content_type="text/javascript",
        headers={"Access-Control-Allow-Origin": "*"},
    )


def note(person: Person, message) -> None:
    """Keeps what the console says; a refused post is an answer of the form, and no fault."""
    refused = message.text.startswith("Failed to load resource") and " 4" in message.text
    if message.type in ("error", "warning") and not refused:
        person.problems.append(message.text)
