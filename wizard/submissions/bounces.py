"""Bounces: mail servers return a message that they accepted, but could not deliver."""

import logging
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

from flufl.bounce import all_failures

from ..accounts.audit import PROGRAM
from ..db.engine import db, reading, writing
from ..db.models import Submission
from ..notify import outbox
from .cases import CaseErased, locked_case
from .events import record_event
from .messages import STANDARD

MAX_BYTES = 64 * 1024
"""How much of a returned message is read: the report comes first, then our headers."""
MAX_SEPARATORS = 100
"""Lines that may start a part, which also limits how deep they nest. A report has about five; the
library takes the square of their number, 12 seconds for 20,000."""
WHOLE = ("message/rfc822", "message/global")
HEADERS = ("text/rfc822-headers", "message/global-headers")
"""The types of the part that is our message, or its headers (RFC 3462, RFC 6533)."""

LIBRARY_LOG = logging.getLogger("flufl.bounce")


class BounceError(ValueError):
    """What cannot be recorded; the text says why."""


def record_bounce(returned: bytes) -> str:
    """Record that a message of ours came back, by its Message-ID; return that.

    Raise `BounceError` if it is only late, or none of ours.
    """
    message_id, reason = _read(returned)
    with reading():
        message = outbox.find_message(message_id)
        about = message.submission_id if message else None
        submission = db.session.get(Submission, about) if about else None
    if message is None:
        raise BounceError("It returns no message that is stored here.")
    if submission is None:  # it is about a draft, or for staff
        with writing():
            outbox.mark_bounced(message_id, reason)
        return message_id
    try:
        with locked_case(submission.reference) as submission:
            if outbox.mark_bounced(message_id, reason):
                details = {"message": message_id, "reason": reason}
                record_event(submission, "message_bounced", PROGRAM, STANDARD, **details)
    except CaseErased:
        raise BounceError("The answers that it was about were deleted.") from None
    return message_id


def _read(returned: bytes) -> tuple[str, str]:
    """Return our Message-ID, and the reason that the mail server gives."""
    returned = returned[:MAX_BYTES]
    if sum(line.startswith(b"--") for line in returned.splitlines()) > MAX_SEPARATORS:
        raise BounceError("This is not a returned email: it has too many parts.")
    try:
        parts = message_from_bytes(returned)
        LIBRARY_LOG.disabled = True  # it logs tracebacks, with what was returned
        permanent = all_failures(parts)[1]
        message_id, reason = _returned_id(parts), _reason(parts)
    except Exception:  # whatever a stranger sends, the operator is told in a line
        raise BounceError("This is not a returned email that can be read.") from None
    finally:
        LIBRARY_LOG.disabled = False
    if not permanent or not message_id:
        raise BounceError("This doesn’t say that an email of ours could not be delivered.")
    return message_id, reason


def _parts(message: Message) -> Iterator[Message]:
    """Yield the parts of a report, without those within the returned message."""
    is_whole = message.get_content_type() in (*WHOLE, "message/delivery-status")
    if is_whole or not message.is_multipart():
        yield message
        return
    for part in message.get_payload():
        yield from _parts(part)  # type: ignore[arg-type]


def _returned_id(report: Message) -> str:
    """Return the Message-ID of the message that came back, or an empty string."""
    for part in _parts(report):
        if part.get_content_type() in WHOLE:
            headers: Any = part.get_payload(0)
        elif part.get_content_type() in HEADERS:
            headers = message_from_bytes(_decoded(part))
        else:
            continue
        return str(headers.get("Message-ID", "")).strip()
    return ""


def _decoded(part: Any) -> bytes:
    return bytes(part.get_payload(decode=True))


def _reason(report: Message) -> str:
    """Return the code and the words of the mail server on one line."""
    blocks: list[Any] = [
        block
        for part in _parts(report)
        if part.get_content_type() == "message/delivery-status"
        for block in part.get_payload()
    ]
    failed = (
        each for each in blocks if str(each.get("Action", "")).lower().startswith(("fail", "error"))
    )
    block: Any = next(failed, {})
    words = str(block.get("Diagnostic-Code", "")).partition(";")[2]
    said = " ".join(f"{block.get('Status', '')} {words}".split())
    return "".join(filter(str.isprintable, said))[:400]
