"""What in a submission needs a second look, and other submissions of the same organization."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, Subquery, bindparam, literal, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from .. import clock
from ..db.engine import reading
from ..db.models import SearchEntry, Submission
from ..forms.dates import format_day
from ..forms.flags import Flag, find_flags
from ..submissions import search
from ..web.current import current_flow
from ..web.languages import LANGUAGES
from .progress import SentReport

MAX_SHOWN = 5
"""Submissions of the same organization that are shown."""


@dataclass(frozen=True, slots=True)
class PossibleDuplicate:
    """Another submission that seems to be of the same organization, and why."""

    reference: str
    title: str
    status: str
    trait: str
    erased_at: None = None


def list_flags(submission: Submission, sent: Iterable[SentReport] = ()) -> list[Flag]:
    """Return the signs in the answers of a submission, and in the updates that were `sent`; none
    once these were deleted."""
    if submission.erased_at:
        return []
    day = clock.local(submission.submitted_at).date()
    flags = [*find_flags(current_flow(), submission.answers, day), *_find_early(sent, day)]
    if submission.language == "en":
        return flags
    language = LANGUAGES.get(submission.language, submission.language)
    text = f"The answers are in another language: {language}. Emails about them are, too."
    return [Flag("Language", text), *flags]


def _find_early(sent: Iterable[SentReport], submitted_on: date) -> Iterator[Flag]:
    """Yield a flag for each update that waits and names a day before the promise was made."""
    for title, row in (pair for each in sent for pair in each.rows):
        is_waiting = row.approved is None and row.outcome == "done"
        if is_waiting and row.day and row.day < submitted_on:
            day = format_day(row.day)
            yield Flag(title, f"The update says that it was done on {day}, before it was promised.")


def list_possible_duplicates(submission: Submission) -> list[PossibleDuplicate]:
    """Return other submissions of the same organization, those with its name first."""
    name, web, mail = (each or None for each in astuple(search.describe_party(submission)))
    if submission.erased_at or not (name or web or mail):
        return []
    ours = {"id": submission.id, "name": name, "web": web, "mail": mail}
    with reading() as session:
        rows = session.execute(_query_possible_duplicates(), ours).all()
    duplicates: dict[str, PossibleDuplicate] = {}
    for host, reference, title, status in rows:
        trait = f"both use {host}" if host else "the same name"
        duplicates.setdefault(reference, PossibleDuplicate(reference, title, status, trait))
    return list(duplicates.values())[:MAX_SHOWN]


@cache
def _query_possible_duplicates() -> Select[Any]:
    """Return the query of submissions other than `id` with a `name`, or with a host, `web` or
    `mail`, in either address. The first of each are looked up by themselves, in an index."""
    web_host, mail_host = SearchEntry.web_host, SearchEntry.mail_host
    parts = [_first(SearchEntry.organization, "name", literal(""))]
    parts += [
        _first(each, name, each) for each in (web_host, mail_host) for name in ("web", "mail")
    ]
    found = union_all(*map(select, parts)).subquery()
    return (
        select(found.c.host, Submission.reference, Submission.title, Submission.status)
        .join(Submission, Submission.id == found.c.submission_id)
        .where(Submission.erased_at.is_(None))
        .order_by(found.c.host != "", Submission.id, found.c.host)
        .execution_options(planned_once=True)
    )


def _first(known_by: InstrumentedAttribute[str | None], name: str, host: Any) -> Subquery:
    """Return the first submissions other than `id` with the value `name` in a column."""
    key = SearchEntry.submission_id
    query = select(key, host.label("host")).where(
        known_by == bindparam(name), key != bindparam("id")
    )
    return query.order_by(key).limit(MAX_SHOWN).subquery()
