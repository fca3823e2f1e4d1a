"""Page objects that find controls by their labels, as a user does."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import MODULES
from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import Choice, Choices, Select
from wizard.forms.fields import Confirm, Field
from wizard.forms.flow import Step
from wizard.forms.groups import Group

AXE = MODULES / "axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIOLATIONS = """async tags => {
const found = await axe.run({runOnly: tags, resultTypes: ["violations"]});
return found.violations.map(each => [each.id, each.nodes.map(node => node.html)]); }"""
"""Sends nothing else to Python: nobody reads what passes."""
JAVASCRIPT = pytest.mark.parametrize(
    "javascript", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["htmx", "plain"]
)
"""Runs a test with JavaScript, and in the slow tests also without."""


class StepPage:
    """The page of one step."""

    def __init__(self, page: Page, step: Step, *, javascript: bool = True) -> None:
        self.page = page
        self.step = step
        self.javascript = javascript

    def wait_until_shown(self) -> None:
        """Wait until this page is shown and fully loaded."""
        expect(self.page.locator("h1")).to_have_text(self.step.title)
        self.page.wait_for_load_state()

    def answer(self, answers: Mapping[str, Any]) -> None:
        """Answer every question of the step for which `answers` has a value."""
        for field in self.step.fields:
            if field.name in answers:
                self._answer(self.page.locator("form"), field, answers[field.name])

    def _answer(self, within: Locator, field: Field, value: Any) -> None:
        if not self.javascript and field.when and not within.get_by_text(field.label).count():
            return  # shown on the next page, once the server knows that it applies
        if isinstance(field, Group):
            self._answer_group(field, value)
        elif isinstance(field, Select):
            label = field.display(value)
            within.get_by_label(field.label, exact=True).select_option(label=label)
        elif isinstance(field, Choices):
            for code in value:
                self._tick(within, field, Choice.display(field, code))
        elif isinstance(field, Choice):
            self._tick(within, field, field.display(value))
        elif isinstance(field, Confirm):
            within.get_by_label(field.label).check()
        else:
            # The label of an optional question ends with “(optional)”.
            within.get_by_label(field.label, exact=field.required is not False).fill(value)

    def _tick(self, within: Locator, field: Choice, label: str) -> None:
        question = within.get_by_role("group", name=field.label).or_(
            within.get_by_role("radiogroup", name=field.label)
        )
        question.get_by_label(label, exact=True).check()

    def _answer_group(self, group: Group, entries: list[dict[str, Any]]) -> None:
        for number, entry in enumerate(entries, start=1):
            name = re.compile(rf"^{group.entry} {number}(:|$)")  # its title once saved
            card = self.page.get_by_role("group", name=name)
            if card.count() == 0:
                self.page.get_by_role("button", name="Add another").click()
                expect(card).to_be_visible()
            fold = card.locator("details:not([open]) > summary")
            if fold.count():
                fold.click()
            for field in group.fields:
                if field.name in entry:
                    self._answer(card, field, entry[field.name])

    def press_continue(self) -> None:
        """Press the primary button."""
        self.page.locator("#continue").click()


def walk(
    page: Page,
    answers: Mapping[str, Any],
    steps: list[str],
    *,
    javascript: bool = True,
    look: Callable[[Page], None] = lambda page: None,
) -> None:
    """Answer `steps` one after the other; call `look` on every page."""
    page.get_by_role("link", name="Start now").click()
    for name in steps:
        step = StepPage(page, COMMITMENT.steps[name], javascript=javascript)
        step.wait_until_shown()
        look(page)
        step.answer(answers)
        step.press_continue()
        if not javascript and page.locator("h1").inner_text() == step.step.title:
            step.answer(answers)
            step.press_continue()


def check_accessibility(page: Page) -> None:
    """Run axe on the current page; fail on any violation."""
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate(VIOLATIONS, WCAG)
    assert violations == [], (page.url, violations)
