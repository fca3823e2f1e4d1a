"""A person at a browser of any engine: what they do and see."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tests.browser.engines import FAILURES, Window, wait_until
from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import Choice, Choices, Select
from wizard.forms.fields import Confirm, Date, Field
from wizard.forms.flow import Step
from wizard.forms.groups import Group

CAN_BE_USED = """selector => { const found = document.querySelector(selector);
return Boolean(found && !found.disabled && found.checkVisibility()); }"""
SHOWS = """(selector, text, value) => [...document.querySelectorAll(selector)].some(each =>
(value ? each.value === text : each.innerText.includes(text)))"""
SHOWS_STEP = """title => document.readyState === "complete"
&& document.querySelector("h1").innerText === title"""
SET = """(selector, value) => { const found = document.querySelector(selector);
found.focus(); found.value = value;
for (const name of ["input", "change"]) found.dispatchEvent(new Event(name, {bubbles: true})); }"""
READ = "selector => document.querySelector(selector).innerText"
SELECT = "selector => document.querySelector(selector).select()"


class Visitor:
    """A person at a browser, who finds controls by their names."""

    def __init__(self, window: Window, url: str) -> None:
        self.window = window
        self.url = url

    def open(self, address: str) -> None:
        """Open a path, or a whole address."""
        self.window.open(address if "://" in address else self.url + address)

    def sees(self, selector: str, text: str = "") -> None:
        """Wait until an element shows this text."""
        self._wait(SHOWS, selector, text, False)

    def sees_value(self, selector: str, value: str) -> None:
        """Wait until a control has this value."""
        self._wait(SHOWS, selector, value, True)

    def sees_none(self, selector: str) -> None:
        """Wait until there is no such element."""
        self._wait("selector => !document.querySelector(selector)", selector)

    def sees_step(self, name: str) -> Step:
        """Wait until the page of this step is shown; return the step."""
        self._wait(SHOWS_STEP, COMMITMENT.steps[name].title)
        return COMMITMENT.steps[name]

    def press(self, selector: str) -> None:
        """Click a control as soon as it can be used."""
        self._wait(CAN_BE_USED, selector)
        self.window.click(selector)

    def write(self, selector: str, text: str) -> None:
        """Type a text in place of what a control holds; wait until it has arrived.

        Type it again if a page that was just swapped in took the focus meanwhile.
        """
        for seconds in (5, 15):
            self.press(selector)
            self.window.run(SELECT, selector)
            self.window.type(text)
            with suppress(AssertionError):
                return self._wait(SHOWS, selector, text, True, seconds=seconds)
        self.sees_value(selector, text)

    def answer(self, step: Step, answers: Mapping[str, Any]) -> None:
        """Answer every question of the step for which `answers` has a value."""
        for field in step.fields:
            if field.name in answers:
                self._answer(field, answers[field.name], field.name)

    def walk(self, answers: Mapping[str, Any], steps: list[str]) -> None:
        """Start, and answer `steps` one after the other."""
        self.press("a.button[href*='/respond/']")
        for name in steps:
            self.answer(self.sees_step(name), answers)
            self.press("#continue")

    def read(self, selector: str) -> str:
        """Return the text of an element."""
        self.sees(selector)
        return self.window.run(READ, selector)

    def _answer(self, field: Field, value: Any, id_: str) -> None:
        if isinstance(field, Group):
            self._answer_group(field, value)
        elif isinstance(field, Select | Date):  # every engine has a picker of its own
            self._wait(CAN_BE_USED, f"#{id_}")
            self.window.run(SET, f"#{id_}", value)
        elif isinstance(field, Choice):
            for code in value if isinstance(field, Choices) else [value]:
                self.press(f"[name='{id_}'][value='{code}']")
        elif isinstance(field, Confirm):
            self.press(f"#{id_}")
        else:
            self.write(f"#{id_}", value)

    def _answer_group(self, group: Group, entries: list[dict[str, Any]]) -> None:
        for number, entry in enumerate(entries):
            id_ = f"{group.name}-{number}"
            if not self.window.run("id => Boolean(document.getElementById(id))", id_):
                self.press("[name=action][value=add]")
                self._wait("id => document.activeElement.id === id", id_)
            for field in group.fields:
                if field.name in entry:
                    self._answer(field, entry[field.name], f"{id_}-{field.name}")

    def _wait(self, function: str, *values: Any, seconds: int = 15) -> None:
        def holds() -> bool:
            try:
                return self.window.run(function, *values)
            except FAILURES:
                return False

        try:
            wait_until(holds, seconds)
        except TimeoutError:
            page = self.window.run("() => location.href + '\\n' + document.body.innerText")
            raise AssertionError(values, page) from None
