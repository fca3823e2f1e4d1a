"""Which submissions a list or an export is about: read from an address, checked, applied."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement

from .fields import EARLIEST_YEAR, LATEST_YEAR, Choice
from .flow import Flow
from .models import STATUSES, Submission
from .outputs import folded
from .text import CANNOT_BE_KEPT, showable
from .words import Message, MessageError

MOST_TEXT = 200
"""Characters of the free text."""


PUBLISHED = Submission.published_at.is_not(None)
"""What anyone may read: `casework` sets the time when a case becomes published, and takes it off
with the same change that ends that."""


class BadFilter(MessageError):
    """A filter that cannot be used; the message says what is wrong with it."""


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
            found.append(Submission.programs.contains(self.program, autoescape=True))
        if self.category:
            padded = ";" + Submission.categories + ";"
            found.append(padded.contains(f";{self.category};", autoescape=True))
        if self.first_day:
            found.append(Submission.submitted_at >= midnight(self.first_day))
        if self.last_day:
            found.append(Submission.submitted_at < midnight(self.last_day) + timedelta(days=1))
        if self.since:
            found.append(Submission.submitted_at > moment(self.since))
        for word in folded(self.text).split():
            found.append(Submission.search.contains(word, autoescape=True))
        return found


def options(flow: Flow) -> dict[str, dict[str, str]]:
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
        if not (flow.exit and flow.exit.holds({name: code}))
    }


def parse(flow: Flow, given: Mapping[str, Sequence[str]], besides: Sequence[str] = ()) -> Filters:
    """The filters of an address, by name; `besides` names what else it may hold.

    Raises `BadFilter`: an export with a filter misspelled would be an export of everything.
    """
    chosen = read(given, [each.name for each in fields(Filters)], besides)
    offered = options(flow)
    for name, value in chosen.items():
        if name in offered and value not in offered[name]:
            raise BadFilter(
                "The filter “%(name)s” cannot be “%(value)s”. It can be: %(values)s.",
                name=name,
                value=value,
                values=", ".join(offered[name]),
            )
    return Filters(**chosen)


def read(
    given: Mapping[str, Sequence[str]], names: Sequence[str], besides: Sequence[str]
) -> dict[str, str]:
    """What an address gives for each of the filters there are. Raises `BadFilter`."""
    for name in given:
        if name not in names and name not in besides:
            shown = showable(name[:40])
            raise BadFilter(
                "There is no filter “%(name)s”. There are: %(names)s.",
                name=shown,
                names=", ".join(names),
            )
    return _read({name: given[name] for name in names if name in given})


PUBLIC = ("branch", "kind", "state", "program", "category", "text")
"""The filters of the public list."""


def parse_public(given: Mapping[str, Sequence[str]]) -> Filters:
    """The filters of a public address, whatever else it holds. A value that no submission has is
    none that is malformed: it finds nothing. Raises `BadFilter`."""
    return Filters(**_read({name: given[name] for name in PUBLIC if name in given}))


def _read(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What is given for each filter and not blank; well-formed, known or not."""
    chosen = {}
    for name, values in given.items():
        if len(values) > 1:
            raise BadFilter("The filter “%(name)s” is given more than once.", name=name)
        value = values[0].strip()
        if len(value) > MOST_TEXT or CANNOT_BE_KEPT.search(value):
            raise BadFilter(
                "The filter “%(name)s” is too long, or holds a character that is no text.",
                name=name,
            )
        if name in ("first_day", "last_day"):
            value and midnight(value)
        elif name == "since":
            value and moment(value)
        if value:
            chosen[name] = value
    return chosen


def midnight(value: str) -> datetime:
    """The first moment of a day like 2027-03-31. Raises `BadFilter`."""
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError
        day = date.fromisoformat(value)
        if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
            raise ValueError
        return datetime.combine(day, time(), UTC)
    except ValueError:
        raise BadFilter("“%(value)s” is no day. Write it like 2027-03-31.", value=value) from None


def moment(value: str) -> datetime:
    """A moment in ISO 8601; one without a zone is in UTC. Raises `BadFilter`."""
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadFilter(
            "“%(value)s” is no moment. Write it like 2027-03-31T17:05:00Z.", value=value
        ) from None
