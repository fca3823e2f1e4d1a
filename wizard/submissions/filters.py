"""Filters of lists and exports: parsed from an address, checked and applied."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import combinations
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from .. import clock
from ..db.engine import is_sqlite, reading
from ..db.models import STATUSES, Submission
from ..db.promises import Promise
from ..forms.choices import Choice
from ..forms.dates import NOT_A_MOMENT, parse_moment
from ..forms.fields import Field, Moment, Text
from ..forms.flow import Facet, Flow
from ..forms.groups import Group
from ..forms.promises import public_groups
from ..forms.search_words import MAX_QUERY_WORDS, count_words, parse_query
from ..forms.text import Invalid
from ..web.current import current_flow
from ..web.query import DAYS, VALUE, Args, Code, parse_args, within_days
from . import colleagues, due_dates, queue, search
from .listing import facet_columns
from .promises import state_column
from .publication import is_published

MAX_CODES_TO_COMBINE = 4
"""Codes of a facet whose combinations are few enough to list."""


class Filters(dict[str, str]):
    """The filters that are set, by name: `branch`, `status`, the facets of the flow, and others.

    `first_day` and `last_day` are days in the program's time zone, both included; `since` is a
    moment, itself excluded.
    `q` is words that must all occur in what staff may read.
    `todo` is what waits for staff; `assigned` and `seen` are conditions of `colleagues`, `promises`
    of `due_dates`.
    `references` are those of some cases, joined by commas. `sort` is the order of a list, and no
    condition.
    """

    index: search.Index = "staff"

    def without(self, *names: str) -> Self:
        """Return the same without some filters."""
        return type(self)({key: value for key, value in self.items() if key not in names})

    def conditions(self, *, ordered: bool = False) -> list[ColumnElement[bool]]:
        """Return the SQL conditions, to look submissions up, or for a list read in its order.

        What they depend on is looked up within `reading` or `writing`, or in a transaction that
        ends, so that `writing` can follow.
        """
        with reading():
            return self._conditions(ordered=ordered)

    def _conditions(self, *, ordered: bool = False) -> list[ColumnElement[bool]]:
        coded: list[ColumnElement[bool]] = [
            column == self[column.key]
            for column in (Submission.branch, Submission.status)
            if column.key in self
        ]
        coded += [
            self.facet_condition(facet, column, self[facet.name])
            for facet, column in facet_columns(current_flow()).items()
            if facet.name in self
        ]
        days = within_days(
            Submission.submitted_at, self.get("first_day", ""), self.get("last_day", "")
        )
        conditions = [*coded, *days]
        if ordered and is_sqlite():  # which would rather take another index, and sort what it finds
            is_by_day = self.get("sort") not in ("changed", "due")
            compared = [each.is_(True) for each in (coded if is_by_day else conditions)]
            conditions = [*compared, *(days if is_by_day else [])]
        if since := self.get("since"):
            conditions.append(Submission.submitted_at > parse_moment(since))
        if self.get("todo"):
            conditions.append(queue.waits())
        if who := self.get("assigned"):
            conditions.append(colleagues.has_case(who))
        if how := self.get("seen"):
            conditions.append(colleagues.was_seen(how))
        if due := self.get("promises"):
            conditions.append(due_dates.has_due(due, due_dates.find_some(due)))
        if references := self.get("references"):
            conditions.append(Submission.reference.in_(references.split(",")))
        if words := self.get("q"):
            conditions.append(search.matches(words, self.index))
        return conditions

    def facet_condition(
        self, facet: Facet, column: InstrumentedAttribute[str], code: str
    ) -> ColumnElement[bool]:
        """Return the condition that a submission has a code of a facet."""
        flow = current_flow()
        if flow.is_joined(facet):
            return _has_code(column, code, _usual_values(flow, facet, code))
        return column == code


class PublicFilters(Filters):
    """The filters of a public list, whose words must occur in what anyone may read.

    `progress` is the state of a promise and `due` the month of its date; together with a topic,
    they are about the same promise. What was withdrawn meets none of `names_of_published`.
    """

    index = "public"

    @property
    def is_of_promise(self) -> bool:
        """True if a single promise must meet several of these."""
        return "progress" in self or "due" in self

    def _conditions(self, *, ordered: bool = False) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = super()._conditions(ordered=ordered)
        if self.is_of_promise:
            conditions += [self._has_promise()]
        if self.keys() & names_of_published(current_flow()):
            conditions += [is_published]
        return conditions

    def facet_condition(
        self, facet: Facet, column: InstrumentedAttribute[str], code: str
    ) -> ColumnElement[bool]:
        known = super().facet_condition(facet, column, code)
        group = topic_groups(current_flow()).get(facet.name)
        if group is None:
            return known
        if self.is_of_promise:  # `_has_promise` asks for it
            return true()
        return or_(known, _exists(Promise.group == group.name, Promise.topic == code))

    def _has_promise(self) -> ColumnElement[bool]:
        groups = [group.name for group in public_groups(current_flow())]
        return _exists(Promise.group.in_(groups), *self.promise_conditions())

    def promise_conditions(self) -> list[ColumnElement[bool]]:
        """Return the SQL conditions on a promise; none if each promise meets the filters."""
        conditions: list[ColumnElement[bool]] = []
        for name, group in topic_groups(current_flow()).items():
            if code := self.get(name):
                conditions += [Promise.group == group.name, Promise.topic == code]
        if state := self.get("progress"):
            conditions += [state_column(clock.today()) == state]
        if month := self.get("due"):
            conditions += [_is_due_in(month)]
        return conditions


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Match submissions that have a promise."""
    return exists().where(Promise.submission_id == Submission.id, *conditions)


def _is_due_in(month: str) -> ColumnElement[bool]:
    """Match promises of a month such as 2027-03; a text that is none matches nothing."""
    try:
        first = date.fromisoformat(f"{month}-01")
        next_first = (first + timedelta(days=31)).replace(day=1)
    except NOT_A_MOMENT:
        return false()
    is_month = first.isoformat()[:7] == month
    return and_(Promise.due_on >= first, Promise.due_on < next_first) if is_month else false()


@cache
def topic_groups(flow: Flow) -> dict[str, Group]:
    """Return the groups whose promises have a topic, by the name of the facet that it is."""
    return {
        facet.name: group
        for facet in flow.facets
        for group in public_groups(flow)
        if group.topic and facet.source == f"{group.name}.{group.topic}"
    }


@cache
def names_of_published(flow: Flow) -> frozenset[str]:
    """Return the filters by what is public only until a withdrawal: all but place and topic."""
    stay = {facet.name for facet in flow.facets if facet.source in flow.roles.place}
    facets = {facet.name for facet in flow.facets} - stay - topic_groups(flow).keys()
    return frozenset({"progress", "branch", *facets})


def _has_code(
    column: InstrumentedAttribute[str], code: str, usual: Sequence[str]
) -> ColumnElement[bool]:
    """Match one of the codes that a column joins with `;`, exactly.

    The usual values are compared first, since that costs the least. Unlike LIKE, no search here
    ignores case.
    """
    if ";" in code:
        return false()
    position = func.instr if is_sqlite() else func.strpos
    is_found = and_(position(column, code) > 0, position(";" + column + ";", f";{code};") > 0)
    return or_(column.in_(usual), is_found) if usual else is_found


def _usual_values(flow: Flow, facet: Facet, code: str) -> list[str]:
    """Return the values of a column that hold a code, if the facet has few codes."""
    codes = list(filter_options(flow)[facet.name])
    if len(codes) > MAX_CODES_TO_COMBINE or code not in codes:
        return []
    ordered = sorted(codes) if facet.source else codes
    joined = (each for size in range(len(codes)) for each in combinations(ordered, size + 1))
    return [";".join(each) for each in joined if code in each]


@cache
def filter_options(flow: Flow) -> dict[str, dict[str, str]]:
    """Return the labels by code of every filter that is a choice."""
    programs = {program.name: program.title for program in flow.programs}
    return {
        "branch": {branch.name: branch.title for branch in flow.branches},
        "status": STATUSES,
        "todo": {"yes": "Ours to do"},
        "seen": colleagues.SEEN,
        "promises": due_dates.DUE,
        **{each.name: _labels(flow, each) if each.source else programs for each in flow.facets},
    }


def _labels(flow: Flow, facet: Facet) -> dict[str, str]:
    """Return the labels of the options that a submission can have."""
    field = flow.facet_field(facet)
    labels = {each.code: each.label for each in field.options} if isinstance(field, Choice) else {}
    return {
        code: label
        for code, label in labels.items()
        if not (flow.ineligible_when and flow.ineligible_when.holds({facet.source: code}))
    }


@dataclass(frozen=True, slots=True)
class Query(Text):
    """Words to search for."""

    def clean(self, raw: Any, today: date) -> str:
        text = Text.clean(self, raw, today)
        if count_words(parse_query(text)) > MAX_QUERY_WORDS:
            raise Invalid("Use %(count)s words or fewer.", count=MAX_QUERY_WORDS)
        return text


MAX_REFERENCES_CHARS = 1_000
SORTS = {
    "oldest": "Oldest first",
    "changed": "Last changed first",
    "due": "Next due first",
}
"""The labels of the orders of a list beside the usual one, the newest first."""
UNCODED_FILTERS: dict[str, Field] = {
    **DAYS,
    "since": Moment("since", "since", noun=VALUE),
    "assigned": Text("assigned", "assigned", noun=VALUE),
    "q": Query("q", "q", noun=VALUE),
    "references": Text("references", "references", noun=VALUE, max_length=MAX_REFERENCES_CHARS),
    "sort": Code("sort", "sort", noun=VALUE, codes=SORTS),
}
"""The filters that are no choice, and the order."""
PROMISE_FILTERS = ("progress", "due")
"""The filters of a public list by state and month."""


def list_filters(flow: Flow) -> dict[str, Field]:
    """Return every filter of a list, by name."""
    options = filter_options(flow).items()
    coded = {name: Code(name, name, noun=VALUE, codes=labels) for name, labels in options}
    return coded | UNCODED_FILTERS


def parse_filters(flow: Flow, args: Args, ignored: Collection[str] = ()) -> Filters:
    """Return the filters of an address or a command. Raise `BadQuery`."""
    return Filters(parse_args(_renamed(args), list_filters(flow), ignored))


def _renamed(args: Args) -> Args:
    """Return the arguments of an address as earlier versions wrote it, with `q` for `text`."""
    if "text" not in args or "q" in args:
        return args
    return {"q" if name == "text" else name: values for name, values in args.items()}


def parse_public_filters(flow: Flow, args: Args) -> PublicFilters:
    """Return the filters of a public address, which may hold other names. Raise `BadQuery`.

    An unknown code finds nothing instead of failing.
    """
    names = ("branch", "status", *(facet.name for facet in flow.facets), *PROMISE_FILTERS)
    public = {name: Text(name, name, noun=VALUE) for name in names}
    given = _renamed(args)
    return PublicFilters(parse_args(given, {**public, "q": UNCODED_FILTERS["q"]}, ignored=given))
