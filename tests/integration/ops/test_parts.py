"""Tests of the page of parts: it shows every macro, so that a new one cannot be forgotten."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2.runtime import Macro

from tests.factories import staff_client
from wizard import clock
from wizard.forms.promises import STATES, state_of
from wizard.ops import parts

pytestmark = pytest.mark.one_store

FOLDER = Path(__file__).parents[3] / "templates" / "macros"
ELSEWHERE = {
    "email.html": "HTML mail has styles of its own, which the policy of pages forbids",
    "linked_data.html": "data for search engines: nothing that is seen",
    "layout.html: social_tags": "tags in the head of a page: nothing that is seen",
}
"""What the page does not show, and why."""


def declared_macros():
    """Return each macro with its file."""
    for path in FOLDER.glob("*.html"):
        for name in re.findall(r"{%-? macro (\w+)\(", path.read_text(encoding="utf-8")):
            yield f"{path.name}: {name}"


def test_page_shows_every_macro(app, monkeypatch):
    drawn, invoke = set(), Macro._invoke

    def watch(self, arguments, autoescape):
        drawn.add(f"{Path(self._func.__code__.co_filename).name}: {self.name}")
        return invoke(self, arguments, autoescape)

    monkeypatch.setattr(Macro, "_invoke", watch)
    assert staff_client(app, "admin").get("/staff/parts").status_code == 200
    missing = [
        each
        for each in declared_macros()
        if each not in drawn and not {each, each.partition(":")[0]} & ELSEWHERE.keys()
    ]
    assert missing == []


def test_exceptions_are_macros():
    declared = set(declared_macros())
    assert ELSEWHERE.keys() <= declared | {each.partition(":")[0] for each in declared}


def test_page_is_the_same_each_year(app, monkeypatch):
    pages = []
    for year in (2026, 2030):
        monkeypatch.setattr(clock, "now", lambda year=year: datetime(year, 2, 1, tzinfo=UTC))
        pages.append(staff_client(app, "admin", f"ada{year}").page("/staff/parts"))
    first, second = ([part.text for part in page.all(".part")] for page in pages)
    assert first == second


@pytest.mark.parametrize("state", STATES)
def test_promise_is_in_its_state(state):
    assert state_of(parts.make_promise(state), parts.TODAY) == state
