"""A flow: sections of steps of fields, in order, as one frozen declaration that checks itself.

A mistake in a declaration (a condition on a field that is missing or asked later, an option that
is not offered) raises `FlowError` where the flow is made, so at import.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

from .conditions import Condition
from .fields import Choice, Choices, Field, Group
from .messages import mark_translatable

RESERVED_STEP_NAMES = frozenset({"review", "done", "save", "delete", "exit", "resume"})
"""Step names that are addresses of their own."""

RESERVED_FIELD_NAMES = frozenset(
    {"action", "asked", "based_on", "csrf_token", "page", "pass", "turn"}  # a page's own fields
    | {"continue", "errors", "line", "main", "saved", "where"}  # its ids
    | {"reference", "submitted_at", "status", "branch", "flow_version", "published_at"}  # exports
    | {"all_programs", "entry"}  # open data
)
"""Field names that pages, exports and open data use for themselves."""


class FlowError(ValueError):
    """A declaration that contradicts itself; the text names the field, step or option."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One page. `short` is its name on the progress line, `why` one sentence on why we ask."""

    name: str
    title: str
    fields: tuple[Field, ...]
    _: KW_ONLY
    short: str
    why: str = ""

    def __post_init__(self) -> None:
        mark_translatable(self, "title", "short", "why")

    @property
    def group(self) -> Group | None:
        """The group that entries are added to and removed from, where it has one."""
        return next((field for field in self.fields if isinstance(field, Group)), None)


@dataclass(frozen=True, slots=True)
class Section:
    """Steps that apply together, under one condition (none: always)."""

    title: str
    steps: tuple[Step, ...]
    when: Condition | None = None

    def __post_init__(self) -> None:
        mark_translatable(self, "title")


@dataclass(frozen=True, slots=True)
class Branch:
    """A kind of journey through the flow, as records and readers name it."""

    name: str
    title: str
    when: Condition

    def __post_init__(self) -> None:
        mark_translatable(self, "title")


@dataclass(frozen=True, slots=True)
class Program:
    """A call that a commitment can answer; one commitment may answer several."""

    name: str
    title: str
    when: Condition

    def __post_init__(self) -> None:
        mark_translatable(self, "title")


@dataclass(frozen=True)
class Flow:
    """The whole form.

    `version` rises with every change that older answers must be carried over. `exit` says when
    someone is in the wrong place: the journey ends there. `review` is the last step of every one.
    `retired` are questions of earlier versions, which older submissions still answer.
    """

    name: str
    version: int
    sections: tuple[Section, ...]
    review: Step
    _: KW_ONLY
    branches: tuple[Branch, ...] = ()
    programs: tuple[Program, ...] = ()
    exit: Condition | None = None
    retired: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        _FlowCheck(self).run()

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """Every step by name, in order, the review last."""
        steps = [step for section in self.sections for step in section.steps]
        return {step.name: step for step in [*steps, self.review]}

    @cached_property
    def first(self) -> Step:
        """The step where every journey starts."""
        return self.sections[0].steps[0]

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Every question by name, in order; one that two branches share counts once."""
        return {field.name: field for step in self.steps.values() for field in step.fields}

    @cached_property
    def columns(self) -> Mapping[str, Field]:
        """What a table has columns for: every question of today, then the retired ones."""
        return {**self.fields, **{field.name: field for field in self.retired}}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The questions that are answered several times over, each a table of its own."""
        return tuple(field for field in self.columns.values() if isinstance(field, Group))


class _FlowCheck:
    """Reads a flow in its order, knowing at each place what was asked before it."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.asked: dict[str, Field] = {}

    def run(self) -> None:
        flow = self.flow
        if not flow.sections or not all(section.steps for section in flow.sections):
            raise FlowError(f"Flow “{flow.name}” has no step, or a section without one.")
        if flow.sections[0].when is not None:
            raise FlowError("The first section must always apply.")
        names: set[str] = set()
        for section in flow.sections:
            self._condition(section.when, self.asked, f"section “{section.title}”")
            for step in section.steps:
                if sum(isinstance(field, Group) for field in step.fields) > 1:
                    raise FlowError(f"Step “{step.name}” has more than one group.")
                if step.name in names or step.name in RESERVED_STEP_NAMES:
                    raise FlowError(f"Step name “{step.name}” is taken.")
                names.add(step.name)
                self._fields(step.fields, self.asked)
        self._fields(flow.review.fields, self.asked)
        for field in flow.retired:
            if field.name in self.asked:
                raise FlowError(f"Field “{field.name}” is retired, and still asked.")
        for what, condition in self._whole():
            self._condition(condition, self.asked, what)

    def _whole(self) -> Iterator[tuple[str, Condition | None]]:
        yield "the exit", self.flow.exit
        for branch in self.flow.branches:
            yield f"branch “{branch.name}”", branch.when
        for program in self.flow.programs:
            yield f"program “{program.name}”", program.when

    def _fields(self, fields: tuple[Field, ...], asked: dict[str, Field]) -> None:
        for field in fields:
            if field.name in RESERVED_FIELD_NAMES or not re.fullmatch(
                r"[a-z][a-z0-9_]*", field.name
            ):
                raise FlowError(f"“{field.name}” cannot be the name of a field.")
            if asked.get(field.name, field) != field:
                raise FlowError(f"Field “{field.name}” is declared twice, differently.")
            self._condition(field.when, asked, f"field “{field.name}”")
            if not isinstance(field.required, bool):
                self._condition(field.required, asked, f"field “{field.name}”")
            self._options(field)
            if isinstance(field, Group):
                self._group(field, asked)
            asked[field.name] = field

    def _options(self, field: Field) -> None:
        if not isinstance(field, Choice):
            return
        if len(set(field.codes())) != len(field.options) or not field.options:
            raise FlowError(f"Field “{field.name}” has no options, or one twice.")
        if isinstance(field, Choices) and field.exclusive and field.exclusive not in field.codes():
            raise FlowError(f"Field “{field.name}” has no option “{field.exclusive}”.")

    def _group(self, group: Group, asked: dict[str, Field]) -> None:
        if group.when is not None or group.required is not True:
            raise FlowError(f"Group “{group.name}” must always be asked and required.")
        if not 1 <= group.min_entries <= group.max_entries:
            raise FlowError(f"Group “{group.name}” needs 1 ≤ min_entries ≤ max_entries.")
        inside: dict[str, Field] = {}
        self._fields(group.fields, inside)
        for name in group.unique:
            if name not in inside:
                raise FlowError(f"Group “{group.name}” has no field “{name}”.")
        if clash := next((name for name in inside if name in asked), None):
            raise FlowError(f"Field “{clash}” in group “{group.name}” is declared elsewhere too.")
        if any(isinstance(field, Group) for field in group.fields):
            raise FlowError(f"Group “{group.name}” holds a group.")

    def _condition(
        self, condition: Condition | None, asked: Mapping[str, Field], where: str
    ) -> None:
        for name, options in condition.references() if condition else ():
            field = asked.get(name)
            if field is None:
                raise FlowError(f"The condition of {where} looks at “{name}”, not asked before it.")
            codes = field.codes() if isinstance(field, Choice) else ()
            for code in sorted(options - set(codes)):
                raise FlowError(
                    f"The condition of {where} looks for “{code}”, which “{name}” does not offer."
                )
