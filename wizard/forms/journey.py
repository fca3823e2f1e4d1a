"""The path through a flow for some answers: which steps apply, are complete, and come next.

It is computed on each request and never stored, so that it cannot disagree with the answers.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal

from .conditions import Answers
from .fields import Field
from .flow import Branch, Flow, Section, Step
from .groups import Group, keep_id
from .messages import Message
from .result_cache import ValidationResult
from .text import Invalid, fold_text

ORDINALS = (Message("a first"), Message("a second"), Message("a third"))


@dataclass(frozen=True, slots=True)
class StepState:
    """A step that applies, with its validated answers."""

    step: Step
    section: Section
    result: ValidationResult
    is_posted: bool

    @property
    def complete(self) -> bool:
        """Return True if the step was posted and is valid; filling it in is not enough."""
        return self.is_posted and not self.result.errors

    @property
    def errors_to_show(self) -> Mapping[str, str]:
        """Return the errors by path; nothing counts as missing before the step is posted."""
        errors, missing = self.result.errors, self.result.missing
        return {path: errors[path] for path in errors if self.is_posted or path not in missing}


@dataclass(frozen=True, slots=True)
class ListedStep:
    """A step in the list of steps; `title` is its short one."""

    name: str
    title: str
    section: Section
    status: Literal["current", "done", "open"]
    is_reachable: bool


@dataclass(frozen=True, slots=True)
class StepList:
    """The steps of a journey as a page shows them.

    Until `is_path_known`, more steps follow than are listed.
    """

    steps: tuple[ListedStep, ...]
    is_path_known: bool

    @property
    def place(self) -> int:
        """Return the place of the current step, from 1."""
        return 1 + [step.status for step in self.steps].index("current")

    @property
    def section(self) -> Section:
        """Return the section of the current step."""
        return self.steps[self.place - 1].section


class Journey:
    """The steps of a flow that apply to raw `answers`.

    `posted` are the names of the posted steps; `today` is used by rules like "today or later".
    """

    def __init__(
        self, flow: Flow, answers: Answers, posted: Collection[str] = (), *, today: date
    ) -> None:
        self.flow = flow
        self.today = today
        self._known: dict[str, Any] = {}
        """The answers that apply, for conditions: texts may be raw."""
        self._results: list[ValidationResult] = []
        self.steps: dict[str, StepState] = {}
        for section, step in self._applicable_steps():
            result = self._validate_fields(step.fields, answers, self._known)
            self._known |= result.answers
            self._results.append(result)
            self.steps[step.name] = StepState(step, section, result, step.name in posted)

    def _applicable_steps(self) -> Iterator[tuple[Section, Step]]:
        """Yield each step after the answers to the steps before it were validated."""
        for section in self.flow.sections:
            for step in section.steps:
                if self.flow.asks(step, self._known):
                    yield section, step
                    if self.is_ineligible:
                        return
        yield self.flow.sections[-1], self.flow.review

    def _validate_fields(
        self, fields: tuple[Field, ...], raw: Answers, earlier: Answers, prefix: str = ""
    ) -> ValidationResult:
        """Return the result, recalled if the same answers were validated before."""
        cache = self.flow.result_caches.get(fields)
        if cache is None:
            return self._find_result(fields, raw, earlier, prefix)
        digest = cache.digest(raw, earlier, prefix, self.today)
        if known := cache.find(digest, raw, self.today):
            return known
        result = self._find_result(fields, raw, earlier, prefix)
        cache.store(digest, raw, result)
        return result

    def _find_result(
        self, fields: tuple[Field, ...], raw: Answers, earlier: Answers, prefix: str
    ) -> ValidationResult:
        result, scope = ValidationResult(), dict(earlier)
        for question in fields:
            path, value = prefix + question.name, raw.get(question.name)
            if question.when and not question.when.holds(scope):
                continue
            result.visible.add(path)
            if _is_required(question, scope, prefix, result):
                result.required.add(path)
            if question.is_blank(value):
                if path in result.required:
                    result.errors[path] = question.missing()
                    result.missing.add(path)
                continue
            result.is_blank = False
            if not question.is_storable(value):
                result.errors[path] = question.not_stored(value)
                continue
            try:
                value = question.clean(value, self.today)
            except Invalid as invalid:
                result.errors[path] = invalid.message
                continue
            if isinstance(question, Group):
                value = self._validate_entries(question, value, path, result)
            if value is not None:
                result.answers[question.name] = scope[question.name] = value
        return result

    def _validate_entries(
        self, group: Group, entries: list[Answers], path: str, result: ValidationResult
    ) -> list[Answers] | None:
        """Return the clean entries, or None if one is invalid; add the findings to `result`.

        A blank entry counts only while there are too few without it.
        """
        checked: dict[str, ValidationResult] = {}
        ids: dict[str, Answers] = {}
        for place, entry in enumerate(entries):
            prefix = f"{path}-{place}-"
            ids[prefix] = keep_id(entry)
            checked[prefix] = self._validate_fields(group.fields, entry, {}, prefix)
            result.visible |= checked[prefix].visible
            result.required |= checked[prefix].required
        counted = _drop_spare_blanks(checked, group.min_entries)
        for prefix, earlier in _find_repeated(group, counted):
            counted[prefix].errors[prefix + group.unique[-1]] = _entry_repeated(group, earlier)
        errors: dict[str, str] = {}
        filled = sum(not inside.is_blank for inside in checked.values())
        untouched = 0
        for prefix, inside in counted.items():
            if inside.is_blank and group.min_entries > 1:
                untouched += 1
                errors[prefix[:-1]] = _entry_missing(group, filled + untouched, filled)
                result.missing.add(prefix[:-1])
                continue
            paths = (prefix + question.name for question in group.fields)
            errors |= {each: inside.errors[each] for each in paths if each in inside.errors}
            result.missing |= inside.missing
        if len(entries) < group.min_entries:
            errors[path] = _entry_missing(group, len(entries) + 1, filled)
            result.missing.add(path)
        result.errors |= errors
        if errors:
            return None
        kept: list[Answers] = []
        for prefix, inside in counted.items():
            entry = {**ids[prefix], **inside.answers}
            result.uncleaned += [(entry, text) for _, text in inside.uncleaned]
            kept.append(entry)
        return kept

    @cached_property
    def answers(self) -> dict[str, Any]:
        """All clean answers that apply: what a submission stores."""
        clean: dict[str, Any] = {}
        for result in self._results:
            result.clean(self.today)
            clean |= result.answers
        return clean

    @property
    def is_ineligible(self) -> bool:
        """Return True if the form is not meant for this visitor."""
        condition = self.flow.ineligible_when
        return condition is not None and condition.holds(self._known)

    @property
    def is_path_known(self) -> bool:
        """Return True once the first step is complete: its answers decide about the others."""
        return self.steps[self.flow.first.name].complete

    @cached_property
    def branch(self) -> Branch | None:
        """Return the branch of these answers, or None if it is not known yet."""
        return next((each for each in self.flow.branches if each.when.holds(self._known)), None)

    @cached_property
    def first_incomplete(self) -> str:
        """Return the name of the first incomplete step, or of the last step if all are complete."""
        names = list(self.steps)
        return next((name for name in names if not self.steps[name].complete), names[-1])

    @cached_property
    def reachable(self) -> Collection[str]:
        """Return the names of the steps that apply and are not after the first incomplete one."""
        names = list(self.steps)
        return set(names[: names.index(self.first_incomplete) + 1])

    def may_visit(self, name: str) -> bool:
        """Return True if a step can be opened."""
        return name in self.reachable

    @property
    def next_step(self) -> str:
        """Return the name of the step to show once another is completed."""
        return self.first_incomplete

    def is_done(self, name: str) -> bool:
        """Return True if a step is shown as completed."""
        return self.steps[name].complete

    def list_steps(self, current: str) -> StepList:
        """Return the list of steps for the page of the current one."""
        steps = (
            ListedStep(
                name,
                state.step.short,
                state.section,
                "current" if name == current else "done" if self.is_done(name) else "open",
                name in self.reachable,
            )
            for name, state in self.steps.items()
        )
        return StepList(tuple(steps), self.is_path_known)

    @cached_property
    def complete(self) -> bool:
        """Return True if all steps that apply, the review included, are complete."""
        all_complete = all(state.complete for state in self.steps.values())
        return all_complete and self.flow.review.name in self.steps

    def previous_step(self, name: str) -> str | None:
        """Return the name of the step before this one, or None for the first."""
        names = [None, *self.steps]
        return names[names.index(name) - 1]


def _entry_missing(group: Group, number: int, filled: int) -> Message:
    """Return the error about an entry that was not begun, while there are too few."""
    return Message(
        "Add %(ordinal)s %(entry)s. You need at least %(least)s and you have %(count)s.",
        ordinal=ORDINALS[number - 1] if number <= len(ORDINALS) else Message("another"),
        entry=group.entry_noun or group.entry,
        least=group.min_entries,
        count=filled,
    )


def _drop_spare_blanks(
    checked: Mapping[str, ValidationResult], min_entries: int
) -> dict[str, ValidationResult]:
    """Leave out blank entries, the last one first, while there are more than `min_entries`."""
    blank = [prefix for prefix, inside in checked.items() if inside.is_blank]
    spare = set(blank[::-1][: max(len(checked) - min_entries, 0)])
    return {prefix: inside for prefix, inside in checked.items() if prefix not in spare}


def _find_repeated(
    group: Group, checked: Mapping[str, ValidationResult]
) -> Iterator[tuple[str, str]]:
    """Yield the prefix of each entry that repeats the `unique` answers of an earlier one, and the
    prefix of that one."""
    if not group.unique:
        return
    seen: list[tuple[str, list[Any]]] = []
    for prefix, inside in checked.items():
        answers = [inside.answers.get(name) for name in group.unique]
        if None in answers:
            continue
        answers = [" ".join(fold_text(str(each)).split()) for each in answers]
        if earlier := next((other for other, known in seen if known == answers), ""):
            yield prefix, earlier
        seen.append((prefix, answers))


def _entry_repeated(group: Group, prefix: str) -> Message:
    """Return the error about an entry that is the same as the one with that prefix."""
    return Message(
        "This is the same as %(entry)s %(number)s. Change or remove one of them.",
        entry=group.entry,
        number=int(prefix.split("-")[-2]) + 1,
    )


def _is_required(question: Field, scope: Answers, prefix: str, result: ValidationResult) -> bool:
    """Return True if an answer is required, as far as valid answers decide it."""
    condition = question.required
    if isinstance(condition, bool):
        return condition
    invalid = result.errors.keys() - result.missing
    is_open = any(prefix + name in invalid for name, _ in condition.references())
    return condition.holds(scope) and not is_open
