"""The open data: published commitments as CSV and JSON, with a schema, a catalog and a feed.

The only data of a submission in the files are `outputs.public_record` and the columns of
`json_schema.public_columns`. Submissions are read and sent in batches, each in its own transaction.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from sqlalchemy import Engine, Row, Select, func, literal, select

from .. import clock
from ..db.batches import read_in_batches
from ..db.engine import db
from ..db.models import Submission
from ..db.upgrades import upgrade_submitted
from ..forms import json_schema
from ..forms.dates import parse_moment
from ..forms.flow import Flow, Roles
from ..forms.groups import ENTRY_ID, Group
from ..forms.outputs import cells, public_record
from ..submissions.dictionary import file_stem
from ..submissions.filters import first_published_at, is_published
from ..submissions.listing import facet_columns
from ..web.tables import as_csv

SCHEMA = "commitments/schema.json"
LICENSE = "https://creativecommons.org/publicdomain/zero/1.0/"
FORMAT = 2
"""Raise it when the files change in a way that their schema does not show: it is in the ETag."""
MAX_FEED_ENTRIES = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of the last change while nothing is published."""

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
    one that was withdrawn.
    """

    engine: Engine
    flow: Flow
    site: Site
    count: int
    newest: datetime
    changed: datetime
    bom: bool = True
    """Whether CSV files begin with a byte-order mark."""

    @property
    def tag(self) -> str:
        """Return the ETag: snapshots with the same tag have the same files."""
        form = (FORMAT, self.flow.version, json_schema.commitment_schema(self.flow), self.site)
        state = (self.count, self.newest, self.changed)
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
    return Snapshot(db.engine, flow, site, count, newest or EPOCH, last or EPOCH, bom)


def entry_files(flow: Flow) -> dict[str, Group]:
    """Return the groups that have their own file, by its name without the extension."""
    fields = json_schema.public_columns(flow).values()
    return {file_stem(field): field for field in fields if isinstance(field, Group)}


def commitments_csv(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield a row for each commitment, the oldest first, with the number of entries of groups."""
    columns = json_schema.public_columns(snapshot.flow)
    rows = (cells(columns, record).values() for record in _published(snapshot))
    return as_csv(tuple(columns), rows, bom=snapshot.bom)


def entries_csv(snapshot: Snapshot, group: Group) -> Iterator[bytes]:
    """Yield a row for each entry of a group, numbered from 1 within its commitment."""
    fields = {field.name: field for field in group.fields if field.public}
    rows = (
        (record["reference"], str(number), entry[ENTRY_ID], *cells(fields, entry).values())
        for record in _published(snapshot)
        for number, entry in enumerate(record.get(group.name, ()), start=1)
    )
    return as_csv(("reference", "entry", "promise_id", *fields), rows, bom=snapshot.bom)


def commitments_json(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield all commitments as one JSON document, each on its own line."""
    described = {"describedBy": snapshot.address(SCHEMA), "license": LICENSE}
    yield f'{json.dumps(described)[:-1]}, "commitments": ['.encode()
    separator = "\n"
    for record in _published(snapshot):
        yield f"{separator}{json.dumps(record, ensure_ascii=False)}".encode()
        separator = ",\n"
    yield b"\n]}\n"


def schema_json(snapshot: Snapshot) -> list[bytes]:
    """Return the JSON Schema of `commitments.json`."""
    address = snapshot.address(SCHEMA)
    return _json_bytes(json_schema.document_schema(snapshot.flow, address, LICENSE))


def _json_bytes(value: Any) -> list[bytes]:
    return [f"{json.dumps(value, ensure_ascii=False, indent=2)}\n".encode()]


def _published(snapshot: Snapshot) -> Iterator[Record]:
    """Yield the commitments of a snapshot that are still published, the oldest first."""
    query = _select_published(snapshot.flow).where(Submission.published_at <= snapshot.newest)
    for rows in read_in_batches(
        snapshot.engine, query, Submission.published_at, Submission.reference
    ):
        yield from _records(snapshot, rows)


def _newest(snapshot: Snapshot) -> list[Record]:
    """Return the last published commitments, the newest first."""
    order = (Submission.published_at.desc(), Submission.reference.desc())
    query = _select_published(snapshot.flow).order_by(*order).limit(MAX_FEED_ENTRIES)
    with snapshot.engine.connect() as connection:
        rows = connection.execute(query).all()
    return list(_records(snapshot, rows))


def _select_published(flow: Flow) -> Select[*tuple[Any, ...]]:
    """Return the query of what the records are made of."""
    columns = facet_columns(flow).items()
    programs = next((column for facet, column in columns if not facet.source), literal(""))
    return select(
        Submission.answers,
        Submission.reference,
        Submission.published_at,
        first_published_at.label("first_published_at"),
        Submission.updated_at,
        Submission.branch,
        Submission.flow_version,
        programs.label("programs"),
    ).where(is_published)


def _records(snapshot: Snapshot, rows: Iterable[Row[*tuple[Any, ...]]]) -> Iterator[Record]:
    """Yield the records of the rows that may be published."""
    flow, columns = snapshot.flow, json_schema.public_columns(snapshot.flow)
    for row in rows:
        answers = upgrade_submitted(flow, row.reference, row.flow_version, row.answers)
        if flow.consents(answers):
            record = {
                "reference": row.reference,
                "url": snapshot.address(f"commitments/{row.reference}"),
                "published_at": clock.iso_utc(row.published_at),
                "first_published_at": clock.iso_utc(row.first_published_at),
                "updated_at": clock.iso_utc(max(row.updated_at or EPOCH, row.published_at)),
                "branch": row.branch,
                "all_programs": row.programs.split(";") if row.programs else [],
            }
            record = {name: record[name] for name in columns if name in record}
            yield record | public_record(flow, answers)


def catalog(snapshot: Snapshot) -> list[bytes]:
    """Return the catalog of the files in DCAT-US 1.1 (Project Open Data Metadata Schema)."""
    standard = "https://project-open-data.cio.gov/v1.1/schema"
    return _json_bytes(
        {
            "@context": f"{standard}/catalog.jsonld",
            "@id": snapshot.address("data.json"),
            "@type": "dcat:Catalog",
            "conformsTo": standard,
            "describedBy": f"{standard}/catalog.json",
            "dataset": [_dataset(snapshot)],
        }
    )


def _dataset(snapshot: Snapshot) -> dict[str, Any]:
    programs, noun = [program.title for program in snapshot.flow.programs], snapshot.flow.noun
    return {
        "@type": "dcat:Dataset",
        "identifier": snapshot.address("commitments"),
        "title": f"{snapshot.site.name}: published {noun.many}",
        "description": f"Every published {noun.one}, in the words of whoever submitted it and with "
        "their permission.",
        "keyword": [noun.many, "open data", *programs],
        "modified": clock.iso_utc(snapshot.changed),
        "accrualPeriodicity": "irregular",
        "language": ["en-US"],
        "publisher": {"@type": "org:Organization", "name": snapshot.site.name},
        "contactPoint": {
            "@type": "vcard:Contact",
            "fn": snapshot.site.name,
            "hasEmail": f"mailto:{snapshot.site.email}",
        },
        "accessLevel": "public",
        "license": LICENSE,
        "landingPage": snapshot.address("commitments"),
        "distribution": _distributions(snapshot),
    }


def _distributions(snapshot: Snapshot) -> list[dict[str, str]]:
    entries = entry_files(snapshot.flow).items()
    titles = {"commitments": snapshot.flow.noun.many.capitalize()}
    titles |= {f"commitments/{name}": group.label for name, group in entries}
    schema = snapshot.address(SCHEMA)
    described = {"describedBy": schema, "describedByType": "application/schema+json"}
    files = [(f"{path}.csv", title, "text/csv", "CSV") for path, title in titles.items()]
    files.append(("commitments.json", "All in one", "application/json", "JSON"))
    return [
        {
            "@type": "dcat:Distribution",
            "title": title,
            "downloadURL": snapshot.address(path),
            "mediaType": media_type,
            "format": format,
            **(described if format == "JSON" else {}),
        }
        for path, title, media_type, format in files
    ]


SUMMARY_CHARS = 400
FORBIDDEN_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids, even escaped."""


def feed(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the last published commitments as an Atom feed (RFC 4287)."""
    # A generator, so that nothing is read for a 304.
    address, page = snapshot.address("commitments.atom"), snapshot.address("commitments")
    root = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en-US"})
    _add_element(root, "id", address)
    _add_element(root, "title", f"{snapshot.site.name}: new {snapshot.flow.noun.many}")
    records = _newest(snapshot)
    changed = max((parse_moment(each["updated_at"]) for each in records), default=EPOCH)
    _add_element(root, "updated", clock.iso_utc(changed))
    _add_element(root, "link", rel="self", type="application/atom+xml", href=address)
    _add_element(root, "link", rel="alternate", type="text/html", href=page)
    _add_element(root, "link", rel="license", href=LICENSE)
    _add_element(SubElement(root, "author"), "name", snapshot.site.name)
    for record in records:
        _add_feed_entry(root, record, snapshot.flow.roles)
    yield ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _add_feed_entry(root: Element, record: Record, roles: Roles) -> None:
    entry = SubElement(root, "entry")
    summary = next((record[name] for name in roles.summary if name in record), "")
    _add_element(entry, "id", record["url"])
    _add_element(entry, "title", record.get(roles.title) or record["reference"])
    _add_element(entry, "updated", record["updated_at"])
    _add_element(entry, "published", record["first_published_at"])
    _add_element(entry, "link", rel="alternate", type="text/html", href=record["url"])
    author = record.get(roles.party) or record["reference"]
    _add_element(SubElement(entry, "author"), "name", author)
    _add_element(entry, "summary", textwrap.shorten(summary, SUMMARY_CHARS, placeholder=" …"))


def _add_element(parent: Element, name: str, text: str = "", **attributes: str) -> None:
    SubElement(parent, name, attributes).text = FORBIDDEN_IN_XML.sub("", text)
