"""A flow: sections of steps of fields, in order, as one frozen declaration.

A contradiction in it, such as a condition on a later field, raises `FlowError` at import.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

from .choices import Choice, Choices
from .conditions import Answers, Condition, read_names
from .field_checks import FlowError, check_condition, check_fields
from .fields import Email, Field
from .groups import Group
from .messages import Declaration
from .reserved import RESERVED_FACET_NAMES, RESERVED_STEP_NAMES
from .result_cache import ResultCache

MAX_FACETS = 4
"""One for each facet column of a submission (docs/decisions/0013-calls.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class Step(Declaration):
    """One page, asked if `when` holds and its section applies.

    `short` names it in the progress line, `why` tells readers why we ask.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    _: KW_ONLY
    short: str
    why: str = ""
    when: Condition | None = None

    translatable = ("title", "short", "why")

    @property
    def group(self) -> Group | None:
        """The group of this page, if it has one."""
        return next((field for field in self.fields if isinstance(field, Group)), None)


@dataclass(frozen=True, slots=True, eq=False)
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
    """A call that a submission answers; it may answer several."""


@dataclass(frozen=True, slots=True)
class Noun(Declaration):
    """What a submission is called, one and several, as in the middle of a sentence."""

    one: str = "submission"
    many: str = "submissions"

    translatable = ("one", "many")


@dataclass(frozen=True, slots=True)
class Roles:
    """The questions that the program itself reads, by field name; an empty one is not asked.

    `party` is who submits, `place` where it is, `link` its web site and `contact` its e-mail
    address. The first answer in `summary` is shown in the feed. Only a submission for which
    `consent` holds may be published.
    """

    title: str = ""
    party: str = ""
    place: tuple[str, ...] = ()
    link: str = ""
    contact: str = ""
    consent: Condition | None = None
    summary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Facet(Declaration):
    """What lists filter and count submissions by.

    `source` is a choice, or one in a group (`data_sets.category`); without it, the facet is the
    programs. A facet with a `chart` (the title of its counts) has bars, or the map of the states.
    """

    name: str
    title: str
    source: str = ""
    _: KW_ONLY
    chart: str = ""
    is_map: bool = False

    translatable = ("title", "chart")


@dataclass(frozen=True, slots=True)
class Pages(Declaration):
    """The flow's own templates and texts.

    `landing` is the first page, `ineligible` where a journey ends early. Search engines show
    `description`; `footer` is at the foot of every page.
    """

    landing: str = "public/home.html"
    ineligible: str = "apply/ineligible.html"
    description: str = ""
    footer: str = ""

    translatable = ("description", "footer")


Upgrade = Callable[[Answers, tuple[str, ...]], tuple[Answers, tuple[str, ...]]]
"""A pure function from the answers and completed steps of a version to those of the next one."""


@dataclass(frozen=True, eq=False)
class Flow:
    """The whole form; its last step is `review`, but a journey ends once `ineligible_when` holds.

    `version` rises with every change that stored answers must be migrated for, by the function in
    `upgrades` from the version before it; `retired` are the questions of earlier versions, which
    older submissions still answer.
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
    noun: Noun = Noun()
    reference_prefix: str = "SUB"
    roles: Roles = Roles()
    facets: tuple[Facet, ...] = ()
    pages: Pages = Pages()
    presets: Mapping[str, Answers] = dataclasses.field(default_factory=dict)
    """Raw answers that a new draft begins with, by the `for` of the link to the form."""
    upgrades: Mapping[int, Upgrade] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_flow(self)

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """All steps by name, in order, the review last."""
        steps = [step for section in self.sections for step in section.steps]
        return {step.name: step for step in [*steps, self.review]}

    @cached_property
    def conditions(self) -> Mapping[str, tuple[Condition, ...]]:
        """The conditions of each step by name: those of its section and its own."""
        pairs = [(section.when, step) for section in self.sections for step in section.steps]
        return {
            step.name: tuple(when for when in (outer, step.when) if when)
            for outer, step in [*pairs, (None, self.review)]
        }

    @cached_property
    def deciding_fields(self) -> frozenset[str]:
        """The names of the fields on which something depends: a question, a step or a consent."""
        inner = [each for field in self.fields.values() for each in (field.when, field.required)]
        outer = [when for conditions in self.conditions.values() for when in conditions]
        kinds = [each.when for each in (*self.branches, *self.programs)]
        return read_names([*inner, *outer, *kinds, self.ineligible_when, self.roles.consent])

    @cached_property
    def first(self) -> Step:
        """The first step of every journey."""
        return self.sections[0].steps[0]

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """All fields by name, in order; a field that two branches share appears once."""
        return {field.name: field for step in self.steps.values() for field in step.fields}

    @cached_property
    def questions(self) -> frozenset[Field]:
        """All fields, and those of the entries of groups."""
        inner = (each for group in self.groups for each in group.fields)
        return frozenset([*self.fields.values(), *inner])

    @cached_property
    def result_caches(self) -> Mapping[tuple[Field, ...], ResultCache]:
        """What is remembered of the answers to each page without a group, and to each entry."""
        pages = {step.fields: () for step in self.steps.values() if step.group is None}
        entries = {group.fields: group.unique for group in self.groups}
        found = {**pages, **entries}
        return {fields: ResultCache(fields, compared) for fields, compared in found.items()}

    @cached_property
    def columns(self) -> Mapping[str, Field]:
        """The columns of an export: all fields, then the retired ones."""
        return {**self.fields, **{field.name: field for field in self.retired}}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups among the columns; each is exported as its own table."""
        return tuple(field for field in self.columns.values() if isinstance(field, Group))

    @cached_property
    def charted(self) -> tuple[Facet, ...]:
        """The facets with a chart; a submission has one code of each."""
        return tuple(facet for facet in self.facets if facet.chart)

    @cached_property
    def places(self) -> tuple[Facet, ...]:
        """The facets with a chart that are part of the place."""
        return tuple(facet for facet in self.charted if facet.source in self.roles.place)

    @cached_property
    def kinds(self) -> tuple[Facet, ...]:
        """The other facets with a chart."""
        return tuple(facet for facet in self.charted if facet not in self.places)

    @cached_property
    def mapped(self) -> Facet | None:
        """The facet that the map shows."""
        return next((facet for facet in self.facets if facet.is_map), None)

    def facet_field(self, facet: Facet) -> Field | None:
        """Return the field of a facet; None if that is the programs, or unknown."""
        group_name, _, name = facet.source.rpartition(".")
        group = self.columns.get(group_name)
        inside = {each.name: each for each in group.fields} if isinstance(group, Group) else {}
        return (inside if group_name else self.columns).get(name)

    def is_joined(self, facet: Facet) -> bool:
        """Return True if a submission may have several codes of a facet."""
        return "." in facet.source or type(self.facet_field(facet)) in (Choices, type(None))

    def facet_codes(self, facet: Facet, answers: Answers) -> list[str]:
        """Return the codes of a facet in some answers."""
        if not facet.source:
            return [program.name for program in self.programs if program.when.holds(answers)]
        group, _, name = facet.source.rpartition(".")
        values = [entry.get(name, []) for entry in (answers.get(group, ()) if group else [answers])]
        return sorted(
            {code for each in values for code in (each if type(each) is list else [each])}
        )

    def asks(self, step: Step, answers: Answers) -> bool:
        """Return True if a step applies to clean answers."""
        return all(when.holds(answers) for when in self.conditions[step.name])

    def consents(self, answers: Answers) -> bool:
        """Return True if these answers may be published."""
        return self.roles.consent is not None and self.roles.consent.holds(answers)

    def upgrade(
        self, version: int, answers: Answers, completed_steps: Sequence[str] = ()
    ) -> tuple[Answers, tuple[str, ...]]:
        """Return the answers and completed steps of a version as the current one has them."""
        state = answers, tuple(completed_steps)
        for older in range(version, self.version if answers else version):
            if older in self.upgrades:
                state = self.upgrades[older](*state)
        return state


def _check_flow(flow: Flow) -> None:
    """Check a flow in order, with the fields that were asked before each place."""
    if not flow.sections or not all(section.steps for section in flow.sections):
        raise FlowError(f"Flow “{flow.name}” has no step, or a section without one.")
    if flow.conditions[flow.first.name]:
        raise FlowError("The first section and step must always apply.")
    names, asked = set(RESERVED_STEP_NAMES), dict[str, Field]()
    for section in flow.sections:
        check_condition(section.when, asked, f"section “{section.title}”")
        for step in section.steps:
            if step.name in names:
                raise FlowError(f"Step name “{step.name}” is taken.")
            if sum(isinstance(field, Group) for field in step.fields) > 1:
                raise FlowError(f"Step “{step.name}” has more than one group.")
            check_condition(step.when, asked, f"step “{step.name}”")
            names.add(step.name)
            check_fields(step.fields, asked)
    check_fields(flow.review.fields, asked)
    if again := next((field.name for field in flow.retired if field.name in asked), None):
        raise FlowError(f"Field “{again}” is retired, and still asked.")
    check_condition(flow.ineligible_when, asked, "ineligible_when")
    for category in (*flow.branches, *flow.programs):
        kind = type(category).__name__.lower()
        check_condition(category.when, asked, f"{kind} “{category.name}”")
    _check_roles(flow, asked)
    _check_facets(flow)
    if unknown := sorted(version for version in flow.upgrades if not 0 < version < flow.version):
        raise FlowError(f"There is no upgrade from version {unknown[0]} of {flow.version}.")


def _check_roles(flow: Flow, asked: Mapping[str, Field]) -> None:
    """Check the roles; what lists, public pages and the feed show must be public."""
    if "url" in asked:
        raise FlowError("“url” is the address of a published submission; only groups may ask it.")
    roles = flow.roles
    shown = [roles.title, roles.party, *roles.place, roles.link, *roles.summary]
    for name in filter(None, [*shown, roles.contact]):
        if name not in asked or (name in shown and not asked[name].public):
            raise FlowError(f"The role of “{name}” needs a field that is asked, and public.")
    if roles.contact and not isinstance(asked[roles.contact], Email):
        raise FlowError(f"The contact “{roles.contact}” is no email address.")
    check_condition(roles.consent, asked, "the consent")


def _check_facets(flow: Flow) -> None:
    names = [facet.name for facet in flow.facets]
    if len(names) > MAX_FACETS:
        raise FlowError(f"There are more than {MAX_FACETS} facets.")
    if taken := [name for name in names if name in RESERVED_FACET_NAMES or names.count(name) > 1]:
        raise FlowError(f"Facet name “{taken[0]}” is taken.")
    for facet in flow.facets:
        source = flow.facet_field(facet)
        if facet.source and not (isinstance(source, Choice) and source.public):
            raise FlowError(f"Facet “{facet.name}” needs a public choice.")
        if (facet.chart or facet.is_map) and (flow.is_joined(facet) or not facet.chart):
            raise FlowError(f"Facet “{facet.name}” cannot have a chart.")
    if flow.programs and all(facet.source for facet in flow.facets):
        raise FlowError("The programs need a facet.")
