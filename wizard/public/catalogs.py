"""Catalogs of the open data files, for data portals."""

from typing import Any

from .. import clock
from .open_data import LICENSE, SCHEMA, Snapshot, entry_files, json_bytes


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
