"""The open data: published commitments, and in short withdrawn ones, as CSV and JSON.

The only data of a submission in the files are `outputs.public_record` and the columns of
`json_schema.public_columns`. Submissions are read and sent in batches, each in its own transaction.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import ColumnElement, Engine, Row, Select, Text, cast, func, literal, select

from .. import clock
from ..db.batches import read_in_batches
from ..db.engine import db
from ..db.models import Event, Submission
from ..db.upgrades import upgrade_submitted
from ..forms import json_schema
from ..forms.conditions import Answers
from ..forms.dates import format_utc
from ..forms.fields import Field
from ..forms.flow import Flow
from ..forms.groups import ENTRY_ID, Group
from ..forms.outputs import cells, public_record
from ..forms.promises import public_groups, shows_promises
from ..submissions.dictionary import file_stem
from ..submissions.filters import Filters
from ..submissions.listing import facet_columns
from ..submissions.publication import first_published_at, is_public, is_published
from ..web.tables import as_csv
from .promise_rows import (
    PublicPromise,
    bare_promise,
    promise_values,
    read_public_promises,
    withdrawn_promise,
)

SCHEMA = "commitments/schema.json"
LICENSE = "https://creativecommons.org/publicdomain/zero/1.0/"
FORMAT = 9
"""Raise it when the files change in a way that their schema does not show: it is in the ETag."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of the last change while nothing is published."""

AnyRow = Row[*tuple[Any, ...]]
Record = dict[str, Any]
"""A published commitment: JSON values by the names of `json_schema.public_columns`."""


@dataclass(frozen=True, slots=True)
class Site:
    """The publisher: its name, e-mail address and base URL."""

    name: str
    email: str
    url: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the published commitments, which determines the contents of all files.

    `newest` is when the last of them was published; `changed` is when any case last changed, also
    one that was withdrawn. Promises have the state of the day `today`, in the time zone `zone`. The
    files hold the commitments that meet `conditions`, which are those of `filters`; if their rows
    are promises, they hold those that meet `promise_conditions`.
    """

    engine: Engine
    flow: Flow
    site: Site
    count: int
    newest: datetime
    changed: datetime
    today: date
    zone: ZoneInfo
    bom: bool = True
    """Whether CSV files begin with a byte-order mark."""
    filters: Filters = field(default_factory=Filters)
    conditions: Sequence[ColumnElement[bool]] = ()
    promise_conditions: Sequence[ColumnElement[bool]] = ()

    @property
    def tag(self) -> str:
        """Return the ETag: snapshots with the same tag have the same files."""
        form = (FORMAT, self.flow.version, json_schema.commitment_schema(self.flow), self.site)
        state = (self.count, self.newest, self.changed, self.today, sorted(self.filters.items()))
        return sha256(repr((form, state)).encode()).hexdigest()[:32]

    def address(self, path: str) -> str:
        """Return the URL of a page or file."""
        return f"{self.site.url}/{path}"


def current_snapshot(flow: Flow, site: Site, *, bom: bool = True) -> Snapshot:
    """Return the current snapshot, by one query that reads only indexes."""
    changed = select(func.max(Submission.changed_at)).scalar_subquery()
    published = func.count(), func.max(Submission.published_at)
    query = select(*published, changed).where(is_published)
    with db.engine.connect() as connection:
        count, newest, last = connection.execute(query).one()
    return Snapshot(
        db.engine,
        flow,
        site,
        count,
        newest or EPOCH,
        last or EPOCH,
        clock.today(),
        clock.zone(),
        bom,
    )


def entry_files(flow: Flow) -> dict[str, Group]:
    """Return the groups that have their own file, by its name without the extension."""
    fields = json_schema.public_columns(flow).values()
    return {file_stem(field): field for field in fields if isinstance(field, Group)}


def commitments_csv(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield a row for each commitment, the oldest first, with the number of entries of groups.

    Those that were withdrawn come last, with few cells.
    """
    columns = commitment_columns(snapshot.flow)
    records = chain(published_records(snapshot), withdrawn_records(snapshot))
    rows = (cells(columns, record).values() for record in records)
    return as_csv(tuple(columns), rows, bom=snapshot.bom)


def commitment_columns(flow: Flow) -> dict[str, Field]:
    """Return the columns of `commitments.csv` by name."""
    withdrawn = {field.name: field for field in json_schema.WITHDRAWN_FIELDS}
    return json_schema.public_columns(flow) | withdrawn


def entries_csv(snapshot: Snapshot, group: Group) -> Iterator[bytes]:
    """Yield a row for each entry of a group, numbered from 1 within its commitment.

    An entry that was removed after it was published, or whose commitment was withdrawn, has no
    answers but its title, topic and date.
    """
    columns = json_schema.entry_columns(snapshot.flow, group)
    of_entry = {field.name: field for field in group.fields if field.public}
    promised = json_schema.PROMISE_FIELDS if shows_promises(group) else ()
    of_entry |= {field.name: field for field in promised}
    of_commitment = {name: each for name, each in columns.items() if name not in of_entry}
    records = chain(
        published_records(snapshot, with_promises=True, only=group),
        withdrawn_records(snapshot, only=group),
    )
    is_part = bool(snapshot.promise_conditions)
    rows = (
        (record["reference"], number, entry[ENTRY_ID], *cells(of_entry, entry).values(), *about)
        for record in records
        for about in [cells(of_commitment, record).values()]
        for number, entry in _numbered_entries(record, group, is_part=is_part)
    )
    return as_csv((*ENTRY_KEYS, *columns), rows, bom=snapshot.bom)


ENTRY_KEYS = ("reference", "entry", "promise_id")
"""The first columns of an entry file."""


def _numbered_entries(
    record: Record, group: Group, *, is_part: bool
) -> Iterator[tuple[str, Record]]:
    """Yield the entries with their number; those that are no longer part of it have none.

    If they `is_part` of all, only those whose promise was chosen are yielded.
    """
    for number, entry in enumerate(record.get(group.name, ()), start=1):
        if "progress" in entry or not is_part:
            yield str(number), entry
    for entry in (*record.get("removed_entries", ()), *record.get("promises", ())):
        if entry["group"] == group.name:
            named = {group.title: "title", group.topic: "topic", group.due: "due_on"}
            shown = {name: entry[key] for name, key in named.items() if name and key in entry}
            yield "", {**entry, **shown}


def commitments_json(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield all commitments as one JSON document, each on its own line."""
    described = {"describedBy": snapshot.address(SCHEMA), "license": LICENSE}
    yield orjson.dumps(described).removesuffix(b"}") + b', "commitments": ['
    yield from _json_lines(published_records(snapshot, with_promises=True))
    yield b'\n], "withdrawn": ['
    yield from _json_lines(withdrawn_records(snapshot))
    yield b"\n]}\n"


def _json_lines(records: Iterable[Record]) -> Iterator[bytes]:
    separator = b"\n"
    for record in records:
        yield separator + orjson.dumps(record)
        separator = b",\n"


def schema_json(snapshot: Snapshot) -> list[bytes]:
    """Return the JSON Schema of `commitments.json`."""
    address = snapshot.address(SCHEMA)
    return json_bytes(json_schema.document_schema(snapshot.flow, address, LICENSE))


def json_bytes(value: Any) -> list[bytes]:
    """Return a document as indented JSON."""
    return [f"{json.dumps(value, ensure_ascii=False, indent=2)}\n".encode()]


def published_records(
    snapshot: Snapshot, *, with_promises: bool = False, only: Group | None = None
) -> Iterator[Record]:
    """Yield the commitments of a snapshot that are still published, the oldest first.

    `with_promises` adds those to their entries. With `only` one group, records have nothing but
    what its file shows, and the promises that were chosen.
    """
    flow, names = snapshot.flow, None
    if only:
        names = {"reference", only.name, *json_schema.entry_columns(flow, only)}
    for rows in published_batches(snapshot):
        chosen = bool(only)
        promises = read_promises(snapshot, rows, only, chosen=chosen) if with_promises else {}
        for row in rows:
            if answers := read_answers(snapshot, row):
                record = _published_record(snapshot, row, answers, names)
                _add_promises(record, promises.get(row.id, ()), flow)
                yield record


def published_batches(snapshot: Snapshot) -> Iterator[Sequence[AnyRow]]:
    """Yield the rows of the commitments that are still published in batches, the oldest first."""
    query = _select_records(snapshot).where(
        is_published, Submission.published_at <= snapshot.newest
    )
    return read_in_batches(snapshot.engine, query, Submission.published_at, Submission.reference)


def withdrawn_records(snapshot: Snapshot, *, only: Group | None = None) -> Iterator[Record]:
    """Yield in short the commitments that were withdrawn after publication, the oldest first.

    With `only` one group, they have its promises that were chosen.
    """
    columns = Submission.first_published_at, Submission.changed_at
    query = (
        _select_records(snapshot)
        .add_columns(*columns)
        .where(
            is_public, Submission.published_at.is_(None), Submission.changed_at <= snapshot.changed
        )
    )
    order = (Submission.first_published_at, Submission.reference)
    for rows in read_in_batches(snapshot.engine, query, *order):
        promises = read_promises(snapshot, rows, only, chosen=bool(only))
        withdrawals = _read_withdrawals(snapshot, rows)
        for row in rows:
            if answers := read_answers(snapshot, row):
                at, reason = withdrawals.get(row.id, (row.changed_at, ""))
                yield _withdrawn_record(snapshot, row, answers) | {
                    "withdrawn_on": at.astimezone(snapshot.zone).date().isoformat(),
                    **({"withdrawal_reason": reason} if reason else {}),
                    "promises": [
                        withdrawn_promise(promise) for promise in promises.get(row.id, ())
                    ],
                }


def _select_records(snapshot: Snapshot) -> Select[*tuple[Any, ...]]:
    """Return the query of what the records are made of."""
    columns = facet_columns(snapshot.flow).items()
    programs = next((column for facet, column in columns if not facet.source), literal(""))
    return select(
        Submission.id,
        # As text: 500 rows with objects at once would take more time and memory.
        cast(Submission.answers, Text).label("answers"),
        Submission.reference,
        Submission.published_at,
        first_published_at.label("listed_at"),
        Submission.updated_at,
        Submission.branch,
        Submission.party.label("party"),
        Submission.flow_version,
        programs.label("programs"),
    ).where(*snapshot.conditions)


def read_answers(snapshot: Snapshot, row: AnyRow) -> Answers:
    """Return the answers as the current version has them; none without consent to publish."""
    flow, stored = snapshot.flow, orjson.loads(row.answers)
    answers = upgrade_submitted(flow, row.reference, row.flow_version, stored)
    return answers if flow.consents(answers) else {}


def _published_record(
    snapshot: Snapshot, row: AnyRow, answers: Answers, names: Collection[str] | None = None
) -> Record:
    """Return a record with all public columns, or with those of some names."""
    flow = snapshot.flow
    columns = json_schema.public_columns(flow) if names is None else names
    facts = {name: fact(snapshot, row) for name, fact in FACTS.items() if name in columns}
    return facts | public_record(flow, answers, names)


FACTS: Mapping[str, Callable[[Snapshot, AnyRow], Any]] = {
    "reference": lambda snapshot, row: row.reference,
    "url": lambda snapshot, row: snapshot.address(f"commitments/{row.reference}"),
    "published_at": lambda snapshot, row: format_utc(row.published_at),
    "first_published_at": lambda snapshot, row: format_utc(row.listed_at),
    "updated_at": lambda snapshot, row: format_utc(max(row.updated_at or EPOCH, row.published_at)),
    "branch": lambda snapshot, row: row.branch,
    "all_programs": lambda snapshot, row: row.programs.split(";") if row.programs else [],
}
"""What is known of a commitment besides its answers, by the name of the column, in their order."""


def _withdrawn_record(snapshot: Snapshot, row: AnyRow, answers: Answers) -> Record:
    facts = {name: FACTS[name](snapshot, row) for name in json_schema.WITHDRAWN_RECORD}
    shown = json_schema.identity_columns(snapshot.flow)
    return facts | {name: answers[name] for name in shown if name in answers}


def read_promises(
    snapshot: Snapshot, rows: Sequence[AnyRow], only: Group | None = None, *, chosen: bool = False
) -> Mapping[int, Sequence[PublicPromise]]:
    """Return the promises of some commitments that the files may show, or those of one group.

    With `chosen`, only those that meet the filters are returned.
    """
    groups = [group for group in public_groups(snapshot.flow) if only in (None, group)]
    ids, conditions = [row.id for row in rows], snapshot.promise_conditions if chosen else ()
    return read_public_promises(snapshot.engine, groups, ids, snapshot.today, conditions)


def _read_withdrawals(
    snapshot: Snapshot, rows: Sequence[AnyRow]
) -> Mapping[int, tuple[datetime, str]]:
    """Return when and why each commitment was last withdrawn."""
    query = select(Event.submission_id, Event.at, Event.data).where(
        Event.submission_id.in_([row.id for row in rows]), Event.kind == "withdrawn"
    )
    with snapshot.engine.connect() as connection:
        found = connection.execute(query.order_by(Event.id)).all()
    return {key: (at, data.get("reason", "")) for key, at, data in found}


def _add_promises(record: Record, promises: Sequence[PublicPromise], flow: Flow) -> None:
    """Add the promises of a commitment to the entries of its record, and those removed."""
    of_entry = {promise.entry_id: promise for promise in promises}
    for group in public_groups(flow) if promises else ():
        for entry in record.get(group.name, ()):
            if promise := of_entry.get(entry.get(ENTRY_ID)):
                entry |= promise_values(promise)
    # Those come last.
    if promises and promises[-1].place is None:
        record["removed_entries"] = [
            bare_promise(promise) | promise_values(promise)
            for promise in promises
            if promise.place is None
        ]


def newest_records(snapshot: Snapshot, limit: int) -> list[Record]:
    """Return the last published commitments, the newest first."""
    order = (Submission.published_at.desc(), Submission.reference.desc())
    query = _select_records(snapshot).where(is_published).order_by(*order).limit(limit)
    with snapshot.engine.connect() as connection:
        rows = connection.execute(query).all()
    found = [(row, read_answers(snapshot, row)) for row in rows]
    return [_published_record(snapshot, row, answers) for row, answers in found if answers]
