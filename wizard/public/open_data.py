"""The open data: published commitments as CSV and JSON, with a schema, a catalog and a feed.

Of a submission nothing leaves but what `outputs.public_record` lets through, and what is known
about it as a commitment (`schema.columns`). As for the exports, submissions are read in batches,
each in a transaction of its own, and sent as they come.
"""

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from sqlalchemy import Engine, Row, func, select

from .. import clock
from ..db.batches import batches
from ..db.engine import db
from ..db.models import Submission
from ..forms import json_schema
from ..forms.fields import Group
from ..forms.flow import Flow
from ..forms.outputs import cells, public_record
from ..submissions.cases import may_publish
from ..submissions.dictionary import file_stem
from ..submissions.filters import is_published
from ..web.tables import as_csv

SCHEMA = "commitments/schema.json"
"""Where the schema is."""
LICENSE = "https://creativecommons.org/publicdomain/zero/1.0/"
FORMAT = 1
"""To raise when the files change in a way that their schema does not show: caches compare it."""
MAX_FEED_ENTRIES = 50
"""Of the feed."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When the last change was where there is nothing yet."""
COLUMNS = (
    Submission.answers,
    Submission.reference,
    Submission.published_at,
    Submission.branch,
    Submission.programs,
)

Stored = Row[*tuple[Any, ...]]
"""The `COLUMNS` of a submission."""
Record = dict[str, Any]
"""One commitment as it may be read by anyone; JSON values by the names of `schema.columns`."""


@dataclass(frozen=True, slots=True)
class Site:
    """Who publishes: a name, an e-mail address, and the address that all pages start with."""

    name: str
    email: str
    url: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The published commitments as they stand: all that their files say follows from it.

    `newest` is when the last of them was published, `changed` when any case last changed: also
    one that was withdrawn.
    """

    flow: Flow
    site: Site
    count: int
    newest: datetime
    changed: datetime

    @property
    def tag(self) -> str:
        """A short name. Two editions of the same name hold the same."""
        form = (FORMAT, self.flow.version, json_schema.commitment_schema(self.flow), self.site)
        stand = (self.count, self.newest, self.changed)
        return sha256(repr((form, stand)).encode()).hexdigest()[:32]

    def address(self, path: str) -> str:
        """Where a page or file is."""
        return f"{self.site.url}/{path}"


def current_snapshot(flow: Flow, site: Site) -> Snapshot:
    """The edition of this moment, by one query that reads indexes alone."""
    changed = select(func.max(Submission.changed_at)).scalar_subquery()
    published = func.count(), func.max(Submission.published_at)
    query = select(*published, changed).where(is_published)
    with db.engine.connect() as connection:
        count, newest, last = connection.execute(query).one()
    return Snapshot(flow, site, count, newest or EPOCH, last or EPOCH)


def entry_files(flow: Flow) -> dict[str, Group]:
    """The groups with a file of their own, by its name without the ending."""
    fields = json_schema.public_columns(flow).values()
    return {file_stem(field): field for field in fields if isinstance(field, Group)}


# The files


def commitments_csv(edition: Snapshot) -> Iterator[bytes]:
    """A row for each commitment, the oldest first; a group is a count of its entries."""
    columns = json_schema.public_columns(edition.flow)
    rows = (cells(columns, record).values() for record in _published(db.engine, edition))
    return as_csv(tuple(columns), rows)


def entries_csv(edition: Snapshot, group: Group) -> Iterator[bytes]:
    """A row for each entry of a group, numbered from 1 within its commitment."""
    fields = {field.name: field for field in group.fields if field.public}
    rows = (
        (record["reference"], str(number), *cells(fields, entry).values())
        for record in _published(db.engine, edition)
        for number, entry in enumerate(record.get(group.name, ()), start=1)
    )
    return as_csv(("reference", "entry", *fields), rows)


def commitments_json(edition: Snapshot) -> Iterator[bytes]:
    """All of it in one document, a line for each commitment."""
    return _json_document(edition, _published(db.engine, edition))


def _json_document(edition: Snapshot, records: Iterator[Record]) -> Iterator[bytes]:
    described = {"describedBy": edition.address(SCHEMA), "license": LICENSE}
    yield f'{json.dumps(described)[:-1]}, "commitments": ['.encode()
    before = "\n"
    for record in records:
        yield f"{before}{json.dumps(record, ensure_ascii=False)}".encode()
        before = ",\n"
    yield b"\n]}\n"


def schema_json(edition: Snapshot) -> list[bytes]:
    """The schema of `commitments.json`."""
    return _json_bytes(json_schema.document_schema(edition.flow, edition.address(SCHEMA), LICENSE))


def _json_bytes(value: Any) -> list[bytes]:
    return [f"{json.dumps(value, ensure_ascii=False, indent=2)}\n".encode()]


# From the store


def _published(engine: Engine, edition: Snapshot) -> Iterator[Record]:
    """Yield every commitment of an edition that is still published, the oldest first."""
    query = select(*COLUMNS).where(is_published, Submission.published_at <= edition.newest)
    for rows in batches(engine, query, Submission.published_at, Submission.reference):
        yield from (_record(edition, row) for row in rows if may_publish(row.answers))


def _newest(engine: Engine, edition: Snapshot) -> list[Record]:
    """Return the commitments published last, the newest first."""
    order = (Submission.published_at.desc(), Submission.reference.desc())
    query = select(*COLUMNS).where(is_published).order_by(*order).limit(MAX_FEED_ENTRIES)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [_record(edition, row) for row in rows if may_publish(row.answers)]


def _record(edition: Snapshot, row: Stored) -> Record:
    return {
        "reference": row.reference,
        "url": edition.address(f"commitments/{row.reference}"),
        "published_at": clock.iso_utc(row.published_at),
        "branch": row.branch,
        "all_programs": row.programs.split(";") if row.programs else [],
        **public_record(edition.flow, row.answers),
    }


# The catalog


def catalog(edition: Snapshot) -> list[bytes]:
    """Where the files are, as a catalog in DCAT-US 1.1 (Project Open Data Metadata Schema)."""
    standard = "https://project-open-data.cio.gov/v1.1/schema"
    return _json_bytes(
        {
            "@context": f"{standard}/catalog.jsonld",
            "@id": edition.address("data.json"),
            "@type": "dcat:Catalog",
            "conformsTo": standard,
            "describedBy": f"{standard}/catalog.json",
            "dataset": [_dataset(edition)],
        }
    )


def _dataset(edition: Snapshot) -> dict[str, Any]:
    programs = [program.title for program in edition.flow.programs]
    return {
        "@type": "dcat:Dataset",
        "identifier": edition.address("commitments"),
        "title": f"{edition.site.name}: published commitments",
        "description": "What organizations committed to, in their own words: who they are, what "
        "they will do and by when. Each of them agreed that it is published.",
        "keyword": ["commitments", "open data", *programs],
        "modified": clock.iso_utc(edition.changed),
        "accrualPeriodicity": "irregular",
        "language": ["en-US"],
        "publisher": {"@type": "org:Organization", "name": edition.site.name},
        "contactPoint": {
            "@type": "vcard:Contact",
            "fn": edition.site.name,
            "hasEmail": f"mailto:{edition.site.email}",
        },
        "accessLevel": "public",
        "license": LICENSE,
        "landingPage": edition.address("commitments"),
        "distribution": list(_distributions(edition)),
    }


def _distributions(edition: Snapshot) -> Iterator[dict[str, str]]:
    files = {
        f"commitments/{name}.csv": group.label for name, group in entry_files(edition.flow).items()
    }
    for path, title in {"commitments.csv": "Commitments", **files}.items():
        yield _distribution(edition, path, title, "text/csv", "CSV")
    yield _distribution(edition, "commitments.json", "All in one", "application/json", "JSON") | {
        "describedBy": edition.address(SCHEMA),
        "describedByType": "application/schema+json",
    }


def _distribution(
    edition: Snapshot, path: str, title: str, media_type: str, format: str
) -> dict[str, str]:
    return {
        "@type": "dcat:Distribution",
        "title": title,
        "downloadURL": edition.address(path),
        "mediaType": media_type,
        "format": format,
    }


# The feed

SUMMARY_FIELDS = ("commitment_description", "access_plan")
"""The answers that say what will be done, the first that there is."""
SUMMARY_CHARS = 400
"""Characters of one."""
FORBIDDEN_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 can hold, not even escaped."""


def feed(edition: Snapshot) -> Iterator[bytes]:
    """The commitments published last, as an Atom feed (RFC 4287)."""
    return _feed(db.engine, edition)


def _feed(engine: Engine, edition: Snapshot) -> Iterator[bytes]:
    """Made only when it is asked for: a reader who has it already does not."""
    address = edition.address("commitments.atom")
    root = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en-US"})
    _add_element(root, "id", address)
    _add_element(root, "title", f"{edition.site.name}: new commitments")
    _add_element(root, "updated", clock.iso_utc(edition.newest))
    _add_element(root, "link", rel="self", type="application/atom+xml", href=address)
    _add_element(
        root, "link", rel="alternate", type="text/html", href=edition.address("commitments")
    )
    _add_element(root, "link", rel="license", href=LICENSE)
    _add_element(SubElement(root, "author"), "name", edition.site.name)
    for record in _newest(engine, edition):
        _add_feed_entry(root, record)
    yield ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _add_feed_entry(root: Element, record: Record) -> None:
    entry = SubElement(root, "entry")
    said = next((record[name] for name in SUMMARY_FIELDS if name in record), "")
    _add_element(entry, "id", record["url"])
    _add_element(entry, "title", record.get("commitment_title") or record["reference"])
    _add_element(entry, "updated", record["published_at"])
    _add_element(entry, "published", record["published_at"])
    _add_element(entry, "link", rel="alternate", type="text/html", href=record["url"])
    author = record.get("organization_name") or record["reference"]
    _add_element(SubElement(entry, "author"), "name", author)
    _add_element(entry, "summary", textwrap.shorten(said, SUMMARY_CHARS, placeholder=" …"))


def _add_element(parent: Element, name: str, text: str = "", **attributes: str) -> None:
    SubElement(parent, name, attributes).text = FORBIDDEN_IN_XML.sub("", text)
