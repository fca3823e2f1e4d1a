"""The Atom feed (RFC 4287)."""

import re
import textwrap
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from .. import clock
from ..forms.dates import parse_moment
from ..forms.flow import Roles
from .open_data import EPOCH, LICENSE, Record, Snapshot, newest_records

MAX_FEED_ENTRIES = 50
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
    records = newest_records(snapshot, MAX_FEED_ENTRIES)
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
