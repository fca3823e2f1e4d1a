"""Fixtures: a real browser, and the program in its own process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright

from tests.server import Server, running_server

MODULES = Path(__file__).parent / "node_modules"
HTMX = (MODULES / "htmx.org/dist/htmx.min.js").read_bytes
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


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


def launch(playwright: Playwright) -> Browser:
    """Start a browser; skip the test if there is none, except in CI."""
    path = next(filter(None, map(shutil.which, SYSTEM_BROWSERS)), None)
    if path is None:
        install = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(install, check=False, capture_output=True)
    try:
        return playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
    except Error as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no browser is available: {error}")


@pytest.fixture
def server(database_url, tmp_path) -> Iterator[Server]:
    """Run the program on a fresh database."""
    with running_server(database_url, tmp_path) as running:
        yield running


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
        context = browser.new_context(
            base_url=server.url, java_script_enabled=javascript, reduced_motion="reduce", **options
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
        person.problems.append(message.text)
