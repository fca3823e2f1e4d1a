"""Messages with a resume link: on request, and as a reminder before a draft expires.

They contain no answers.
"""

import uuid
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Any

from flask import g
from flask_limiter import RateLimitExceeded
from sqlalchemy import delete, select, update

from .. import clock
from ..db.engine import db, reading, write_in_batches, writing
from ..db.models import Draft, MailMessage, Submission
from ..forms.messages import Message
from ..notify import outbox, unsubscribe
from ..web import languages, links
from ..web.current import current_flow
from ..web.limits import limiter
from . import drafts

MAX_LINKS_PER_HOUR = 3
"""Resume links mailed to one address in an hour, whoever requests them."""
REMINDER_LEAD = timedelta(days=7)
"""Time between the reminder and the expiry of a draft."""


@limiter.shared_limit(
    f"{MAX_LINKS_PER_HOUR} per hour", "resume links", key_func=lambda: g.link_recipient
)
def _count_link() -> None:
    """Count a link for `g.link_recipient`: what is queued is forgotten with its draft.

    Raise `RateLimitExceeded`.
    """


def request_link(draft_id: uuid.UUID, address: str) -> None:
    """Queue the resume link as `mail_link` does, for a request that counts it."""
    g.link_recipient = sha256(address.lower().encode()).hexdigest()
    with suppress(RateLimitExceeded):
        _count_link()
        mail_link(draft_id, address)


def mail_link(draft_id: uuid.UUID, address: str) -> None:
    """Queue the resume link, unless the draft was submitted or the address is over its limit.

    The visitor is not told which, so that the limit reveals nothing about an address.
    """
    with drafts.locked_draft(draft_id) as draft:
        if draft is None or draft.submission:
            return
        if outbox.count_recent(address, timedelta(hours=1), "draft_id") < MAX_LINKS_PER_HOUR:
            draft.link_email = address
            draft.language = languages.get_locale()
            _queue(draft, address, "resume")


def renew_link(draft_id: uuid.UUID) -> None:
    """End the resume link of a draft, and with it the page tokens; a new one opens it from now.

    Messages that wait are deleted, and the address is forgotten: they would get the new link.
    """
    with drafts.locked_draft(draft_id) as draft:
        if draft and not draft.submission:
            draft.link_version += 1
            draft.link_email = None
            waiting = MailMessage.draft_id == draft.id, MailMessage.sent_at.is_(None)
            db.session.execute(delete(MailMessage).where(*waiting))


def stop_reminders(draft_id: str) -> None:
    """Send no reminder of a draft, if it is still there."""
    is_it = Draft.id == uuid.UUID(draft_id), Draft.wants_reminders.is_(True)
    with reading() as session:
        if session.scalar(select(Draft.id).where(*is_it)) is None:
            return
    with writing() as session:
        session.execute(update(Draft).where(*is_it).values({Draft.wants_reminders: False}))


def send_reminders() -> int:
    """Queue one reminder for each draft that expires within a week; return how many were queued."""
    if drafts.draft_lifetime() <= REMINDER_LEAD:
        return 0
    ends_soon = select(Draft).where(
        Draft.flow == current_flow().name,
        Draft.updated_at < drafts.expiry_cutoff() + REMINDER_LEAD,
        Draft.updated_at >= drafts.expiry_cutoff(),
        Draft.reminded_at.is_(None),
        Draft.wants_reminders.is_(True),
        Draft.id.not_in(select(Submission.draft_id)),
    )
    return write_in_batches(ends_soon, lambda batch: sum(map(_remind, batch)))


def _remind(draft: Draft) -> bool:
    """Queue the reminder of a draft; return False if no address is known."""
    draft.reminded_at = clock.now()
    address = (
        drafts.journey_for(draft).answers.get(current_flow().roles.contact) or draft.link_email
    )
    if address:
        _queue(draft, address, "reminder")
    return bool(address)


def _queue(draft: Draft, address: str, kind: str) -> None:
    name = f"{kind}.{uuid.uuid4()}"
    outbox.queue_message(kind, address, draft.language, name, draft_id=draft.id)


def _context(message: MailMessage) -> dict[str, Any]:
    """Return what the template shows. Raise `outbox.NotNeeded` if nothing is left to remind of."""
    draft = db.session.get_one(Draft, message.draft_id)
    if message.kind == "reminder" and (draft.submission or not draft.wants_reminders):
        raise outbox.NotNeeded("Nothing is left to remind of.")
    link = links.resume_url(draft.id, draft.link_version)
    return {"link": link, "until": drafts.last_day(draft), "kind": message.kind}


outbox.register("resume", Message("link to continue your draft"), _context)
outbox.register(
    "reminder",
    Message("your draft will be deleted in a week"),
    _context,
    "resume",
    lambda message: links.unsubscribe_url("draft", str(message.draft_id)),
)
unsubscribe.register("draft", stop_reminders)
