"""Changes to submitted answers: which questions are open, and the journey through these alone."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from typing import Any

from .conditions import Answers
from .fields import LongText
from .flow import Flow, Section, Step
from .journey import Journey, StepState
from .messages import Message
from .promises import removes_promise
from .saving import DraftState, StepPost, read_shown

CHANGE_NOTE = LongText(
    "words",
    "What did you change?",
    noun="what you changed",
    hint="A few words help program staff find it. If you remove something that is public, anyone "
    "can read these words as the reason.",
    max_length=1_000,
)
"""A question of the last page: not an answer of the submission, but told to staff, and published
as the reason if a promise is removed (`promises.derive_promises`)."""
NOTHING_CHANGED = Message("You haven’t changed any answers. Change one, or say here why not.")
REMOVED_WITHOUT_WORDS = Message(
    "Say why you removed something that was public. Anyone can read your words as the reason."
)
NOTHING_CORRECTED = Message("You haven’t changed any answers. Change one before you send.")
CHECK_AND_SEND = Message("Check and send")


@cache
def last_step(flow: Flow) -> Step:
    """Return the review of changes."""
    fields = (CHANGE_NOTE, *flow.review.fields)
    return replace(flow.review, title=CHECK_AND_SEND, short=CHECK_AND_SEND, fields=fields)


def rebase(answers: Answers, base: Answers, newest: Answers) -> Answers:
    """Return changed answers, with what changed from `base` to `newest` where they kept `base`.

    An answer of `base` that they lack was removed: it is None.
    """
    given = {**dict.fromkeys(base), **answers}
    changed = {name: value for name, value in given.items() if value != base.get(name)}
    return {**newest, **changed}


def changed_fields(flow: Flow, before: Answers, after: Answers) -> list[str]:
    """Return the names of the questions whose answers differ, without those of the review."""
    own = {field.name for field in flow.review.fields}
    return [
        name
        for name, field in flow.fields.items()
        if name not in own
        and field.without_blanks(before.get(name)) != field.without_blanks(after.get(name))
    ]


def open_fields(flow: Flow, opened: Collection[str]) -> set[str]:
    """Return the questions that names of steps and questions open; all of them for no known name.

    A question that depends on an open one beside it is open too.
    """
    found = {name for name in opened if name in flow.fields}
    for name in flow.steps.keys() & opened:
        found |= {field.name for field in flow.steps[name].fields}
    for step in flow.steps.values():
        names = {field.name for field in step.fields}
        for field in step.fields:
            if field.when and any(name in found & names for name, _ in field.when.references()):
                found.add(field.name)
    return found or set(flow.fields)


def completed_steps(journey: Journey, opened: Collection[str]) -> list[str]:
    """Return the steps of submitted answers that need no visit: those without an opened name."""
    named = {field.name for field in journey.flow.review.fields}
    named |= open_fields(journey.flow, opened) if opened else set()
    return [
        name
        for name, state in journey.steps.items()
        if named.isdisjoint(field.name for field in state.step.fields)
    ]


class ChangeJourney(Journey):
    """A journey through submitted answers of which only some may be changed.

    `steps` are those with an open question, each with these alone, and the review. A question is
    open if it was `opened`, or if the answers to open ones make it necessary: it was not asked when
    the answers were submitted, or its submitted answer is no longer valid. The `answers` to all
    others are the `submitted` ones, whatever was typed. It is complete once an answer differs. If
    staff asked for changes, it is complete as well once `CHANGE_NOTE` says why none does. It also
    needs to say why a promise was removed if the answers `were_published`.
    """

    def __init__(
        self,
        flow: Flow,
        submitted: Answers,
        opened: Collection[str],
        typed: Answers,
        posted: Collection[str] = (),
        *,
        today: date,
        were_published: bool = False,
    ) -> None:
        self.submitted, self.opened, self.were_published = submitted, opened, were_published
        own = {field.name for field in flow.review.fields}
        kept = {name: value for name, value in submitted.items() if name not in own}
        asked = _asked_fields(Journey(flow, submitted, today=today))
        self.open_fields = open_fields(flow, opened) | {CHANGE_NOTE.name} | own
        while True:
            given = {n: v for n, v in typed.items() if n.partition(":")[0] in self.open_fields}
            super().__init__(flow, {**kept, **given}, posted, today=today)
            necessary = (_asked_fields(self) - asked) | _invalid_fields(self)
            if necessary <= self.open_fields:
                break
            self.open_fields |= necessary
        opened_steps = {name: self._narrow(state) for name, state in self.steps.items()}
        self.steps = {name: state for name, state in opened_steps.items() if state.step.fields}
        review = self.steps.get(flow.review.name)  # none where nobody may respond
        error = self._find_error(is_unexplained=CHANGE_NOTE.is_blank(typed.get(CHANGE_NOTE.name)))
        if review and error:
            review.result.errors[CHANGE_NOTE.name] = error
            review.result.missing.add(CHANGE_NOTE.name)

    def _find_error(self, *, is_unexplained: bool) -> Message | None:
        """Return why the changes cannot be sent, if anything but their answers keeps them."""
        before, after = self.submitted, self.answers
        if not changed_fields(self.flow, before, after) and (is_unexplained or not self.opened):
            return NOTHING_CHANGED if self.opened else NOTHING_CORRECTED
        is_removal = self.were_published and removes_promise(self.flow, before, after)
        return REMOVED_WITHOUT_WORDS if is_removal and is_unexplained else None

    def _applicable_steps(self) -> Iterator[tuple[Section, Step]]:
        for section, step in super()._applicable_steps():
            yield section, last_step(self.flow) if step is self.flow.review else step

    def _narrow(self, state: StepState) -> StepState:
        """Return a step with its open questions alone."""
        step = state.step
        fields = tuple(field for field in step.fields if field.name in self.open_fields)
        return state if fields == step.fields else replace(state, step=replace(step, fields=fields))

    @property
    def is_path_known(self) -> bool:
        return True

    @cached_property
    def reachable(self) -> Collection[str]:
        """Return the names of the open steps, and of the review once all are complete."""
        review = self.flow.review.name
        return self.steps.keys() - ({review} if self.first_incomplete != review else set())

    def replace_answers(self, typed: Answers, posted: Collection[str]) -> "ChangeJourney":
        """Return the journey of other answers to the same questions."""
        return ChangeJourney(
            self.flow,
            self.submitted,
            self.opened,
            typed,
            posted,
            today=self.today,
            were_published=self.were_published,
        )


def sent_answers(submitted: Answers, journey: Journey) -> dict[str, Any]:
    """Return the answers of a journey as a correction keeps them, to all that was `submitted`: one
    that was removed is None, and one that is no longer asked stays."""
    removed = dict.fromkeys(_asked_fields(journey) & submitted.keys())
    return {**submitted, **removed, **journey.answers}


def _asked_fields(journey: Journey) -> set[str]:
    return {
        path.partition("-")[0] for each in journey.steps.values() for path in each.result.visible
    }


def _invalid_fields(journey: Journey) -> set[str]:
    return {
        path.partition("-")[0] for each in journey.steps.values() for path in each.result.errors
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeState(DraftState):
    """The stored state of changes; nothing but open questions can be saved."""

    journey: ChangeJourney

    def walk(
        self, flow: Flow, answers: Answers, posted: Collection[str], today: date
    ) -> ChangeJourney:
        return self.journey.replace_answers(answers, posted)

    def narrow(self, post: StepPost) -> StepPost:
        state = self.journey.steps.get(post.step.name)
        fields = state.step.fields if state else ()
        if shown := read_shown(post.revision.shown):  # of a page with fewer questions open
            fields = tuple(field for field in fields if field.name in shown)
        step, names = replace(post.step, fields=fields), {field.name for field in fields}
        answers = {name: value for name, value in post.answers.items() if name in names}
        return replace(post, step=step, answers=answers)
