"""Catalogs of the open data files, for data portals."""

from collections.abc import Iterator
from typing import Any

import orjson

from ..forms.choices import Choice, Choices
from ..forms.dates import format_utc
from ..forms.fields import Date, Field, Moment, Text
from ..forms.flow import Flow
from ..forms.groups import Group
from ..forms.json_schema import entry_columns
from ..forms.promises import KEPT_STATES, public_groups
from .open_data import (
    ENTRY_KEYS,
    LICENSE,
    SCHEMA,
    Record,
    Snapshot,
    commitment_columns,
    entry_files,
    json_bytes,
    published_records,
)
from .updates import update_columns


def catalog(snapshot: Snapshot) -> list[bytes]:
    """Return the catalog of the files in DCAT-US 1.1 (Project Open Data Metadata Schema)."""
    standard = "https://project-open-data.cio.gov/v1.1/schema"
    return json_bytes(
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
        "modified": format_utc(snapshot.changed),
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
    titles["commitments/updates"] = "Approved progress reports"
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


def catalog_3(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the catalog in DCAT-US 3.0, in which each released data set is one of its own.

    The organization is its publisher; no license and no contact of its own is claimed for it.
    """
    about = {
        "@context": CONTEXT_3,
        "@id": snapshot.address("dcat-us-3.json"),
        "@type": "Catalog",
        "title": snapshot.site.name,
        "publisher": {"@type": "Organization", "name": snapshot.site.name},
        "contactPoint": [_contact(snapshot)],
        "modified": format_utc(snapshot.changed),
        "language": ["en"],
        "dataset": [],
    }
    yield orjson.dumps(about).removesuffix(b"]}")
    yield orjson.dumps(_own_dataset(snapshot))
    for record in published_records(snapshot, with_promises=True):
        for name, group in released_groups(snapshot.flow).items():
            for entry in record.get(name, ()):
                if entry.get("progress") in KEPT_STATES:
                    dataset = released_dataset(snapshot, record, group, entry)
                    yield b",\n" + orjson.dumps(dataset)
    yield b"\n]}\n"


CONTEXT_3 = {
    "@vocab": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "title": "dcterms:title",
    "description": "dcterms:description",
    "identifier": "dcterms:identifier",
    "publisher": "dcterms:publisher",
    "issued": "dcterms:issued",
    "modified": "dcterms:modified",
    "language": "dcterms:language",
    "license": "dcterms:license",
    "name": "foaf:name",
    "fn": "vcard:fn",
    "hasEmail": "vcard:hasEmail",
    "Organization": "foaf:Organization",
    "Kind": "vcard:Kind",
}
"""The terms of the names in the catalog, stated here so that nobody has to load them."""


def released_groups(flow: Flow) -> dict[str, Group]:
    """Return the groups whose entries have an address and are promises, by name."""
    return {group.name: group for group in public_groups(flow) if group.link}


def released_dataset(
    snapshot: Snapshot, record: Record, group: Group, entry: Record
) -> dict[str, Any]:
    """Return a released entry as a data set of its organization."""
    flow = snapshot.flow
    party = record.get(flow.roles.party) or record["reference"]
    title = entry.get(group.title) or f"{group.entry} {entry['id']}"
    address = entry.get("result_url") or entry.get(group.link)
    page = f"{record['url']}#entry-{entry['id']}"
    dataset = {
        "@id": page,
        "@type": "Dataset",
        "identifier": page,
        "title": title,
        "description": entry.get("last_report") or f"{title}. {group.kept} by {party}.",
        "publisher": {"@type": "Organization", "name": party},
        "contactPoint": _contact(snapshot),
        "issued": entry.get("done_on") or entry["due_on"],
        "modified": record["updated_at"],
        "keyword": [entry.get(group.topic) or flow.noun.one],
    }
    if address:
        dataset["distribution"] = [{"@type": "Distribution", "title": title, "accessURL": address}]
    return dataset


def _own_dataset(snapshot: Snapshot) -> dict[str, Any]:
    """Return the files as a data set of the program."""
    own = _dataset(snapshot)
    kept = ("identifier", "title", "description", "keyword", "modified", "accrualPeriodicity")
    files = [
        {name: value for name, value in each.items() if name not in ("describedBy", "@type")}
        for each in own["distribution"]
    ]
    for each in files:
        each.pop("describedByType", None)
    return {
        "@id": own["identifier"],
        "@type": "Dataset",
        **{name: own[name] for name in kept},
        "publisher": {"@type": "Organization", "name": snapshot.site.name},
        "contactPoint": _contact(snapshot),
        "language": ["en"],
        "distribution": [{"@type": "Distribution", "license": LICENSE, **each} for each in files],
    }


def _contact(snapshot: Snapshot) -> dict[str, str]:
    email = f"mailto:{snapshot.site.email}"
    return {"@type": "Kind", "fn": snapshot.site.name, "hasEmail": email}


def data_package(snapshot: Snapshot) -> list[bytes]:
    """Return a Data Package (version 2) that describes the CSV files with a Table Schema each."""
    flow = snapshot.flow
    keys = {
        name: Text(name, label, noun="the value", required=True)
        for name, label in (("reference", "Reference"), ("promise_id", "Permanent ID"))
    }
    number = Text("entry", "Number of the entry within its commitment", noun="the number")
    tables: dict[str, tuple[dict[str, Field], list[str]]] = {
        "commitments": (commitment_columns(flow), ["reference"]),
        "commitments/updates": (update_columns(flow), []),
    }
    for name, group in entry_files(flow).items():
        columns = {**keys, "entry": number, **entry_columns(flow, group)}
        ordered = {each: columns[each] for each in (*ENTRY_KEYS, *entry_columns(flow, group))}
        tables[f"commitments/{name}"] = (ordered, ["reference", "promise_id"])
    return json_bytes(
        {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": "commitments",
            "title": f"{snapshot.site.name}: published {flow.noun.many}",
            "homepage": snapshot.address("commitments"),
            "licenses": [{"name": "CC0-1.0", "path": LICENSE}],
            "resources": [
                _resource(snapshot, path, columns, key) for path, (columns, key) in tables.items()
            ],
        }
    )


def _resource(
    snapshot: Snapshot, path: str, columns: dict[str, Field], key: list[str]
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "fields": [_table_field(field) for field in columns.values()],
        "missingValues": [""],
    }
    if key:
        schema["primaryKey"] = key
    return {
        "name": path.rpartition("/")[2],
        "type": "table",
        "path": snapshot.address(f"{path}.csv"),
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"lineTerminator": "\r\n"},
        "schema": schema,
    }


TABLE_TYPES = {Date: "date", Moment: "datetime", Group: "integer"}
"""The type of a column in a Table Schema by that of its question; others are texts."""


def _table_field(field: Field) -> dict[str, Any]:
    described = {"name": field.name, "title": field.label}
    kind = TABLE_TYPES.get(type(field), "string")
    takes_one = not isinstance(field, Choices)
    options = field.options if isinstance(field, Choice) and takes_one else ()
    categories = [{"value": each.code, "label": each.label} for each in options]
    return described | {"type": kind} | ({"categories": categories} if categories else {})
