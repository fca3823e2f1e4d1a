"""Flags for staff: what in the answers needs a second look. They are facts, not a score."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from ada_url import URL

from .addresses import MAIL_DOMAINS, public_address
from .conditions import Answers
from .dates import format_day
from .fields import Field, LongText, Text, Url
from .flow import Flow
from .groups import Group
from .outputs import entry_label
from .search_words import list_words

MIN_PLAN_WORDS = 8
"""A description with fewer words is very short; one sentence has more."""
FAR_PAST_YEARS, FAR_FUTURE_YEARS = 2, 10
"""A date that is as long before the submission, without a link to what was released, is odd, and so
is one as long after it."""
_PLACEHOLDERS = (
    *("tba", "tbc", "tbd", "to be announced", "to be confirmed", "to be decided"),
    *("to be determined", "lorem ipsum", "not sure yet", "por confirmar", "por decidir"),
    *("por definir", "por determinar"),
)
PLACEHOLDERS = {f" {' '.join(list_words(phrase))} ": phrase for phrase in _PLACEHOLDERS}
"""Words that stand for an answer which is still to come, as they are looked for."""
SHORTENERS = frozenset(
    {"bit.ly", "buff.ly", "cutt.ly", "goo.gl", "is.gd", "ow.ly", "rb.gy", "rebrand.ly", "t.co"}
    | {"t.ly", "tiny.cc", "tinyurl.com"}
)
"""Hosts whose addresses hide where they lead, and may stop working."""
SHARED_HOSTS = frozenset(
    {*MAIL_DOMAINS, "aol.com", "live.com", "msn.com", "me.com", "att.net", "gmx.com", "proton.me"}
    | {"facebook.com", "github.com", "instagram.com", "linkedin.com", "sites.google.com", "x.com"}
    | {"docs.google.com", "drive.google.com", "youtube.com", "twitter.com", "linktr.ee"}
)
"""Hosts of many organizations, which say nothing about one."""
MAX_NAME_CHARS = 300
"""A longer name is cut: it is in an index, where PostgreSQL holds up to 2,704 bytes."""


@dataclass(frozen=True, slots=True)
class Flag:
    """What may be wrong: the question that it is about, and why."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Organization:
    """What tells that two submissions are from the same organization: its name without case,
    accents and punctuation, and the hosts of its web and email addresses. A host that many share is
    empty, as is what is not known."""

    name: str
    web_host: str
    mail_host: str


def find_flags(flow: Flow, answers: Answers, submitted_on: date) -> list[Flag]:
    """Return the signs in answers that were submitted on a day, in the order of the questions."""
    flags: list[Flag] = []
    texts: dict[str, str] = {}
    names = {flow.roles.party, *flow.roles.place}
    for field in flow.columns.values():
        if field.name in names:
            continue
        if isinstance(field, Group):
            for number, entry in enumerate(answers.get(field.name, ()), start=1):
                place = f"{entry_label(field, number)}: "
                flags += _field_flags(field.fields, entry, place)
                flags += _date_flags(field, entry, place, submitted_on)
        elif field.name in answers:
            flags += _field_flags([field], answers)
            flags += _copy_flags(field, answers[field.name], texts)
    return flags


def _field_flags(fields: Collection[Field], answers: Answers, place: str = "") -> Iterator[Flag]:
    for field in fields:
        value = answers.get(field.name)
        if isinstance(field, Url) and value:
            text = _link_fault(value)
        elif isinstance(field, Text) and value and field.public:
            text = _text_fault(field, value)
        else:
            continue
        if text:
            yield Flag(f"{place}{field.label}", text)


def _text_fault(field: Text, value: str) -> str:
    words = list_words(value)
    text = f" {' '.join(words)} "
    for placeholder, phrase in PLACEHOLDERS.items():
        if placeholder in text:
            return f"It says “{phrase}”."
    if isinstance(field, LongText) and len(words) < MIN_PLAN_WORDS:
        return f"Very short: {len(words)} word{'' if len(words) == 1 else 's'}."
    return ""


def _copy_flags(field: Field, value: str, texts: dict[str, str]) -> Iterator[Flag]:
    """Yield a flag if an earlier description has the same text; `texts` has those before."""
    if isinstance(field, LongText) and texts.setdefault(value, field.label) != field.label:
        yield Flag(field.label, f"The same text as “{texts[value]}”.")


def _link_fault(address: str) -> str:
    host = web_host(address)
    if not public_address(address):
        return "The link looks wrong: not everyone can open it."
    if host in SHORTENERS:
        return f"The link hides where it leads: {host} shortens addresses."
    return "" if address.startswith("https:") else "The link isn’t secure: no https."


def _date_flags(group: Group, entry: Answers, place: str, submitted_on: date) -> Iterator[Flag]:
    """Yield a flag if an entry is due long after it was promised, or was long before and nothing
    shows it."""
    if not group.due or group.due not in entry:
        return
    due = date.fromisoformat(entry[group.due])
    label = next(field.label for field in group.fields if field.name == group.due)
    past_years = _count_years(due, submitted_on)
    future_years = _count_years(submitted_on, due)
    if past_years >= FAR_PAST_YEARS and not entry.get(group.link):
        yield Flag(
            f"{place}{label}", f"{format_day(due)} was {past_years} years before the submission."
        )
    if future_years >= FAR_FUTURE_YEARS:
        yield Flag(
            f"{place}{label}", f"{format_day(due)} is {future_years} years after the submission."
        )


def _count_years(start: date, end: date) -> int:
    """Return the number of whole years from one day to another."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def web_host(address: str) -> str:
    """Return the host of a web address without “www.”; empty if there is none."""
    try:
        return URL(address).hostname.removeprefix("www.")
    except ValueError:
        return ""


def describe_organization(name: str, website: str = "", email: str = "") -> Organization:
    """Return what an organization is known by."""
    hosts = web_host(website), email.rpartition("@")[2].lower()
    own = ("" if host in SHARED_HOSTS else host for host in hosts)
    return Organization(" ".join(list_words(name))[:MAX_NAME_CHARS], *own)
