"""A step as a Flask-WTF form: the only bridge to WTForms.

WTForms takes the page apart and puts it together; what is right and wrong, the fields of the flow
say themselves (`Journey` asks them), so that a form is never more, or less, strict than a submit.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import wtforms
from flask import get_template_attribute, request
from flask_wtf import FlaskForm
from markupsafe import Markup

from . import fields
from .flow import Step
from .journey import Checked
from .text import showable

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

ASKED = "asked"
"""The page's own note of which conditional fields it showed; empty when it showed none."""


def draw(field: "Question") -> Markup:
    """The HTML of one question, by the macro of its type."""
    macro = get_template_attribute("macros/fields.html", MACROS[type(field.spec)])
    html: Markup = macro(field)
    return html


class Question(wtforms.Field):
    """A declared field on a page. `applies` says whether it is shown, `reveals` the ids of what
    may have to be shown or hidden when its answer changes."""

    widget = staticmethod(draw)

    def __init__(self, spec: fields.Field, **options: Any) -> None:
        super().__init__(spec.label, **options)
        self.spec = spec
        self.applies = True
        self.reveals: list[str] = []
        self.at = ""

    def process_formdata(self, values: list[str]) -> None:
        one = len(values) == 1 and not isinstance(self.spec, fields.Choices)
        self.data: Any = values[0] if one else values

    @property
    def shown(self) -> str:
        """What was typed, as a page can show it."""
        return showable(", ".join(self.data) if isinstance(self.data, list) else self.data or "")

    @property
    def described_by(self) -> str:
        """The ids of what the page says about it."""
        parts = {
            "count": isinstance(self.spec, fields.LongText),
            "hint": self.spec.hint,
            "error": self.errors,
        }
        return " ".join(f"{self.id}-{part}" for part, there in parts.items() if there)

    def was_on_page(self, asked: list[str]) -> bool:
        """Whether the page that was posted asked it, so that no value means no answer."""
        return self.spec.when is None or bool(self.raw_data) or self.name in asked

    def typed(self, stored: Any, asked: list[str]) -> Any:
        """What was typed; what is stored where the page did not ask."""
        return self.data if self.was_on_page(asked) else stored


class GroupQuestion(wtforms.FieldList):
    """A group on a page: its entries are forms of their own."""

    widget = staticmethod(draw)

    def __init__(self, spec: fields.Group, **options: Any) -> None:
        entry = wtforms.FormField(_form_class(spec.fields, EntryForm))
        super().__init__(entry, spec.label, min_entries=spec.min_entries, **options)
        self.spec = spec
        self.applies = True
        self.reveals: list[str] = []
        self.at = ""

    def _extract_indices(self, prefix: str, formdata: Mapping[str, Any]) -> Iterator[int]:
        """Indices as a page writes them; WTForms' own reading fails on `²` and 5,000 digits."""
        pattern = re.compile(rf"{re.escape(prefix)}-([0-9]{{1,3}})-")
        return (int(found[1]) for key in formdata if (found := pattern.match(key)))

    def typed(self, stored: Any, asked: list[str]) -> list[dict[str, Any]]:
        """The entries as they were typed."""
        before = [*(stored or []), *({} for _ in self.entries)]
        pairs = zip(self.entries, before, strict=False)
        return [entry.form.typed(old, asked) for entry, old in pairs]


class Questions(wtforms.Form):
    """What a step's form and an entry's form have in common: declared fields, in order."""

    def typed(self, stored: Mapping[str, Any], asked: list[str]) -> dict[str, Any]:
        """What was typed, by field name."""
        return {field.spec.name: field.typed(stored.get(field.spec.name), asked) for field in self}

    def show(self, checked: Checked, errors: Mapping[str, str], at: str = "") -> None:
        """Shows the fields that apply, errors at their fields, and the focus on the id `at`."""
        watched = self._watched()
        for field in self:
            field.applies = field.name in checked.applies
            field.errors = [errors[field.name]] if field.name in errors else []
            field.reveals = watched.get(field.spec.name, [])
            field.at = at
            for entry in getattr(field, "entries", ()):
                entry.form.show(checked, errors, at)

    def _watched(self) -> dict[str, list[str]]:
        """By the name of a field, the ids of the places that depend on it."""
        watched: dict[str, list[str]] = {}
        for field in self:
            for name, _ in field.spec.when.references() if field.spec.when else ():
                watched.setdefault(name, []).append(f"when-{field.id}")
        return watched


class EntryForm(Questions):
    """One entry of a group."""

    def called(self) -> str:
        """What somebody named it: the first line of text that every entry has; empty until then."""
        lines = (
            field.shown
            for field in self
            if type(field.spec) is fields.Text
            and field.spec.required is True
            and not field.spec.when
        )
        return next(lines, "")


class StepForm(Questions, FlaskForm):
    """One step. Every post has its token checked before it comes here."""

    class Meta:
        csrf = False

    def posted(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """What the request typed on this step, given what is stored."""
        return self.typed(stored, request.form.getlist(ASKED))

    def unseen(self, checked: Checked) -> list[str]:
        """The conditional fields that apply now but were not on the page that was posted."""
        asked = request.form.getlist(ASKED)
        if not asked:
            return []
        return [
            field.name
            for field in self._every_question()
            if field.spec.when and field.name in checked.applies and not field.was_on_page(asked)
        ]

    def _every_question(self) -> Iterator[Any]:
        for field in self:
            yield field
            for entry in getattr(field, "entries", ()):
                yield from entry.form


@cache
def form_class(step: Step) -> type[StepForm]:
    """The form of a step."""
    return _form_class(step.fields, StepForm)


def _form_class(specs: tuple[fields.Field, ...], base: type[Any]) -> type[Any]:
    questions = {
        spec.name: GroupQuestion(spec) if isinstance(spec, fields.Group) else Question(spec)
        for spec in specs
    }
    return type(base.__name__, (base,), questions)
