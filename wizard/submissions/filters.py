"""Filters of lists and exports: parsed from an address, checked and applied."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from sqlalchemy import ColumnElement, and_, false, func
from sqlalchemy.orm import InstrumentedAttribute

from ..db.models import STATUSES, Submission
from ..forms.fields import Choice, Field, Text
from ..forms.flow import Flow
from ..forms.messages import Message
from ..forms.text import fold_text
from ..web.query import DAYS, VALUE, Args, Code, Moment, parse_args, parse_moment, within_days

is_published = Submission.published_at.is_not(None)
"""What anyone may read; `cases.change_status` sets `published_at` together with the status."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters that are set; an empty one is not.

    `first_day` and `last_day` are days in the program's time zone, both included; `since` is a
    moment, itself excluded.
    `text` is words that must all occur in the organization's name, city, title or reference.
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

    def active(self) -> dict[str, str]:
        """Return the filters that are set, by name, as in an address."""
        return {name: value for name, value in asdict(self).items() if value}

    def without_text(self) -> "Filters":
        """Return the same without the free text, which may hold a person's name."""
        return replace(self, text="")

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the SQL conditions."""
        codes = (
            (Submission.branch, self.branch),
            (Submission.organization_kind, self.kind),
            (Submission.state, self.state),
            (Submission.status, self.status),
        )
        conditions: list[ColumnElement[bool]] = [column == code for column, code in codes if code]
        joined = ((Submission.programs, self.program), (Submission.categories, self.category))
        conditions += [_has_code(column, code) for column, code in joined if code]
        conditions += within_days(Submission.submitted_at, self.first_day, self.last_day)
        if self.since:
            conditions.append(Submission.submitted_at > parse_moment(self.since))
        if self.text:
            words = fold_text(self.text).split() or [self.text]  # accents alone are in no text
            conditions += [Submission.search.contains(word, autoescape=True) for word in words]
        return conditions


def _has_code(column: InstrumentedAttribute[str], code: str) -> ColumnElement[bool]:
    """Match one of the codes that a column joins with `;`.

    `contains` is quick, but matches parts of codes, and ignores case on SQLite; `replace` is exact.
    """
    if ";" in code:
        return false()
    joined = ";" + column + ";"
    is_exact = func.replace(joined, f";{code};", "") != joined
    return and_(column.contains(code, autoescape=True), is_exact)


def filter_options(flow: Flow) -> dict[str, dict[str, str]]:
    """Return the labels by code of every filter that is a choice."""
    return {
        "branch": {branch.name: branch.title for branch in flow.branches},
        "kind": _labels(flow, "organization_kind"),
        "state": _labels(flow, "state"),
        "status": STATUSES,
        "category": _labels(flow, "category"),
        "program": {program.name: program.title for program in flow.programs},
    }


def _labels(flow: Flow, name: str) -> dict[str, str]:
    """Return the labels of the options that a submission can have, without their article."""
    fields = {field.name: field for group in flow.groups for field in group.fields}
    field = flow.fields.get(name) or fields.get(name)
    labels = {each.code: each.label for each in field.options} if isinstance(field, Choice) else {}
    return {
        code: Message(label[2:3].upper() + label[3:]) if label.startswith("a ") else label
        for code, label in labels.items()
        if not (flow.ineligible_when and flow.ineligible_when.holds({name: code}))
    }


UNCODED_FILTERS: dict[str, Field] = {
    **DAYS,
    "since": Moment("since", "since", noun=VALUE),
    "text": Text("text", "text", noun=VALUE),
}
"""The filters that are no choice."""
PUBLIC_FILTERS: dict[str, Field] = {
    name: Text(name, name, noun=VALUE)
    for name in ("branch", "kind", "state", "program", "category", "text")
}
"""The filters of the public list, in which an unknown code finds nothing instead of failing."""


def parse_filters(flow: Flow, args: Args, ignored: Collection[str] = ()) -> Filters:
    """Return the filters of an address or a command. Raises `BadQuery`."""
    options = filter_options(flow).items()
    coded = {name: Code(name, name, noun=VALUE, codes=labels) for name, labels in options}
    return Filters(**parse_args(args, coded | UNCODED_FILTERS, ignored))


def parse_public_filters(args: Args) -> Filters:
    """Return the filters of a public address, which may hold other names. Raises `BadQuery`."""
    return Filters(**parse_args(args, PUBLIC_FILTERS, ignored=args))
