"""Read the post of a step's page, and build the questions that its template draws.

Nothing is validated here: `Journey` does that, so that a page and a submission follow one rule.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flask import get_template_attribute, request
from markupsafe import Markup

from .. import clock
from ..forms import choices, fields
from ..forms.addresses import likely_address
from ..forms.conditions import Answers
from ..forms.flow import Step
from ..forms.groups import ENTRY_ID, Group, add_entry_ids
from ..forms.messages import Message, join_messages
from ..forms.outputs import entry_label, format_raw_answer
from ..forms.saving import Revision, StepPost, iter_answers, removed_key
from ..forms.text import replace_forbidden
from ..web.current import current_flow
from ..web.languages import draw_once

ASKED_FIELD = "asked"
"""The hidden field that lists the conditional fields on a page; empty if there are none."""
CHECKED_FIELD = "checked"
"""The hidden fields with the addresses that a page suggested: it does not ask about them again."""
REPLACE = "replace-"
"""How the action of a button starts that takes the suggested address; the path follows."""


def read_post(step: Step) -> StepPost:
    """Return what the request posts from a step's page."""
    form = request.form
    action = form.get("action", "continue")
    return StepPost(
        step,
        _read(step.fields, {*form, *form.getlist(ASKED_FIELD)}),
        action="continue" if action.startswith(REPLACE) else action,
        revision=Revision(
            page=form.get("page", "")[:36],
            turn=form.get("turn", 0, type=int),
            based_on=form.get("based_on", ""),
            shown=form.get("shown", ""),
        ),
        lists_asked=ASKED_FIELD in form,
        keep_saved=frozenset(
            field.name for field in step.fields if form.get(f"keep-{field.name}") == "saved"
        ),
    )


def _read(
    specs: tuple[fields.Field, ...], on_page: Collection[str], prefix: str = ""
) -> dict[str, Any]:
    """Return the raw answers by field name, without the conditional fields not on the page."""
    return {
        spec.name: _read_field(spec, on_page, prefix + spec.name)
        for spec in specs
        if not spec.when or prefix + spec.name in on_page
    }


def _read_field(spec: fields.Field, on_page: Collection[str], path: str) -> Any:
    if isinstance(spec, Group):
        return [_read_entry(spec, on_page, f"{path}-{place}-") for place in _read_places(spec)]
    values = request.form.getlist(path)
    if request.form.get("action") == REPLACE + path and values:
        return likely_address(values[0]) or values[0]
    return values[0] if len(values) == 1 and not isinstance(spec, choices.Choices) else values


def _read_entry(group: Group, on_page: Collection[str], prefix: str) -> dict[str, Any]:
    """Return the raw answers of an entry, with its id as posted."""
    given = request.form.get(prefix + ENTRY_ID)
    values = _read(group.fields, on_page, prefix)
    return values if given is None else {ENTRY_ID: given, **values}


def _read_places(group: Group) -> list[int]:
    """Return the places of a group's posted entries in order, at least `min_entries` of them."""
    matches = (re.match(rf"{group.name}-([0-9]{{1,3}})-", key) for key in request.form)
    places = sorted({int(match[1]) for match in matches if match})
    following = places[-1] + 1 if places else 0
    return [*places, *range(following, following + group.min_entries - len(places))]


def find_slip(post: StepPost) -> str | None:
    """Return the path of the first address in a post that looks mistyped, unless its page asked."""
    checked = {None, *request.form.getlist(CHECKED_FIELD)}
    given = iter_answers(post.step.fields, post.answers)
    slips = (path for path, spec, raw in given if suggested_address(spec, raw) not in checked)
    return next(slips, None)


def suggested_address(spec: fields.Field, raw: Any) -> str | None:
    """Return the address that was probably meant; None if this is none, or looks right."""
    is_address = isinstance(spec, fields.Email) and isinstance(raw, str)
    return likely_address(raw) if is_address else None


@dataclass(frozen=True, slots=True)
class Display:
    """What a page shows beside the raw answers, by path (`milestones-0-due`); `focus` is an id.

    `page` is the page's own id, from which those of new entries are derived. `notes` is what staff
    wrote about a question.
    """

    visible: Collection[str]
    required: Collection[str]
    errors: Mapping[str, str]
    focus: str = ""
    page: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """A declared field on a page, with its raw answer.

    `id` is its path, both id and name in the HTML. `reveals` are the HTML ids of the conditional
    questions that depend on the answer.
    """

    spec: fields.Field
    id: str
    data: Any
    is_visible: bool
    is_required: bool
    error: str = ""
    note: str = ""
    focus: str = ""
    reveals: tuple[str, ...] = ()
    entries: tuple["Entry", ...] = ()
    entry_errors: Mapping[str, str] = field(default_factory=dict)
    """The errors about entries of a group as a whole, by id."""
    removed: tuple[int, str] | None = None
    """The place and the name of the entry of a group that was removed last."""

    def __call__(self) -> Markup:
        """Return the HTML; that of a question as everybody first sees it is drawn only once."""
        if self.is_untouched and not request.args.get("keep"):
            key = self.spec, self.id, self.is_visible, self.is_required
            return draw_once(key, self.draw)
        return self.draw()

    def draw(self) -> Markup:
        """Return the HTML, drawn by the macro of the field's type."""
        macro = get_template_attribute("macros/fields.html", type(self.spec).__name__.lower())
        return cast(Markup, macro(self))

    @property
    def is_untouched(self) -> bool:
        """Return True for a declared question whose HTML has no answer, error, note or focus, and
        nothing else of this page."""
        is_own = self.data or self.error or self.note or self.reveals or self.focus == self.id
        is_single = self.spec in current_flow().questions and not isinstance(self.spec, Group)
        return is_single and not is_own

    @property
    def text(self) -> str:
        """Return the raw answer as HTML can hold it."""
        text = ", ".join(self.data) if isinstance(self.data, list) else self.data or ""
        return replace_forbidden(text)

    @property
    def is_open(self) -> bool:
        """Return True if the answer is missing, wrong or in focus, or staff wrote about it."""
        is_missing = self.is_required and self.spec.is_blank(self.data)
        return bool(is_missing or self.error or self.note or self.focus.startswith(self.id))

    @property
    def suggestion(self) -> str | None:
        """Return the address to suggest beside the answer, if it is one that looks mistyped."""
        return None if self.error else suggested_address(self.spec, self.data)

    @property
    def described_by(self) -> str:
        """Return the ids for `aria-describedby`."""
        parts = {
            "count": isinstance(self.spec, fields.LongText),
            "hint": self.spec.hint,
            "note": self.note,
            "error": self.error,
            "suggestion": self.suggestion,
        }
        return " ".join(f"{self.id}-{part}" for part, is_shown in parts.items() if is_shown)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a group on a page."""

    group: Group
    questions: tuple[Question, ...]
    id: str = ""

    @property
    def title(self) -> str:
        """Return the entry's title as typed, or an empty string."""
        titles = (each.text for each in self.questions if each.spec.name == self.group.title)
        return next(titles, "")

    @property
    def in_short(self) -> Message | None:
        """Return the options and days of an entry that can fold; None while it must be open."""
        shown = [each for each in self.questions if each.is_visible or not each.spec.when]
        if any(each.is_open for each in shown):
            return None
        told = (each for each in shown if isinstance(each.spec, (choices.Select, fields.Date)))
        parts = [format_raw_answer(each.spec, each.data, clock.today()) for each in told]
        return join_messages(", ", [each for each in parts if each])


def build_questions(
    specs: tuple[fields.Field, ...], answers: Answers, display: Display, prefix: str = ""
) -> tuple[Question, ...]:
    """Return the questions of a page, or of one entry, with their raw answers."""
    return tuple(
        Question(
            spec,
            id=(path := prefix + spec.name),
            data=answers.get(spec.name),
            is_visible=path in display.visible,
            is_required=spec.required is True or path in display.required,
            error=display.errors.get(path, ""),
            note=display.notes.get(path, ""),
            focus=display.focus,
            reveals=tuple(f"when-{prefix}{name}" for name in _dependents(spec, specs)),
            entries=_build_entries(spec, answers, display),
            entry_errors=display.errors if isinstance(spec, Group) else {},
            removed=_removed_entry(spec, answers, display),
        )
        for spec in specs
    )


def _build_entries(spec: fields.Field, answers: Answers, display: Display) -> tuple[Entry, ...]:
    """Return the entries of a group, at least `min_entries`; none for another field."""
    if not isinstance(spec, Group):
        return ()
    entries = answers.get(spec.name) or []
    blanks: list[Answers] = [{}] * (spec.min_entries - len(entries))
    named = add_entry_ids((spec,), {**answers, spec.name: [*entries, *blanks]}, display.page)
    return tuple(
        Entry(
            spec,
            build_questions(spec.fields, entry, display, f"{spec.name}-{place}-"),
            entry[ENTRY_ID],
        )
        for place, entry in enumerate(named[spec.name])
    )


def _removed_entry(
    spec: fields.Field, answers: Answers, display: Display
) -> tuple[int, str] | None:
    """Return the place and the name of a removed entry that can be restored."""
    if not isinstance(spec, Group) or not (kept := answers.get(removed_key(spec))):
        return None
    place, entry = kept
    questions = build_questions(spec.fields, entry, display, f"{spec.name}-removed-")
    name = Entry(spec, questions).title
    return place, name or entry_label(spec, place + 1)


def _dependents(spec: fields.Field, siblings: tuple[fields.Field, ...]) -> list[str]:
    """Return the names of the fields whose condition refers to `spec`."""
    return [
        sibling.name
        for sibling in siblings
        if sibling.when and spec.name in (name for name, _ in sibling.when.references())
    ]
