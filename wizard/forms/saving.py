"""The rules of a save (docs/decisions/0005-saves.md): what becomes of a step that was posted.

`decide` and `decide_autosave` are pure. They get what is stored and what was posted, and return
the outcome with the state to store; that is the state they got where nothing is to be stored.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from .conditions import Answers
from .fields import Field, Group
from .flow import Flow, Step
from .journey import Journey


@dataclass(frozen=True, slots=True)
class Revision:
    """Which page posts, at which of its turns, and the digest of the answers it was drawn with.

    A post without these (a script's) saves whatever it brings.
    """

    page: str = ""
    turn: int = 0
    based_on: str = ""


@dataclass(frozen=True, slots=True)
class StepPost:
    """What the page of a step posted."""

    step: Step
    answers: Answers
    """By field name; without the conditional fields that the page did not show."""
    action: str = "continue"
    revision: Revision = Revision()
    lists_asked: bool = False
    """Whether the page says which conditional fields it showed."""
    keep_saved: frozenset[str] = frozenset()
    """The fields for which a conflict page chose the stored answer."""

    def unasked(self, visible: Collection[str]) -> list[str]:
        """Return the paths of visible conditional fields that were not on the page."""
        if not self.lists_asked:
            return []
        return [path for path in _unasked(self.step.fields, self.answers) if path in visible]


def _unasked(fields: tuple[Field, ...], answers: Answers, prefix: str = "") -> Iterator[str]:
    for each in fields:
        if each.when and each.name not in answers:
            yield prefix + each.name
        if isinstance(each, Group):
            for place, entry in enumerate(answers.get(each.name, ())):
                yield from _unasked(each.fields, entry, f"{prefix}{each.name}-{place}-")


@dataclass(frozen=True, slots=True)
class DraftState:
    """What is stored of a draft, as far as a save depends on it.

    `saves` has by step name the page that saved the step last, and that page's turn.
    """

    answers: Answers = field(default_factory=dict)
    completed_steps: tuple[str, ...] = ()
    saves: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    is_submitted: bool = False

    def is_new(self, first: Step) -> bool:
        """Return True if nothing but the first step was answered, and only by a start page."""
        return not self.saves and set(self.completed_steps) <= {first.name}

    def with_answers(self, post: StepPost, answers: Answers, *, completed: bool) -> "DraftState":
        """Return the state after a save of `answers`, which are all of the draft's."""
        name, page = post.step.name, post.revision.page
        is_new = completed and name not in self.completed_steps
        return DraftState(
            answers=answers,
            completed_steps=(*self.completed_steps, name) if is_new else self.completed_steps,
            saves={**self.saves, name: (page, post.revision.turn)} if page else self.saves,
        )


@dataclass(frozen=True, slots=True)
class Ineligible:
    """The form is not meant for this visitor: nothing is stored."""


@dataclass(frozen=True, slots=True)
class GoTo:
    """Go to a step without completing the posted one. `at` is the id to look at there, and `keep`
    says that the page only draws the places of its questions again."""

    step: str
    at: str | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """The step is complete: go on to the next incomplete one."""

    next_step: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The visitor leaves for now, and needs the resume link."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The step has errors: show it again with these answers."""

    journey: Journey
    answers: Answers


@dataclass(frozen=True, slots=True)
class Outdated:
    """The review showed other answers than these, which are stored: show it again."""

    journey: Journey
    answers: Answers


@dataclass(frozen=True, slots=True)
class Conflict:
    """The stored answers changed since the page was drawn. `answers` are the draft's if those of
    the page win: nothing is stored until somebody chooses."""

    answers: Answers


@dataclass(frozen=True, slots=True)
class Submitted:
    """The journey is complete, and its answers are submitted."""

    journey: Journey


@dataclass(frozen=True, slots=True)
class Closed:
    """The draft was submitted before: nothing changes."""


Outcome = (
    Ineligible | GoTo | Completed | Paused | Invalid | Outdated | Conflict | Submitted | Closed
)


def decide(
    flow: Flow, state: DraftState, post: StepPost, today: date
) -> tuple[Outcome, DraftState]:
    """Return what becomes of a post whose button was pressed, and the state to store."""
    if state.is_submitted:
        return Closed(), state
    name, answers = post.step.name, merge(state.answers, post)
    journey = Journey(flow, answers, {*state.completed_steps, name}, today=today)
    if journey.is_ineligible:
        return Ineligible(), state
    if post.step is flow.review:
        return _review(journey, state, post, answers), state
    if is_outdated(state, post):
        stored = Journey(flow, state.answers, state.completed_steps, today=today)
        return GoTo(stored.first_incomplete), state
    if is_conflict(state, post, answers):
        return Conflict(answers), state
    if post.action != "continue" or not journey.may_visit(name):
        return _stay(journey, state, post, answers)
    return _advance(journey, state, post, answers)


def decide_autosave(state: DraftState, post: StepPost) -> tuple[Outcome, DraftState]:
    """Return what becomes of a page that saves itself, and the state to store."""
    answers = merge(state.answers, post)
    if state.is_submitted:
        return Closed(), state
    if is_outdated(state, post):
        return GoTo(post.step.name), state
    if is_conflict(state, post, answers):
        return Conflict(answers), state
    return GoTo(post.step.name), state.with_answers(post, answers, completed=False)


def _review(journey: Journey, state: DraftState, post: StepPost, answers: Answers) -> Outcome:
    """The declaration of the review is stored only with the submission, and only what the review
    showed is submitted."""
    based_on = post.revision.based_on
    if post.action == "save":
        return Paused()
    if based_on and based_on != journey_digest(journey):
        return Outdated(journey, state.answers)
    if journey.complete:
        return Submitted(journey)
    if journey.first_incomplete != post.step.name:
        return GoTo(journey.first_incomplete)
    return Invalid(journey, answers)


def _stay(
    journey: Journey, state: DraftState, post: StepPost, answers: Answers
) -> tuple[Outcome, DraftState]:
    answers, anchor = change_entries(post.step.group, answers, post.action)
    stored = state.with_answers(post, answers, completed=False)
    if post.action == "save":
        return Paused(), stored
    if not journey.may_visit(post.step.name):
        return GoTo(journey.first_incomplete), stored
    return GoTo(post.step.name, at=anchor, keep=post.action == "update"), stored


def _advance(
    journey: Journey, state: DraftState, post: StepPost, answers: Answers
) -> tuple[Outcome, DraftState]:
    found = journey.steps[post.step.name].checked
    unasked = post.unasked(found.applies)
    asks_first = bool(unasked) and set(found.errors) <= set(unasked)
    stored = state.with_answers(post, answers, completed=not asks_first)
    if asks_first:
        return GoTo(post.step.name, at=unasked[0]), stored
    if found.errors:
        return Invalid(journey, answers), stored
    return Completed(journey.first_incomplete), stored


def merge(stored: Answers, post: StepPost) -> dict[str, Any]:
    """Return the stored answers with the posted ones over them."""
    chosen = post.keep_saved & stored.keys()
    typed = {name: value for name, value in post.answers.items() if name not in chosen}
    if (group := post.step.group) and group.name in typed:
        entries = typed[group.name]
        before = [*(stored.get(group.name) or ()), *({} for _ in entries)]
        pairs = zip(before, entries, strict=False)
        typed[group.name] = [{**old, **entry} for old, entry in pairs]
    return {**stored, **typed}


def change_entries(
    group: Group | None, answers: Answers, action: str
) -> tuple[Answers, str | None]:
    """Add or remove an entry of a group; return the answers, and the id to look at next."""
    if group is None:
        return answers, None
    entries = answers[group.name]
    verb, _, place = action.partition("-")
    if action == "add" and len(entries) < group.max_entries:
        at, entries = len(entries), [*entries, {}]
    elif verb == "remove" and place in map(str, range(len(entries))):
        at, entries = int(place), entries[: int(place)] + entries[int(place) + 1 :]
        at = max(0, min(at, len(entries) - 1))
    else:
        return answers, None
    return {**answers, group.name: entries}, f"{group.name}-{at}"


def is_outdated(state: DraftState, post: StepPost) -> bool:
    """Return True if a later turn of the same page was saved already."""
    page, turn = state.saves.get(post.step.name, ("", 0))
    return bool(page) and post.revision.page == page and post.revision.turn < turn


def is_conflict(state: DraftState, post: StepPost, answers: Answers) -> bool:
    """Return True if a save of `answers` would overwrite answers that its page did not know."""
    step, revision = post.step, post.revision
    saved_last = state.saves.get(step.name, ("", 0))[0]
    if not revision.based_on or (revision.page and revision.page == saved_last):
        return False
    if revision.based_on == step_digest(step, state.answers):
        return False
    return normalized_answers(step, answers) != normalized_answers(step, state.answers)


def normalized_answers(step: Step, answers: Answers) -> dict[str, Any]:
    """Return the raw answers to a step, with one spelling for blank and for a line end."""
    return {each.name: each.without_blanks(answers.get(each.name)) for each in step.fields}


def step_digest(step: Step, answers: Answers) -> str:
    """Return a digest of a step's answers, for optimistic locking."""
    return _digest(normalized_answers(step, answers))


def journey_digest(journey: Journey) -> str:
    """Return a digest of all answers that the review shows."""
    own = {each.name for each in journey.flow.review.fields}
    return _digest({name: value for name, value in journey.answers.items() if name not in own})


def _digest(answers: Answers) -> str:
    return sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
