"""Read the open data files with what others made. Runs in .venv-data: see `make check-data`."""

import json
import re
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import frictionless
import icalendar
import rdflib

DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")
SCHEMA = rdflib.Namespace("https://schema.org/")
LINKED_DATA = re.compile('<script type="application/ld.json">(.*?)</script>', re.DOTALL)
LEAST_DESCRIPTION = 50
"""Characters that search engines ask of the description of a data set."""


def main(folder: Path) -> None:
    """Check every file, offline; raise AssertionError for the first that is wrong."""
    socket.socket.connect = refuse
    check_tables(folder)
    check_feed(folder)
    check_calendar(folder)
    check_catalog(folder)
    check_pages(folder)
    print("The files are readable.")


def refuse(*args: object) -> None:
    """Raise OSError: no reader may load what a file names."""
    raise OSError("a reader opens a connection")


def check_tables(folder: Path) -> None:
    """Validate the CSV files against the Data Package."""
    package = json.loads((folder / "datapackage.json").read_text("utf-8"))
    for resource in package["resources"]:
        resource["path"] = urlsplit(resource["path"]).path.lstrip("/")
        resource["encoding"] = "utf-8-sig"
    report = frictionless.Package(package, basepath=str(folder)).validate()
    errors = report.flatten(["name", "rowNumber", "fieldName", "type", "note"])
    assert report.valid, errors[:5]
    for task in report.tasks:
        print(f"{task.name}: {task.stats['rows']} rows")
        assert task.stats["rows"], task.name


def check_feed(folder: Path) -> None:
    """Parse the feed strictly."""
    feed = feedparser.parse((folder / "commitments.atom").read_bytes())
    assert not feed.bozo, feed.bozo_exception
    assert feed.version == "atom10"
    assert len({entry.id for entry in feed.entries}) == len(feed.entries) > 0
    print(f"feed: {len(feed.entries)} entries")


def check_calendar(folder: Path) -> None:
    """Parse the calendar; each event has its own UID and is a whole day."""
    calendar = icalendar.Calendar.from_ical((folder / "commitments.ics").read_bytes())
    events = calendar.walk("VEVENT")
    assert len({str(event["UID"]) for event in events}) == len(events) > 0
    for event in events:
        assert not event.errors, event.errors
        assert event["DTSTAMP"].dt.tzinfo
        assert event["DTSTART"].params.get("VALUE") == "DATE"
    print(f"calendar: {len(events)} events")


def check_catalog(folder: Path) -> None:
    """Read the catalog as RDF; each data set has what DCAT-US 3.0 requires."""
    graph = rdflib.Graph().parse(folder / "dcat-us-3.json", format="json-ld")
    sets = set(graph.subjects(rdflib.RDF.type, DCAT.Dataset))
    terms = rdflib.DCTERMS
    required = (terms.title, terms.description, terms.identifier, terms.publisher)
    for each in sets:
        for term in (*required, DCAT.contactPoint):
            assert (each, term, None) in graph, (each, term)
    assert len(sets) > 1
    print(f"catalog: {len(sets)} data sets, {len(graph)} statements")


def check_pages(folder: Path) -> None:
    """Read the pages' linked data as RDF; the list is what schema.org calls a data set."""
    for name, kind in (("list.html", SCHEMA.Dataset), ("page.html", SCHEMA.WebPage)):
        found = json.loads(LINKED_DATA.search((folder / name).read_text("utf-8"))[1])
        # The context is a web page; this is what it says of the names here.
        assert found.pop("@context") == "https://schema.org"
        found["@context"] = {"@vocab": str(SCHEMA)}
        graph = rdflib.Graph().parse(data=json.dumps(found), format="json-ld")
        (subject,) = graph.subjects(rdflib.RDF.type, kind)
        for term in (SCHEMA.name, SCHEMA.url):
            assert (subject, term, None) in graph, (name, term)
        if kind == SCHEMA.Dataset:
            assert len(graph.value(subject, SCHEMA.description)) >= LEAST_DESCRIPTION
            files = list(graph.objects(subject, SCHEMA.distribution))
            assert all((each, SCHEMA.contentUrl, None) in graph for each in files)
            assert len(files) > 1
        print(f"{name}: {len(graph)} statements")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
