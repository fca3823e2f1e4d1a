"""The dates of promises as calendars (iCalendar, RFC 5545)."""

from collections.abc import Iterable, Iterator
from datetime import UTC
from urllib.parse import urlsplit

from ..forms.promises import STATES
from ..web.tables import join_chunks
from .open_data import EPOCH, Snapshot, published_batches, read_answers, read_promises
from .promise_rows import PublicPromise

MAX_LINE_BYTES = 75


def calendar(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield an event for each promise but those that were kept before they were made."""
    return join_chunks(map(fold_line, _lines(snapshot)))


def _lines(snapshot: Snapshot) -> Iterator[str]:
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield f"PRODID:{escape_text(f'-//{snapshot.site.name}//{snapshot.flow.noun.many}//EN')}"
    for rows in published_batches(snapshot):
        promises = read_promises(snapshot, rows, chosen=True)
        for row in rows:
            stamp = max(row.updated_at or EPOCH, row.published_at).astimezone(UTC)
            shown = promises.get(row.id, ()) if read_answers(snapshot, row) else ()
            for promise in shown:
                if promise.progress != "already_released":
                    about = (row.reference, row.party, f"{stamp:%Y%m%dT%H%M%SZ}")
                    yield from _event_lines(snapshot, promise, *about)
    yield "END:VCALENDAR"


def _event_lines(
    snapshot: Snapshot, promise: PublicPromise, reference: str, party: str, stamp: str
) -> Iterable[str]:
    host = urlsplit(snapshot.site.url).hostname or "localhost"
    title = " – ".join(filter(None, (promise.title or reference, party)))
    yield "BEGIN:VEVENT"
    yield f"UID:{reference}-{promise.entry_id}@{host}"
    yield f"DTSTAMP:{stamp}"
    yield f"DTSTART;VALUE=DATE:{promise.due_on.replace('-', '')}"
    yield f"SUMMARY:{escape_text(title)}"
    yield f"DESCRIPTION:{escape_text(STATES[promise.progress].label)}"
    yield f"URL:{snapshot.address(f'commitments/{reference}')}"
    yield f"STATUS:{'CANCELLED' if promise.progress == 'dropped' else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def escape_text(text: str) -> str:
    """Return the text as a value (RFC 5545, 3.3.11), without control characters."""
    for special in ("\\", ";", ","):
        text = text.replace(special, f"\\{special}")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return "".join(each for each in text if each >= " " and each != "\x7f")


def fold_line(line: str) -> str:
    """Return a line in parts of at most 75 octets, none of which splits a character."""
    if len(line) <= MAX_LINE_BYTES and line.isascii():
        return f"{line}\r\n"
    parts, size = [""], 0
    for each in line:
        width = len(each.encode())
        if size + width > MAX_LINE_BYTES:
            parts.append(" ")
            size = 1
        parts[-1] += each
        size += width
    return "\r\n".join(parts) + "\r\n"
