"""Parse the query string of a list: its filters, and the page."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from .. import clock
from ..forms.dates import NOT_A_MOMENT, format_utc, parse_moment
from ..forms.fields import Date, Field
from ..forms.messages import Message, MessageError
from ..forms.text import FORBIDDEN_CHARACTERS, Invalid, replace_forbidden

VALUE = Message("the value")
"""The noun for a filter's value in error messages."""
MAX_SHOWN = 40
"""Characters of a bad name or value that a message repeats."""
PAGE_ARGS = ("older", "newer", "last")

Args = Mapping[str, Sequence[str]]
Key = tuple[datetime, str]
"""The sort key of a row: its moment and its reference."""


class BadQuery(MessageError):
    """An invalid filter or page; the message is for the visitor."""


def parse_args(
    args: Args, allowed: Mapping[str, Field], ignored: Collection[str] = ()
) -> dict[str, str]:
    """Return the clean values of the filters that are set, by name.

    Two days are put in order. Raise `BadQuery` for an invalid value, and for an unknown name: an
    export with a misspelled filter would hold everything.
    """
    for name in args:
        if name not in allowed and name not in ignored:
            raise BadQuery(
                "“%(name)s” isn’t a filter. Available filters: %(names)s.",
                name=replace_forbidden(name[:MAX_SHOWN]),
                names=", ".join(allowed),
            )
    values = {name: _parse_arg(args[name], allowed[name]) for name in allowed if name in args}
    days = [values[name] for name in DAYS if values.get(name)]
    if len(days) == len(DAYS):
        values |= dict(zip(DAYS, sorted(days), strict=True))
    return {name: value for name, value in values.items() if value}


def _parse_arg(values: Sequence[str], field: Field) -> Any:
    if len(values) > 1:
        raise BadQuery(
            "The filter “%(name)s” appears more than once. Use it only once.", name=field.name
        )
    if FORBIDDEN_CHARACTERS.search(values[0]):
        raise BadQuery(
            "The filter “%(name)s” has a character that we can’t read. Remove it.", name=field.name
        )
    try:
        return field.parse(values[0], clock.today())
    except Invalid as invalid:
        raise BadQuery(
            "The filter “%(name)s” can’t be “%(value)s”. %(reason)s",
            name=field.name,
            value=replace_forbidden(values[0][:MAX_SHOWN]),
            reason=invalid.message,
        ) from None


@dataclass(frozen=True, slots=True)
class Code(Field):
    """A filter by one of some codes."""

    _: KW_ONLY
    codes: Collection[str]

    def clean(self, raw: Any, today: date) -> str:
        code = self._single(raw).strip()
        if code not in self.codes:
            raise Invalid("Options: %(values)s.", values=", ".join(self.codes))
        return code


DAYS = {name: Date(name, name, noun=VALUE) for name in ("first_day", "last_day")}
"""The filters by day in the program's time zone; both days are included."""


def within_days(
    column: InstrumentedAttribute[datetime], first_day: str, last_day: str
) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters by day, each of which may be empty."""
    conditions = []
    if first_day:
        conditions.append(column >= clock.midnight(date.fromisoformat(first_day)))
    if last_day:
        next_day = date.fromisoformat(last_day) + timedelta(days=1)
        conditions.append(column < clock.midnight(next_day))
    return conditions


def parse_whole_number(text: str) -> int | None:
    """Parse a number of up to nine digits, which any database can hold, or return None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def wants_bom(args: Mapping[str, str]) -> bool:
    """Return True unless a query string asks for CSV without a byte-order mark."""
    return args.get("bom") != "0"


@dataclass(frozen=True, slots=True)
class PageStart:
    """The start of a page: after `key`, or at the first row of the list if that is None.

    Rows run from the newest to the oldest, `backwards` from the oldest to the newest.
    """

    key: Key | None = None
    backwards: bool = False


def parse_page_start(args: Mapping[str, str]) -> PageStart:
    """Return the page of a list in a query string. Raise `BadQuery`."""
    if newer := args.get("newer"):
        return PageStart(_parse_key(newer), backwards=True)
    if args.get("last"):
        return PageStart(backwards=True)
    older = args.get("older")
    return PageStart(_parse_key(older) if older else None)


def format_key(moment: datetime, reference: str) -> str:
    """Return the key as the value of `older` or `newer`."""
    return f"{format_utc(moment)}_{reference}"


def _parse_key(text: str) -> Key:
    moment, _, reference = text.partition("_")
    try:
        if reference.replace("-", "").isalnum():
            return parse_moment(moment), reference
    except NOT_A_MOMENT:
        pass
    raise BadQuery("That page of the list doesn’t exist. Go to the first page.")


def list_address(path: str, query: Mapping[str, str], args: Mapping[str, str]) -> str:
    """Return the address of a list with its filters, and with the page in `args`."""
    page = {name: args[name] for name in PAGE_ARGS if args.get(name)}
    return f"{path}?{urlencode({**query, **page})}" if query or page else path
