"""Search in words: one index of what anyone may read, and one of what staff may read.

What is indexed is written in the transaction that changes it. `index_stale` finds what an older
version of the program, or a restored backup, stored without.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from functools import cache, partial
from itertools import chain
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    column,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute

from ..db.engine import db, empty_write_ahead_log, is_sqlite, reading, writing
from ..db.models import KNOWN_BY, Event, SearchEntry, StaffNote, Submission
from ..forms.flags import Organization, describe_organization
from ..forms.messages import Message, translate_if_message
from ..forms.search_words import Term, index_words, pair_codes, parse_query, text_words
from ..web.current import current_flow
from ..web.languages import LANGUAGES, load_catalog
from .texts import SOURCES, Source, Text, public_texts, read_others, staff_texts

FORMAT = 4
"""Raise it when other words are indexed than before: everything is indexed again."""
FOUND_AT_ONCE, INDEXED_AT_ONCE = 500, 2
"""Stale submissions that are looked up at a time, and that are indexed in one transaction."""
MAX_LOOKED_UP = 2_500
"""Submissions that PostgreSQL finds by the index before it sorts them: more are looked through in
the order of the list."""
MAX_FEW = 500
"""Submissions that are few: their ids fit into a query."""

Index = Literal["public", "staff"]


def matches(query: str, index: Index) -> ColumnElement[bool]:
    """Return the condition that a submission has all words of a query in an index.

    A query of nothing but signs finds nothing. PostgreSQL looks at the words of each row of the
    list if many have them, since a page is soon full; if few have them, it looks them up first.
    """
    if is_sqlite() or not (terms := parse_terms(query)):
        return listed_id().in_(select_matching(query, index))
    condition = _condition_postgresql(terms, index)
    if _estimate(condition) > MAX_LOOKED_UP or _are_many(terms, condition):
        return _entry_meets(condition)
    return Submission.id.in_(_select_found(condition))


def find_few(query: str, index: Index) -> Sequence[int] | None:
    """Return the ids of the submissions that have all words of a query, if they are few."""
    terms = () if is_sqlite() else parse_terms(query)
    if terms and _estimate(_condition_postgresql(terms, index)) > MAX_LOOKED_UP:
        return None
    found = db.session.scalars(select_matching(query, index).limit(MAX_FEW + 1)).all()
    return found if len(found) <= MAX_FEW else None


def has_words(query: str, index: Index) -> ColumnElement[bool]:
    """Return the condition that a submission has all words of a query, to check a few rows."""
    terms = parse_terms(query)
    if not terms:
        return false()
    condition = _condition_sqlite if is_sqlite() else _condition_postgresql
    return _entry_meets(condition(terms, index))


def _entry_meets(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    row = select(SearchEntry.submission_id).where(SearchEntry.submission_id == Submission.id)
    return row.where(condition).offset(0).correlate(Submission).exists()  # 0 keeps it as it is


def _estimate(condition: ColumnElement[bool]) -> int:
    """Return how many submissions PostgreSQL expects to meet a condition on the index."""
    query = select(literal(1)).select_from(SearchEntry).where(condition)
    connection = db.session.connection()
    compiled = query.compile(connection)
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params)
    return int(plan.scalar_one()[0]["Plan"]["Plan Rows"])


def _are_many(terms: Sequence[Term], condition: ColumnElement[bool]) -> bool:
    """Return True if more than `MAX_LOOKED_UP` submissions meet a condition: PostgreSQL cannot
    estimate how many have the beginning of a word. Phrases take too long to compare."""
    if any(len(each.words) > 1 for term in terms for each in term.spellings):
        return False
    return _count(_select_found(condition), MAX_LOOKED_UP + 1) > MAX_LOOKED_UP


def parse_terms(query: str) -> tuple[Term, ...]:
    """Return the terms of a query; a reference may be written without hyphens."""
    return parse_query(query, current_flow().reference_prefix)


def listed_id() -> ColumnElement[int] | InstrumentedAttribute[int]:
    """Return the id of a submission in a list, for a condition that many may meet.

    The sign keeps SQLite at the index of the list, which is sorted: 7 ms instead of 109 for a word
    that half of 100,000 submissions have.
    """
    return literal_column("+submission.id", Submission.id.type) if is_sqlite() else Submission.id


def count(query: str, index: Index, limit: int) -> int:
    """Return how many submissions have all words of a query in an index, up to `limit`."""
    return _count(select_matching(query, index), limit)


def _count(found: Select[Any], limit: int) -> int:
    counted = found.limit(limit).subquery()
    return db.session.scalar(select(func.count()).select_from(counted)) or 0


def select_matching(query: str, index: Index) -> Select[Any]:
    """Return the query of the ids of submissions that have all words of a query in an index."""
    terms = parse_terms(query)
    if not terms:
        return select(Submission.id).where(false())
    if is_sqlite():
        return _match_sqlite(terms, index)
    return _select_found(_condition_postgresql(terms, index))


def _match_sqlite(terms: Iterable[Term], index: Index) -> Select[Any]:
    wanted = (" OR ".join(map(_fts_phrase, term.spellings)) for term in terms)
    joined, name = " AND ".join(f"({each})" for each in wanted), f"search_{index}"
    match = column(name).op("MATCH", is_comparison=True)(bindparam(None, joined))
    return select(column("rowid")).select_from(table(name)).where(match)


def _fts_phrase(way: Term) -> str:
    return f'"{" ".join(way.words)}"{" *" if way.begins else ""}'


def _select_found(condition: ColumnElement[bool]) -> Select[Any]:
    """Return the query of the ids that meet a condition on PostgreSQL's index.

    It is planned by itself, whatever limit is set on it: for one, PostgreSQL would rather read all
    words of many submissions than use the index. The words are compared one row at a time, so that
    a limit ends that.
    """
    query = select(SearchEntry.submission_id).where(condition)
    return select(query.cte("found").prefix_with("MATERIALIZED").c.submission_id)


def _condition_sqlite(terms: Iterable[Term], index: Index) -> ColumnElement[bool]:
    """Return the condition that an entry has all terms; between its words is a space."""
    words = " " + type_coerce(getattr(SearchEntry, index), String) + " "
    return and_(
        *(or_(*(func.instr(words, _spaced(each)) > 0 for each in term.spellings)) for term in terms)
    )


def _spaced(way: Term) -> str:
    return f" {' '.join(way.words)}{'' if way.begins else ' '}"


def _condition_postgresql(terms: Iterable[Term], index: Index) -> ColumnElement[bool]:
    """Return the condition that an entry has all terms."""
    wanted: BindParameter[str] = bindparam(None, " & ".join(map(_tsquery, terms)))
    is_in = getattr(SearchEntry, index).op("@@", is_comparison=True)
    condition: ColumnElement[bool] = is_in(cast(wanted, TSQUERY))
    return condition


def _tsquery(term: Term) -> str:
    """Return the query for a term in each way it is written."""
    return f"({' | '.join(map(_tsquery_spelling, term.spellings))})"


def _tsquery_spelling(term: Term) -> str:
    """Return the query for a term. A phrase also asks for the codes of its pairs: the index has no
    places, so without them each submission with the words anywhere would be compared."""
    codes = pair_codes(term.words[:-1] if term.begins else term.words)
    side_by_side = " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.begins else "")
    wanted = [*(f"'{code}'" for code in codes), f"({side_by_side})"]
    return f"({' & '.join(wanted)})"


def store_words(submission: Submission) -> None:
    """Index a submission as it is now, within the caller's transaction, unless it is already."""
    entry, event_id, note_id, *has_rows = db.session.execute(
        _query_entry(), {"submission": submission.id}
    ).one()
    stamp: dict[str, Any] = {
        "format": FORMAT,
        "lock_version": submission.lock_version,
        "event_id": event_id,
        "note_id": note_id,
    }
    if entry and all(getattr(entry, name) == value for name, value in stamp.items()):
        return
    sources = [source for source, has in zip(SOURCES, has_rows, strict=True) if has]
    stamp |= _index(submission, sources) | _index_party(submission)
    if entry is None:
        db.session.add(SearchEntry(submission_id=submission.id, **stamp))
        return
    for name, value in stamp.items():
        setattr(entry, name, value)


def _index(submission: Submission, sources: Sequence[Source]) -> dict[str, str]:
    """Return the words of each index of a submission; only these sources have texts of it."""
    flow, others = current_flow(), partial(read_others, [submission.id], sources)
    texts: dict[str, Iterable[Text]] = {
        "public": public_texts(flow, submission),
        "staff": chain.from_iterable(staff_texts(flow, submission, others)),
    }
    words_of = cache(text_words)  # what anyone may read is in both
    return {
        name: " ".join(index_words(chain.from_iterable(map(_in_every_language, found)), words_of))
        for name, found in texts.items()
    }


def _index_party(submission: Submission) -> dict[str, str | None]:
    values = astuple(describe_party(submission))
    return {name: value or None for name, value in zip(KNOWN_BY, values, strict=True)}


def describe_party(submission: Submission) -> Organization:
    """Return what the organization of a submission is known by."""
    roles = current_flow().roles
    addresses = (submission.answers.get(name, "") for name in (roles.link, roles.contact))
    return describe_organization(submission.party, *addresses)


@cache
def _query_entry() -> Select[Any]:
    """Return the query of an entry, the last event and note, and which sources have rows."""
    about: BindParameter[int] = bindparam("submission")
    return (
        select(
            SearchEntry,
            *(_last_id(model, about).scalar_subquery() for model in (Event, StaffNote)),
            *(exists().where(each.model.submission_id == about, each.where) for each in SOURCES),
        )
        .select_from(Submission)
        .outerjoin(SearchEntry, SearchEntry.submission_id == Submission.id)
        .where(Submission.id == about)
    )


def _last_id(model: type[Event | StaffNote], submission: Any) -> Select[Any]:
    last = select(func.coalesce(func.max(model.id), 0))
    return last.where(model.submission_id == submission).correlate(Submission)


def _in_every_language(text: Text) -> list[str]:
    """Return a text, or one that the flow declares in each language."""
    _, words = text
    if not isinstance(words, Message):
        return [words]
    return [translate_if_message(words, load_catalog(code).gettext) for code in LANGUAGES]


def index_stale() -> int:
    """Index what was stored or changed without; return how many submissions. The newest first."""
    stored = select(SearchEntry.submission_id).where(
        SearchEntry.submission_id == Submission.id,
        SearchEntry.format == FORMAT,
        SearchEntry.lock_version == Submission.lock_version,
        SearchEntry.event_id == _last_id(Event, Submission.id).scalar_subquery(),
        SearchEntry.note_id == _last_id(StaffNote, Submission.id).scalar_subquery(),
    )
    stale = select(Submission.id).where(Submission.flow == current_flow().name, ~stored.exists())
    query, total = stale.order_by(Submission.id.desc()).limit(FOUND_AT_ONCE), 0
    found = query
    while True:
        with reading() as session:
            ids = session.scalars(found).all()
        for place in range(0, len(ids), INDEXED_AT_ONCE):
            total += _index_all(ids[place : place + INDEXED_AT_ONCE])
        if len(ids) < FOUND_AT_ONCE:
            break
        found = query.where(Submission.id < ids[-1])
    if total:
        empty_write_ahead_log()
    return total


def _index_all(ids: Sequence[int]) -> int:
    """Index some submissions in a transaction; those that another process locked are left to it."""
    query = select(Submission).where(Submission.id.in_(ids))
    locked = query.with_for_update(skip_locked=True, key_share=True)
    with writing() as session:
        found = session.scalars(locked).all()
        for submission in found:
            store_words(submission)
    return len(found)
