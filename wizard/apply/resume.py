"""Messages with a resume link: one that was asked for, and one reminder before a draft goes.

Nothing that anybody typed is in them but the address they go to.
"""

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from .. import clock
from ..db import models
from ..db.engine import db, write_in_batches
from ..db.models import Draft, Submission
from ..forms.messages import Message
from ..notify import outbox
from ..web import languages, links
from . import drafts

MAX_LINKS_PER_HOUR = 3
"""Resume links that one address gets in an hour, whoever asks for them."""
REMINDER_LEAD = timedelta(days=7)
"""How long before the end of a draft its reminder goes out."""


def mail_link(draft_id: uuid.UUID, address: str) -> None:
    """Queues the resume link, unless the address has had its share: nobody can tell which.

    Nor is one queued for what was submitted meanwhile.
    """
    with drafts.locked_draft(draft_id) as draft:
        if draft is None or draft.submission or _is_over_limit(address):
            return
        draft.link_email = address
        draft.language = languages.get_locale()
        _queue(draft, address, "resume")


def _is_over_limit(address: str) -> bool:
    return outbox.count_recent(address, timedelta(hours=1), "draft_id") >= MAX_LINKS_PER_HOUR


def send_reminders() -> int:
    """Queues one reminder for each draft that ends within a week, where an address is known."""
    if drafts.draft_lifetime() <= REMINDER_LEAD:
        return 0
    ends_soon = select(Draft).where(
        Draft.updated_at <= clock.now() - drafts.draft_lifetime() + REMINDER_LEAD,
        Draft.updated_at > clock.now() - drafts.draft_lifetime(),
        Draft.reminded_at.is_(None),
        Draft.id.not_in(select(Submission.draft_id)),
    )
    return write_in_batches(ends_soon, lambda batch: sum(map(_remind, batch)))


def _remind(draft: Draft) -> bool:
    """Queue the reminder of a draft; return whether an address is known."""
    draft.reminded_at = clock.now()
    address = drafts.journey_for(draft).answers.get("contact_email") or draft.link_email
    if address:
        _queue(draft, address, "reminder")
    return bool(address)


def _queue(draft: Draft, address: str, kind: str) -> None:
    name = f"{kind}.{uuid.uuid4()}"
    outbox.queue_message(kind, address, draft.language, name, draft_id=draft.id)


def _context(message: models.MailMessage) -> dict[str, Any]:
    draft = db.session.get_one(Draft, message.draft_id)
    until = drafts.expires_at(draft)
    link = links.resume_url(draft.id, draft.link_version)
    return {"link": link, "until": until, "kind": message.kind}


outbox.register("resume", Message("your link to go on"), _context)
outbox.register("reminder", Message("your draft is deleted in a week"), _context, "resume")
