"""Bind a step to its page: read what was posted, and build the questions that a template draws.

Nothing is validated here. `Journey` asks the fields of the flow, so that a page is never more, or
less, strict than a submission.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask import get_template_attribute, request
from markupsafe import Markup

from ..forms import fields
from ..forms.conditions import Answers
from ..forms.flow import Step
from ..forms.saving import Revision, StepPost
from ..forms.text import replace_forbidden

MACROS: dict[type[fields.Field], str] = {
    fields.Text: "text",
    fields.LongText: "long_text",
    fields.Email: "email",
    fields.Phone: "phone",
    fields.Url: "url",
    fields.Date: "date",
    fields.Choice: "choice",
    fields.Select: "select",
    fields.Choices: "choices",
    fields.Confirm: "confirm",
    fields.Group: "group",
}
"""The macro in `macros/fields.html` that draws each type."""

ASKED_FIELD = "asked"
"""The page's own note of which conditional fields it showed; empty when it showed none."""
ENTRY_PATH = re.compile(r"([a-z0-9_]+)-([0-9]{1,3})-")
"""The start of the name of a field in a group's entry: the group and the entry's place."""


def read_post(step: Step) -> StepPost:
    """Return what the request posts on a step's page."""
    form, asked = request.form, request.form.getlist(ASKED_FIELD)
    chosen = (each.name for each in step.fields if form.get(f"keep-{each.name}") == "saved")
    return StepPost(
        step,
        _read(step.fields, asked),
        action=form.get("action", "continue"),
        revision=Revision(
            page=form.get("page", "")[:36],
            turn=form.get("turn", 0, type=int),
            based_on=form.get("based_on", ""),
        ),
        lists_asked=bool(asked),
        keep_saved=frozenset(chosen),
    )


def _read(
    specs: tuple[fields.Field, ...], asked: Collection[str], prefix: str = ""
) -> dict[str, Any]:
    """Return raw answers by field name. Of a field that was on the page, no value is an answer."""
    return {
        spec.name: _read_field(spec, asked, prefix + spec.name)
        for spec in specs
        if not spec.when or prefix + spec.name in request.form or prefix + spec.name in asked
    }


def _read_field(spec: fields.Field, asked: Collection[str], path: str) -> Any:
    if isinstance(spec, fields.Group):
        places = _read_places(spec)
        return [_read(spec.fields, asked, f"{path}-{place}-") for place in places]
    values = request.form.getlist(path)
    return values[0] if len(values) == 1 and not isinstance(spec, fields.Choices) else values


def _read_places(group: fields.Group) -> list[int]:
    """Return the places of a group's posted entries, in order, and of as many as it must have."""
    found = (ENTRY_PATH.match(key) for key in request.form)
    places = sorted({int(each[2]) for each in found if each and each[1] == group.name})
    following = places[-1] + 1 if places else 0
    return [*places, *range(following, following + group.min_entries - len(places))]


@dataclass(frozen=True, slots=True)
class Display:
    """What a page shows beside the answers. All three are by path or id (`milestones-0-due`)."""

    visible: Collection[str]
    errors: Mapping[str, str]
    at: str = ""
    """The id that gets the focus."""


@dataclass(frozen=True, slots=True)
class Question:
    """A declared field on a page, with its raw answer.

    `id` is both its id and its name. `reveals` are the ids of the places that may have to be shown
    or hidden when its answer changes.
    """

    spec: fields.Field
    id: str
    data: Any
    display: Display
    reveals: tuple[str, ...]
    entries: tuple["Entry", ...]

    def __call__(self) -> Markup:
        """Return its HTML, drawn by the macro of its type."""
        html: Markup = get_template_attribute("macros/fields.html", MACROS[type(self.spec)])(self)
        return html

    @property
    def applies(self) -> bool:
        """Whether it is shown."""
        return self.id in self.display.visible

    @property
    def error(self) -> str:
        """Its error message; empty where there is none to show."""
        return self.display.errors.get(self.id, "")

    @property
    def at(self) -> str:
        """The id that gets the focus: its own, or another one."""
        return self.display.at

    @property
    def shown(self) -> str:
        """Its raw answer, as a page can show it."""
        return replace_forbidden(
            ", ".join(self.data) if isinstance(self.data, list) else self.data or ""
        )

    @property
    def described_by(self) -> str:
        """The ids of what the page says about it."""
        parts = {
            "count": isinstance(self.spec, fields.LongText),
            "hint": self.spec.hint,
            "error": self.error,
        }
        return " ".join(f"{self.id}-{part}" for part, there in parts.items() if there)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a group on a page."""

    questions: tuple[Question, ...]

    @property
    def title(self) -> str:
        """The first line of text that every entry has; empty until it is typed."""
        lines = (
            each.shown
            for each in self.questions
            if type(each.spec) is fields.Text and each.spec.required is True and not each.spec.when
        )
        return next(lines, "")


def build_questions(
    specs: tuple[fields.Field, ...], answers: Answers, display: Display, prefix: str = ""
) -> tuple[Question, ...]:
    """Return the questions of a page, or of one entry, with their raw answers."""
    return tuple(
        Question(
            spec,
            prefix + spec.name,
            answers.get(spec.name),
            display,
            reveals=tuple(f"when-{prefix}{name}" for name in _dependents(spec, specs)),
            entries=_build_entries(spec, answers, display)
            if isinstance(spec, fields.Group)
            else (),
        )
        for spec in specs
    )


def _build_entries(group: fields.Group, answers: Answers, display: Display) -> tuple[Entry, ...]:
    """Return the entries of a group, and blank ones where there are too few."""
    given = answers.get(group.name) or []
    padded = [*given, *({} for _ in range(group.min_entries - len(given)))]
    return tuple(
        Entry(build_questions(group.fields, entry, display, f"{group.name}-{place}-"))
        for place, entry in enumerate(padded)
    )


def _dependents(spec: fields.Field, siblings: tuple[fields.Field, ...]) -> list[str]:
    """Return the names of the fields that are asked or not by the answer to `spec`."""
    return [
        each.name
        for each in siblings
        if each.when and any(name == spec.name for name, _ in each.when.references())
    ]
