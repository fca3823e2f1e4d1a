"""Which submissions a list or an export is about: read from an address, checked, applied."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from sqlalchemy import ColumnElement, and_, false, func
from sqlalchemy.orm import InstrumentedAttribute

from ..db.models import STATUSES, Submission
from ..forms.fields import Choice, Field, Text
from ..forms.flow import Flow
from ..forms.messages import Message
from ..forms.text import fold_text
from ..web.query import DAYS, VALUE, Args, Code, Moment, parse_args, parse_moment, within_days

is_published = Submission.published_at.is_not(None)
"""What anyone may read: `casework` sets the time when a case becomes published, and takes it off
with the same change that ends that."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What was chosen, empty where nothing was.

    `first_day` and `last_day` are days in UTC, both included; `since` is a moment, and only what
    was submitted after it is meant. `text` is words that must all occur in the organization's
    name, its city, the title or the reference.
    """

    branch: str = ""
    kind: str = ""
    state: str = ""
    status: str = ""
    program: str = ""
    category: str = ""
    first_day: str = ""
    last_day: str = ""
    since: str = ""
    text: str = ""

    def chosen(self) -> dict[str, str]:
        """Those that are set, by name, as an address holds them."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in given.items() if value}

    def without_text(self) -> "Filters":
        """The same without the free text, in which somebody's name may be."""
        return replace(self, text="")

    def conditions(self) -> list[ColumnElement[bool]]:
        """What the store is asked."""
        found: list[ColumnElement[bool]] = []
        columns = {
            "branch": Submission.branch,
            "kind": Submission.organization_kind,
            "state": Submission.state,
            "status": Submission.status,
        }
        for name, column in columns.items():
            if value := getattr(self, name):
                found.append(column == value)
        if self.program:
            found.append(_holds(Submission.programs, self.program))
        if self.category:
            found.append(_holds(Submission.categories, self.category))
        found += within_days(Submission.submitted_at, self.first_day, self.last_day)
        if self.since:
            found.append(Submission.submitted_at > parse_moment(self.since))
        if self.text:
            words = fold_text(self.text).split() or [self.text]  # accents alone are in no text
            found += [Submission.search.contains(word, autoescape=True) for word in words]
        return found


def _holds(column: InstrumentedAttribute[str], code: str) -> ColumnElement[bool]:
    """Match a code among those that a column joins with `;`.

    `contains` is quick, but knows no whole codes, and on SQLite no case: `replace` is exact.
    """
    if ";" in code:
        return false()
    joined = ";" + column + ";"
    is_exact = func.replace(joined, f";{code};", "") != joined
    return and_(column.contains(code, autoescape=True), is_exact)


def filter_options(flow: Flow) -> dict[str, dict[str, str]]:
    """What each filter that is a choice offers: labels by code."""
    return {
        "branch": {branch.name: branch.title for branch in flow.branches},
        "kind": _labels(flow, "organization_kind"),
        "state": _labels(flow, "state"),
        "status": STATUSES,
        "category": _labels(flow, "category"),
        "program": {program.name: program.title for program in flow.programs},
    }


def _labels(flow: Flow, name: str) -> dict[str, str]:
    """The options that a submission can have, as a heading says them: without an article."""
    fields = {field.name: field for group in flow.groups for field in group.fields}
    field = flow.fields.get(name) or fields.get(name)
    labels = {each.code: each.label for each in field.options} if isinstance(field, Choice) else {}
    return {
        code: Message(label[2:3].upper() + label[3:]) if label.startswith("a ") else label
        for code, label in labels.items()
        if not (flow.ineligible_when and flow.ineligible_when.holds({name: code}))
    }


def parse_filters(flow: Flow, args: Args, ignored: Collection[str] = ()) -> Filters:
    """Return the filters of an address, or of a command. Raises `BadFilter`."""
    coded = {
        name: Code(name, name, noun=VALUE, codes=labels)
        for name, labels in filter_options(flow).items()
    }
    return Filters(**parse_args(args, coded | UNCODED, ignored))


UNCODED: dict[str, Field] = {
    **DAYS,
    "since": Moment("since", "since", noun=VALUE),
    "text": Text("text", "text", noun=VALUE),
}
"""The filters that are no choice among codes."""
PUBLIC_FILTERS: dict[str, Field] = {
    name: Text(name, name, noun=VALUE)
    for name in ("branch", "kind", "state", "program", "category", "text")
}
"""The filters of the public list, where a code that nothing has finds nothing, without an error."""


def parse_public_filters(args: Args) -> Filters:
    """Return the filters of a public address, whatever else it holds. Raises `BadFilter`."""
    return Filters(**parse_args(args, PUBLIC_FILTERS, ignored=args))
