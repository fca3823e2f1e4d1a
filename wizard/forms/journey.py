"""A flow walked with some answers: which steps apply, which are complete, what comes next.

Nothing of this is stored. It is computed from what was typed and which steps were posted, so it
can never disagree with the answers.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from .conditions import Answers
from .fields import Field, Group
from .flow import Branch, Flow, Section, Step
from .messages import Message
from .text import Invalid

REPEATED = Message("There is one like it in the list already. Change it or remove it.")


@dataclass(slots=True)
class ValidationResult:
    """What checking some fields found. Paths are HTML names: `city`, `milestones-0-due`."""

    answers: dict[str, Any] = field(default_factory=dict)
    """Clean answers by field name: only of fields that apply, only valid ones."""
    errors: dict[str, str] = field(default_factory=dict)
    """Messages by path, in page order."""
    missing: set[str] = field(default_factory=set)
    """The paths in `errors` where nothing was answered."""
    applies: set[str] = field(default_factory=set)
    """The paths of every field that is asked."""
    all_blank: bool = True
    """Whether none of these has anything typed into it."""


@dataclass(frozen=True, slots=True)
class StepState:
    """A step that applies, on this journey."""

    step: Step
    section: Section
    checked: ValidationResult
    posted: bool

    @property
    def complete(self) -> bool:
        """Posted, and every answer valid; a step is not complete by being filled in."""
        return self.posted and not self.checked.errors

    @property
    def errors_to_show(self) -> Mapping[str, str]:
        """Before a step is posted, only what was typed can be wrong: nothing is missing yet."""
        if self.posted:
            return self.checked.errors
        found = self.checked
        return {path: text for path, text in found.errors.items() if path not in found.missing}


class Journey:
    """The stops of one flow for one set of answers.

    `answers` holds what was typed (as JSON values, valid or not) by field name, `posted` the names
    of the steps that were posted, `today` the day that "today or later" is measured by.
    """

    def __init__(
        self, flow: Flow, answers: Answers, posted: Collection[str] = (), *, today: date
    ) -> None:
        self.flow = flow
        self.today = today
        self.answers: dict[str, Any] = {}
        """Every clean answer that applies: what a submission freezes."""
        self.steps: dict[str, StepState] = {}
        self._walk(answers, posted)

    def _walk(self, typed: Answers, posted: Collection[str]) -> None:
        for section in self.flow.sections:
            if section.when and not section.when.holds(self.answers):
                continue
            for step in section.steps:
                self._visit(section, step, typed, posted)
                if self.is_ineligible:
                    return
        self._visit(self.flow.sections[-1], self.flow.review, typed, posted)

    def _visit(self, section: Section, step: Step, typed: Answers, posted: Collection[str]) -> None:
        checked = self._check(step.fields, typed, self.answers)
        self.answers |= checked.answers
        self.steps[step.name] = StepState(step, section, checked, step.name in posted)

    def _check(
        self, fields: tuple[Field, ...], typed: Answers, seen: Answers, prefix: str = ""
    ) -> ValidationResult:
        found = ValidationResult()
        scope = dict(seen)
        for question in fields:
            path = prefix + question.name
            if question.when and not question.when.holds(scope):
                continue
            found.applies.add(path)
            raw = typed.get(question.name)
            if question.is_blank(raw):
                if _is_required(question, scope) and not _depends_on_invalid(
                    question, prefix, found
                ):
                    found.errors[path] = question.missing()
                    found.missing.add(path)
                continue
            found.all_blank = False
            try:
                value = question.clean(raw, self.today)
            except Invalid as invalid:
                found.errors[path] = invalid.message
                continue
            if isinstance(question, Group):
                value = self._check_entries(question, value, path, found)
            if value is not None:
                found.answers[question.name] = scope[question.name] = value
        return found

    def _check_entries(
        self, group: Group, entries: list[Answers], path: str, found: ValidationResult
    ) -> list[Answers] | None:
        """Return the clean entries; or None, with the errors in `found`, if one is not valid.

        A blank entry counts only while there are too few without it.
        """
        prefixes = [f"{path}-{place}-" for place in range(len(entries))]
        checked = {
            prefix: self._check(group.fields, entry, {}, prefix)
            for prefix, entry in zip(prefixes, entries, strict=True)
        }
        found.applies.update(*(inside.applies for inside in checked.values()))
        counted = _without_spare_blanks(checked, group.min_entries)
        for prefix in _repeated(group, counted):
            counted[prefix].errors[prefix + group.unique[-1]] = REPEATED
        errors: dict[str, str] = {}
        for prefix, inside in counted.items():
            paths = (prefix + each.name for each in group.fields)
            errors |= {at: inside.errors[at] for at in paths if at in inside.errors}
            found.missing |= inside.missing
        if len(entries) < group.min_entries:
            errors[path] = group.missing()
            found.missing.add(path)
        found.errors |= errors
        return None if errors else [inside.answers for inside in counted.values()]

    @property
    def is_ineligible(self) -> bool:
        """Whether the answers say that this form is not meant for the one who answers."""
        return self.flow.exit is not None and self.flow.exit.holds(self.answers)

    @cached_property
    def branch(self) -> Branch | None:
        """The branch these answers are on, once that is known."""
        found = (branch for branch in self.flow.branches if branch.when.holds(self.answers))
        return next(found, None)

    @cached_property
    def first_incomplete(self) -> str:
        """The first step that is not complete; the last one once all are, which is the review, or
        the step at which the journey ends."""
        open_stops = (name for name, stop in self.steps.items() if not stop.complete)
        return next(open_stops, list(self.steps)[-1])

    @cached_property
    def _open_to_visit(self) -> set[str]:
        names = list(self.steps)
        return set(names[: names.index(self.first_incomplete) + 1])

    def may_visit(self, name: str) -> bool:
        """Whether a step applies and lies at or before the first open one."""
        return name in self._open_to_visit

    @cached_property
    def complete(self) -> bool:
        """Whether everything that applies, the review too, is posted and valid."""
        return self.flow.review.name in self.steps and all(
            stop.complete for stop in self.steps.values()
        )

    def previous_step(self, name: str) -> str | None:
        """The step before this one."""
        names = list(self.steps)
        place = names.index(name)
        return names[place - 1] if place else None


def _without_spare_blanks(
    checked: Mapping[str, ValidationResult], least: int
) -> dict[str, ValidationResult]:
    """Leave out blank entries, the last one first, while more than `least` are there."""
    blank = [prefix for prefix, inside in checked.items() if inside.all_blank]
    spare = set(blank[::-1][: max(len(checked) - least, 0)])
    return {prefix: inside for prefix, inside in checked.items() if prefix not in spare}


def _repeated(group: Group, checked: Mapping[str, ValidationResult]) -> list[str]:
    """Return the prefixes of the entries whose `unique` answers an earlier one has too."""
    known: set[tuple[Any, ...]] = set()
    repeated = []
    for prefix, inside in checked.items():
        key = tuple(inside.answers.get(name) for name in group.unique)
        if key and None not in key and key in known:
            repeated.append(prefix)
        known.add(key)
    return repeated


def _depends_on_invalid(question: Field, prefix: str, found: ValidationResult) -> bool:
    """Whether it is open if an answer is needed, since what decides that has an error itself."""
    if isinstance(question.required, bool):
        return False
    wrong = set(found.errors) - found.missing
    return any(prefix + name in wrong for name, _ in question.required.references())


def _is_required(question: Field, scope: Answers) -> bool:
    required = question.required
    return required if isinstance(required, bool) else required.holds(scope)
