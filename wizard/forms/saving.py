"""The rules of a save (docs/decisions/0005-saves.md), as pure functions.

From the stored state and a post they return the outcome and the state to store; the state is the
same object if there is nothing to store.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Any

from .conditions import Answers
from .fields import Field
from .flow import Flow, Step
from .groups import ENTRY_ID, Group, add_entry_ids, derive_entry_id, drop_id, keep_id
from .journey import Journey
from .outcomes import (
    Closed,
    Completed,
    Conflict,
    GoTo,
    Ineligible,
    Invalid,
    Outcome,
    Outdated,
    Paused,
    Submitted,
    TooLong,
)


@dataclass(frozen=True, slots=True)
class Revision:
    """The page that posts, the number of changes on it, and the digest of the answers it showed.

    A post without these (from a script) always saves. `shown` has the digests of the single
    answers, see `describe_shown`.
    """

    page: str = ""
    turn: int = 0
    based_on: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class StepPost:
    """The post of a step's page."""

    step: Step
    answers: Answers
    """Raw answers by field name; without the conditional fields that the page did not show."""
    action: str = "continue"
    revision: Revision = Revision()
    lists_asked: bool = False
    """True if the page lists the conditional fields that it showed."""
    keep_saved: frozenset[str] = frozenset()
    """The fields for which a conflict page chose the stored answer."""

    def unasked(self, visible: Collection[str]) -> list[str]:
        """Return the paths of visible conditional fields that were not on the page."""
        paths = _unasked_paths(self.step.fields, self.answers) if self.lists_asked else ()
        return [path for path in paths if path in visible]

    def oversized(self) -> set[str]:
        """Return the paths of the answers that are too long to be stored.

        Those in an entry that this post removes do not count.
        """
        name = self.step.group.name if self.step.group else ""
        removed = self.action.replace("remove", name, 1) + "-"
        given = iter_answers(self.step.fields, self.answers)
        return {
            path
            for path, field, raw in given
            if not field.is_storable(raw) and not path.startswith(removed)
        }

    def storable(self) -> "StepPost":
        """Return the post without the answers that are too long to be stored."""
        return replace(self, answers=_storable_answers(self.step.fields, self.answers))


def _unasked_paths(fields: tuple[Field, ...], answers: Answers, prefix: str = "") -> Iterator[str]:
    for each in fields:
        if each.when and each.name not in answers:
            yield prefix + each.name
        if isinstance(each, Group):
            for place, entry in enumerate(answers.get(each.name, ())):
                yield from _unasked_paths(each.fields, entry, f"{prefix}{each.name}-{place}-")


def iter_answers(
    fields: tuple[Field, ...], answers: Answers, prefix: str = ""
) -> Iterator[tuple[str, Field, Any]]:
    """Yield the path, the field and the raw answer of each question, also within entries."""
    for each in fields:
        raw = answers.get(each.name)
        if isinstance(each, Group):
            for place, entry in enumerate(raw or ()):
                yield from iter_answers(each.fields, entry, f"{prefix}{each.name}-{place}-")
        else:
            yield prefix + each.name, each, raw


def _storable_answers(fields: tuple[Field, ...], answers: Answers) -> Answers:
    kept = {}
    for each in fields:
        if each.name not in answers:
            continue
        value = answers[each.name]
        if isinstance(each, Group):
            kept[each.name] = [
                {**keep_id(entry), **_storable_answers(each.fields, entry)} for entry in value
            ]
        elif each.is_storable(value):
            kept[each.name] = value
    return kept


@dataclass(frozen=True, slots=True)
class DraftState:
    """The part of a stored draft that a save depends on."""

    answers: Answers = field(default_factory=dict)
    completed_steps: tuple[str, ...] = ()
    saves: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """The page that saved last, and its turn, by step name."""
    is_submitted: bool = False

    def is_new(self, first: Step) -> bool:
        """Return True if only the first step was answered, on the start page."""
        return not self.saves and set(self.completed_steps) <= {first.name}

    def walk(self, flow: Flow, answers: Answers, posted: Collection[str], today: date) -> Journey:
        """Return the journey of some answers."""
        return Journey(flow, answers, posted, today=today)

    def narrow(self, post: StepPost) -> StepPost:
        """Return the part of a post that may be saved."""
        return post

    def with_answers(self, post: StepPost, answers: Answers, *, completed: bool) -> "DraftState":
        """Return the state after a save of `answers`, which are all of the draft's."""
        name, page = post.step.name, post.revision.page
        is_new = completed and name not in self.completed_steps
        return replace(
            self,
            answers=answers,
            completed_steps=(*self.completed_steps, name) if is_new else self.completed_steps,
            saves={**self.saves, name: (page, post.revision.turn)} if page else self.saves,
        )


Decision = tuple[Outcome, DraftState]  # the outcome of a post, and the state to store


def decide(flow: Flow, state: DraftState, post: StepPost, today: date) -> Decision:
    """Decide a post whose button was pressed."""
    if state.is_submitted:
        return Closed(), state
    post = state.narrow(post)
    name, answers = post.step.name, merge_answers(state.answers, post)
    journey = state.walk(flow, answers, {*state.completed_steps, name}, today)
    if journey.is_ineligible:
        return Ineligible(), state
    if name == flow.review.name:
        return _review(journey, state, post, answers), state
    if is_outdated(state, post):
        stored = state.walk(flow, state.answers, state.completed_steps, today)
        return GoTo(stored.first_incomplete), state
    if is_conflict(state, post, answers):
        return Conflict(answers), state
    if (storable := post.storable()) != post:
        errors = journey.steps[name].result.errors if journey.may_visit(name) else {}
        if post.oversized().isdisjoint(errors):
            return decide(flow, state, storable, today)
        kept = merge_answers(state.answers, storable)
        return Invalid(journey, answers), state.with_answers(post, kept, completed=False)
    if post.action != "continue" or not journey.may_visit(name):
        return _stay(journey, state, post, answers)
    return _advance(journey, state, post, answers)


def decide_autosave(state: DraftState, post: StepPost) -> Decision:
    """Decide an autosave."""
    post = state.narrow(post)
    answers = merge_answers(state.answers, post)
    if state.is_submitted:
        return Closed(), state
    if is_outdated(state, post):
        return GoTo(post.step.name), state
    if is_conflict(state, post, answers):
        return Conflict(answers), state
    kept = merge_answers(state.answers, (storable := post.storable()))
    outcome = GoTo(post.step.name) if storable == post else TooLong(answers)
    return outcome, state.with_answers(post, kept, completed=False)


def _review(journey: Journey, state: DraftState, post: StepPost, answers: Answers) -> Outcome:
    """Submit only what the review showed; its own answers are stored only in the submission."""
    if post.action == "save":
        return Paused()
    if post.revision.based_on not in ("", journey_digest(journey)):
        return Outdated(journey, state.answers)
    if journey.complete:
        return Submitted(journey)
    if journey.first_incomplete != post.step.name:
        return GoTo(journey.first_incomplete)
    return Invalid(journey, answers)


def _stay(journey: Journey, state: DraftState, post: StepPost, answers: Answers) -> Decision:
    answers, anchor = change_entries(post.step.group, answers, post.action)
    answers = _add_ids(post, answers)
    target = post.action.removeprefix("to-")
    stored = state.with_answers(post, answers, completed=False)
    if post.action == "save":
        return Paused(), stored
    if not journey.may_visit(post.step.name):
        return GoTo(journey.first_incomplete), stored
    if target != post.action and target in journey.steps:
        return GoTo(target), stored
    return GoTo(post.step.name, focus_id=anchor, is_refresh=post.action == "update"), stored


def _advance(journey: Journey, state: DraftState, post: StepPost, answers: Answers) -> Decision:
    """Complete the step, unless its only errors are in fields that were not on the page."""
    result = journey.steps[post.step.name].result
    unasked = post.unasked(result.visible)
    if post.step.group and not result.errors:
        answers = {name: answers[name] for name in answers if name != removed_key(post.step.group)}
    if unasked and result.errors.keys() <= set(unasked):
        stored = state.with_answers(post, answers, completed=False)
        return GoTo(post.step.name, focus_id=unasked[0]), stored
    stored = state.with_answers(post, answers, completed=True)
    if result.errors:
        return Invalid(journey, answers), stored
    return Completed(journey.next_step), stored


def merge_answers(stored: Answers, post: StepPost) -> Answers:
    """Return the stored answers updated with the posted ones."""
    keep = post.keep_saved & stored.keys()
    posted = {name: value for name, value in post.answers.items() if name not in keep}
    if (group := post.step.group) and group.name in posted:
        posted[group.name] = _merge_entries(group, stored, posted[group.name], post.revision.page)
    return _add_ids(post, {**stored, **posted})


def _merge_entries(
    group: Group, stored: Answers, posted: list[Answers], page: str
) -> list[Answers]:
    """Return the posted entries, each updating the stored one of its id.

    Only ids that the draft has or that the page drew count, and only once; an entry with any other
    is new. A page of the previous version has no ids: its entries update those at their places.
    """
    entries = stored.get(group.name) or ()
    if not any(ENTRY_ID in entry for entry in posted):
        pairs = zip([*entries, *({} for _ in posted)], posted, strict=False)
        return [{**old, **entry} for old, entry in pairs]
    drawn = [derive_entry_id(page, group.name, place) for place in range(group.max_entries)]
    _, removed = stored.get(removed_key(group)) or (0, {})
    known: dict[str, Answers] = {name: {ENTRY_ID: name} for name in drawn}
    known |= {old[ENTRY_ID]: old for old in (removed, *entries) if ENTRY_ID in old}
    return [{**known.pop(entry.get(ENTRY_ID, ""), {}), **drop_id(entry)} for entry in posted]


def _add_ids(post: StepPost, answers: Answers) -> Answers:
    """Give each new entry an id, derived from the id of its page and from its place."""
    group = post.step.group
    return add_entry_ids((group,), answers, post.revision.page) if group else answers


def removed_key(group: Group) -> str:
    """Return the key in a draft's answers of the entry removed last, with its place."""
    return f"{group.name}:removed"


def change_entries(
    group: Group | None, answers: Answers, action: str
) -> tuple[Answers, str | None]:
    """Add, remove or restore an entry of a group; return the answers, and the id to focus."""
    if group is None:
        return answers, None
    entries, key = list(answers[group.name]), removed_key(group)
    place, removed = answers.get(key) or (0, None)
    removals = [f"remove-{place}" for place in range(len(entries))]
    if action == "add" and len(entries) < group.max_entries:
        entries.append({})
        at = len(entries) - 1
    elif action == "undo" and removed and len(entries) < group.max_entries:
        entries.insert(at := min(place, len(entries)), removed)
        removed = None
    elif action in removals:
        place, removed = removals.index(action), entries.pop(removals.index(action))
        removed = removed if group.without_blanks([removed]) else None
        at = max(0, min(place, len(entries) - 1))
    else:
        return answers, None
    others = {name: value for name, value in answers.items() if name != key}
    kept = {key: [place, removed]} if removed else {}
    return {**others, group.name: entries, **kept}, f"{group.name}-{at}"


def is_outdated(state: DraftState, post: StepPost) -> bool:
    """Return True if a later turn of the same page is stored already."""
    page, turn = state.saves.get(post.step.name, ("", 0))
    return bool(page) and page == post.revision.page and post.revision.turn < turn


def is_conflict(state: DraftState, post: StepPost, answers: Answers) -> bool:
    """Return True if a save of `answers` would overwrite answers that its page did not show."""
    step, revision = post.step, post.revision
    last_page, _ = state.saves.get(step.name, ("", 0))
    if revision.page and revision.page == last_page:
        return False
    if revision.based_on in ("", step_digest(step, state.answers)):
        return False
    return normalized_answers(step, answers) != normalized_answers(step, state.answers)


def normalized_answers(step: Step, answers: Answers) -> dict[str, Any]:
    """Return the raw answers to a step, with one spelling for blank and for a line end."""
    return {each.name: each.without_blanks(answers.get(each.name)) for each in step.fields}


def step_digest(step: Step, answers: Answers) -> str:
    """Return the digest of a step's answers, for optimistic locking."""
    return _digest(normalized_answers(step, answers))


def describe_shown(step: Step, answers: Answers) -> dict[str, str]:
    """Return what the page of a step says of the answers that it shows, see `Revision`."""
    digests = answer_digests(step, answers)
    shown = " ".join(f"{name}:{digest}" for name, digest in digests.items())
    return {"based_on": step_digest(step, answers), "shown": shown}


def find_untouched(step: Step, answers: Answers, shown: str) -> set[str]:
    """Return the names of the answers that are still those that a page showed."""
    before = read_shown(shown)
    digests = answer_digests(step, answers)
    return {name for name, digest in digests.items() if before.get(name) == digest}


def read_shown(shown: str) -> dict[str, str]:
    """Return the digest of each answer that a page showed, by name."""
    pairs = (pair.partition(":") for pair in shown.split())
    return {name: digest for name, _, digest in pairs}


def answer_digests(step: Step, answers: Answers) -> dict[str, str]:
    """Return a short digest of each answer to a step."""
    values = normalized_answers(step, answers)
    return {name: sha256(repr(value).encode()).hexdigest()[:8] for name, value in values.items()}


def journey_digest(journey: Journey) -> str:
    """Return the digest of all answers that the review shows."""
    own = {each.name for each in journey.steps[journey.flow.review.name].step.fields}
    shown = {name: value for name, value in journey.answers.items() if name not in own}
    for group in journey.flow.groups:
        if group.name in shown:
            shown[group.name] = list(map(drop_id, shown[group.name]))
    return _digest(shown)


def _digest(answers: Answers) -> str:
    return sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
