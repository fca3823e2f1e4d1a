"""A flow: sections of steps of fields, in order, as one frozen declaration.

A contradiction in it, such as a condition on a later field, raises `FlowError` at import.
"""

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from dataclasses import field as declare
from functools import cached_property

from .conditions import Answers, Condition
from .fields import Choice, Choices, Field, Group
from .messages import Declaration

RESERVED_STEP_NAMES = frozenset({"review", "done", "save", "delete", "exit", "resume"})
"""Step names that are addresses themselves."""

RESERVED_FIELD_NAMES = frozenset(
    {"action", "asked", "based_on", "csrf_token", "page", "pass", "turn"}  # hidden fields of pages
    | {"for"}  # the link to the form
    | {"continue", "errors", "line", "main", "saved", "where"}  # ids of pages
    | {"reference", "submitted_at", "status", "branch", "flow_version", "published_at"}  # exports
    | {"all_programs", "entry"}  # open data
)
"""Field names that pages, exports and open data use themselves."""


class FlowError(ValueError):
    """An invalid flow; the text names the field, step or option."""


@dataclass(frozen=True, slots=True, eq=False)
class Step(Declaration):
    """One page; `short` names it in the progress line, `why` tells readers why we ask."""

    name: str
    title: str
    fields: tuple[Field, ...]
    _: KW_ONLY
    short: str
    why: str = ""

    translatable = ("title", "short", "why")

    @property
    def group(self) -> Group | None:
        """The group of this page, if it has one."""
        return next((field for field in self.fields if isinstance(field, Group)), None)


@dataclass(frozen=True, slots=True)
class Section(Declaration):
    """Steps that apply together if `when` holds (None: always)."""

    title: str
    steps: tuple[Step, ...]
    when: Condition | None = None

    translatable = ("title",)


@dataclass(frozen=True, slots=True)
class Category(Declaration):
    """A name for the answers that meet a condition."""

    name: str
    title: str
    when: Condition

    translatable = ("title",)


class Branch(Category):
    """A kind of respondent; only the first that holds counts."""


class Program(Category):
    """A call that a commitment answers; it may answer several."""


@dataclass(frozen=True)
class Flow:
    """The whole form; its last step is `review`, but a journey ends once `ineligible_when` holds.

    `version` rises with every change that stored answers must be migrated for; `retired` are the
    questions of earlier versions, which older submissions still answer.
    """

    name: str
    version: int
    sections: tuple[Section, ...]
    review: Step
    _: KW_ONLY
    branches: tuple[Branch, ...] = ()
    programs: tuple[Program, ...] = ()
    ineligible_when: Condition | None = None
    retired: tuple[Field, ...] = ()
    presets: Mapping[str, Answers] = declare(default_factory=dict)
    """Raw answers that a new draft begins with, by the `for` of the link to the form."""

    def __post_init__(self) -> None:
        _check_flow(self)

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """All steps by name, in order, the review last."""
        steps = [step for section in self.sections for step in section.steps]
        return {step.name: step for step in [*steps, self.review]}

    @cached_property
    def first(self) -> Step:
        """The first step of every journey."""
        return self.sections[0].steps[0]

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """All fields by name, in order; a field that two branches share appears once."""
        return {field.name: field for step in self.steps.values() for field in step.fields}

    @cached_property
    def columns(self) -> Mapping[str, Field]:
        """The columns of an export: all fields, then the retired ones."""
        return {**self.fields, **{field.name: field for field in self.retired}}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups among the columns; each is exported as its own table."""
        return tuple(field for field in self.columns.values() if isinstance(field, Group))


def _check_flow(flow: Flow) -> None:
    """Check a flow in order, with the fields that were asked before each place."""
    if not flow.sections or not all(section.steps for section in flow.sections):
        raise FlowError(f"Flow “{flow.name}” has no step, or a section without one.")
    if flow.sections[0].when is not None:
        raise FlowError("The first section must always apply.")
    names, asked = set(RESERVED_STEP_NAMES), dict[str, Field]()
    for section in flow.sections:
        _check_condition(section.when, asked, f"section “{section.title}”")
        for step in section.steps:
            if step.name in names:
                raise FlowError(f"Step name “{step.name}” is taken.")
            if sum(isinstance(field, Group) for field in step.fields) > 1:
                raise FlowError(f"Step “{step.name}” has more than one group.")
            names.add(step.name)
            _check_fields(step.fields, asked)
    _check_fields(flow.review.fields, asked)
    if again := next((field.name for field in flow.retired if field.name in asked), None):
        raise FlowError(f"Field “{again}” is retired, and still asked.")
    _check_condition(flow.ineligible_when, asked, "ineligible_when")
    for category in (*flow.branches, *flow.programs):
        kind = type(category).__name__.lower()
        _check_condition(category.when, asked, f"{kind} “{category.name}”")


def _check_fields(fields: tuple[Field, ...], asked: dict[str, Field]) -> None:
    for field in fields:
        if field.name in RESERVED_FIELD_NAMES or not re.fullmatch("[a-z][a-z0-9_]*", field.name):
            raise FlowError(f"“{field.name}” cannot be the name of a field.")
        if asked.get(field.name, field) != field:
            raise FlowError(f"Field “{field.name}” is declared twice, differently.")
        for condition in (field.when, field.required):
            if not isinstance(condition, bool):
                _check_condition(condition, asked, f"field “{field.name}”")
        if isinstance(field, Choice):
            _check_options(field)
        if isinstance(field, Group):
            _check_group(field, asked)
        asked[field.name] = field


def _check_options(field: Choice) -> None:
    codes = field.codes()
    if not codes or len(set(codes)) != len(codes):
        raise FlowError(f"Field “{field.name}” has no options, or one twice.")
    if isinstance(field, Choices) and field.exclusive and field.exclusive not in codes:
        raise FlowError(f"Field “{field.name}” has no option “{field.exclusive}”.")


def _check_group(group: Group, asked: dict[str, Field]) -> None:
    if group.when is not None or group.required is not True:
        raise FlowError(f"Group “{group.name}” must always be asked and required.")
    if not 1 <= group.min_entries <= group.max_entries:
        raise FlowError(f"Group “{group.name}” needs 1 ≤ min_entries ≤ max_entries.")
    if any(isinstance(field, Group) for field in group.fields):
        raise FlowError(f"Group “{group.name}” holds a group.")
    inside: dict[str, Field] = {}
    _check_fields(group.fields, inside)
    if unknown := next((name for name in group.unique if name not in inside), None):
        raise FlowError(f"Group “{group.name}” has no field “{unknown}”.")
    if clash := next((name for name in inside if name in asked), None):
        raise FlowError(f"Field “{clash}” in group “{group.name}” is declared elsewhere too.")


def _check_condition(condition: Condition | None, asked: Mapping[str, Field], where: str) -> None:
    for name, options in condition.references() if condition else ():
        field = asked.get(name)
        if field is None:
            raise FlowError(f"The condition of {where} looks at “{name}”, not asked before it.")
        codes = field.codes() if isinstance(field, Choice) else ()
        if unknown := sorted(options - set(codes)):
            raise FlowError(
                f"The condition of {where} looks for “{unknown[0]}”, which “{name}” does not offer."
            )
