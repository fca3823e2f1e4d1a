"""The Atom feed (RFC 4287)."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from sqlalchemy import JSON, ColumnElement, Connection, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from ..db.models import Event, Submission, SubmissionVersion
from ..db.promises import Progress, Promise
from ..forms.dates import format_utc, parse_moment
from ..forms.flow import Flow, Roles
from ..forms.outputs import public_record
from ..forms.promises import public_groups
from ..forms.reports import OUTCOME_LABELS
from ..submissions.publication import first_published_at, is_public, is_published
from .open_data import EPOCH, LICENSE, AnyRow, Record, Snapshot, newest_records

MAX_FEED_ENTRIES = 50
CORRECTED = ("Corrected", "The answers were corrected. The page says what changed.")
EVENT_SENTENCES = {
    "resubmitted": CORRECTED,
    "corrected": CORRECTED,
    "progress_approved": (
        "Progress",
        "The organization reported progress. The page has its words.",
    ),
    "withdrawn": ("Withdrawn", "The organization’s commitment was withdrawn."),
}
"""The short and the long words for an event after publication, by its kind."""
PROGRESS = "The organization reported: %s. The page has its words."
"""The long words for a report whose outcomes are known."""
AFTER_PUBLICATION = ("resubmitted", "corrected", "progress_approved")
"""The kinds of events that the page of a published commitment tells of."""
SUMMARY_CHARS = 400
FORBIDDEN_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids, even escaped."""


def feed(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the last published commitments as an Atom feed (RFC 4287)."""
    # A generator, so that nothing is read for a 304.
    address, page = _address(snapshot, "commitments.atom"), _address(snapshot, "commitments")
    root = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en-US"})
    _add_element(root, "id", address)
    _add_element(root, "title", f"{snapshot.site.name}: new {snapshot.flow.noun.many}")
    happened = _read_events(snapshot)
    records = [*newest_records(snapshot, MAX_FEED_ENTRIES), *happened]
    records.sort(key=lambda each: str(each.get("at") or each["published_at"]), reverse=True)
    del records[MAX_FEED_ENTRIES:]
    changed = max((parse_moment(each["updated_at"]) for each in records), default=EPOCH)
    _add_element(root, "updated", format_utc(changed))
    _add_element(root, "link", rel="self", type="application/atom+xml", href=address)
    _add_element(root, "link", rel="alternate", type="text/html", href=page)
    _add_element(root, "link", rel="license", href=LICENSE)
    _add_element(SubElement(root, "author"), "name", snapshot.site.name)
    for record in records:
        _add_feed_entry(root, record, snapshot.flow.roles)
    yield ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _address(snapshot: Snapshot, path: str) -> str:
    """Return the URL of a page or file with the filters in a fixed order: it is an id."""
    query = urlencode(sorted(snapshot.filters.items()))
    return snapshot.address(f"{path}?{query}" if query else path)


def _read_events(snapshot: Snapshot) -> list[Record]:
    """Return what last happened to public commitments after their publication, the newest first.

    A withdrawn commitment tells that it was withdrawn, and nothing else.
    """
    after = Event.kind.in_(AFTER_PUBLICATION), Event.at > first_published_at
    older, newer = aliased(SubmissionVersion), aliased(SubmissionVersion)
    query = (
        select(
            Event.id,
            Event.kind,
            Event.at,
            Event.data,
            Submission.id.label("submission_id"),
            Submission.reference,
            Submission.answers,
            Submission.title.label("title"),
            Submission.party.label("party"),
            older.answers.label("before"),
            func.coalesce(newer.answers, Submission.answers, type_=JSON).label("after"),
        )
        .join(Submission, Submission.id == Event.submission_id)
        .outerjoin(older, _is_version(older, Event.version - 1))
        .outerjoin(newer, _is_version(newer, Event.version))
        .where(or_(and_(is_published, *after), and_(~is_published, Event.kind == "withdrawn")))
        .where(is_public, *snapshot.conditions)
        .order_by(Event.id.desc())
        .limit(MAX_FEED_ENTRIES)
    )
    with snapshot.engine.connect() as connection:
        found = connection.execute(query).all()
        outcomes = _read_outcomes(connection, snapshot.flow, found)
    return [
        _event_record(snapshot, row, outcomes.get(row.id, ""))
        for row in found
        if _is_public(snapshot.flow, row)
    ]


def _read_outcomes(
    connection: Connection, flow: Flow, events: Sequence[AnyRow]
) -> Mapping[int, str]:
    """Return what the reports say that were approved, such as `1 done, 2 delayed`, by the ids of
    the events. Those of earlier versions are left out."""
    approved = {row.id: set(row.data.get("approved", ())) for row in events}
    ids = {row.submission_id for row in events if approved[row.id]}
    groups = [group.name for group in public_groups(flow)]
    is_of_promise = (
        Promise.submission_id == Progress.submission_id,
        Promise.entry_id == Progress.entry_id,
    )
    query = select(Progress).join(Promise, and_(*is_of_promise)).order_by(Progress.id)
    shown = Promise.group.in_(groups), Progress.approved.is_(True), Progress.submission_id.in_(ids)
    reports = connection.execute(query.where(*shown)).all()
    found = {}
    for event in events:
        of_event = {  # the newest of each promise
            row.entry_id: row.outcome
            for row in reports
            if row.submission_id == event.submission_id
            and row.entry_id in approved[event.id]
            and row.decided_at
            and row.decided_at <= event.at
        }
        found[event.id] = _count_outcomes(of_event)
    return found


def _count_outcomes(outcomes: Mapping[str, str]) -> str:
    """Return the numbers of outcomes in words; those of unknown ones are left out."""
    counts = Counter(outcomes.values())
    known = {code: str(label).lower() for code, label in OUTCOME_LABELS.items() if counts[code]}
    return ", ".join(f"{counts[code]} {label}" for code, label in known.items())


def _is_version(
    version: type[SubmissionVersion], number: ColumnElement[int] | InstrumentedAttribute[int]
) -> ColumnElement[bool]:
    return and_(version.submission_id == Event.submission_id, version.number == number)


def _is_public(flow: Flow, row: AnyRow) -> bool:
    """Return True unless consent was taken back, or a correction changed private answers alone."""
    is_private = (
        EVENT_SENTENCES[row.kind] is CORRECTED
        and row.before is not None
        and public_record(flow, row.before) == public_record(flow, row.after)
    )
    return flow.consents(row.answers) and not is_private


def _event_record(snapshot: Snapshot, row: AnyRow, outcomes: str) -> Record:
    kind, happened = EVENT_SENTENCES[row.kind]
    roles, url = snapshot.flow.roles, snapshot.address(f"commitments/{row.reference}")
    at = format_utc(row.at)
    return {
        "reference": row.reference,
        "url": url,
        "id": f"{url}#event-{row.id}",
        "at": at,
        "updated_at": at,
        "first_published_at": at,
        roles.title: row.title,
        roles.party: row.party,
        "kind": kind,
        "happened": PROGRESS % outcomes if outcomes else happened,
    }


def _add_feed_entry(root: Element, record: Record, roles: Roles) -> None:
    entry = SubElement(root, "entry")
    summary = next((record[name] for name in roles.summary if name in record), "")
    summary = record.get("happened", summary)
    _add_element(entry, "id", record.get("id") or record["url"])
    title = record.get(roles.title) or record["reference"]
    _add_element(entry, "title", f"{record['kind']}: {title}" if "kind" in record else title)
    _add_element(entry, "updated", record["updated_at"])
    _add_element(entry, "published", record["first_published_at"])
    _add_element(entry, "link", rel="alternate", type="text/html", href=record["url"])
    author = record.get(roles.party) or record["reference"]
    _add_element(SubElement(entry, "author"), "name", author)
    _add_element(entry, "summary", textwrap.shorten(summary, SUMMARY_CHARS, placeholder=" …"))


def _add_element(parent: Element, name: str, text: str = "", **attributes: str) -> None:
    SubElement(parent, name, attributes).text = FORBIDDEN_IN_XML.sub("", text)
