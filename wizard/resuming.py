"""Messages with a resume link: one that was asked for, and one reminder before a draft goes.

Nothing that anybody typed is in them but the address they go to.
"""

import uuid
from datetime import timedelta

from sqlalchemy import func, select

from . import clock, drafts, languages, links, outbox
from .extensions import db, write_in_batches
from .models import Draft, OutboxMessage, Submission
from .words import Message

MOST_TO_ONE_ADDRESS = 3
"""Resume links that one address gets in an hour, whoever asks for them."""
REMINDER = timedelta(days=7)
"""How long before the end of a draft its reminder goes out."""


def mail_link(draft_id: uuid.UUID, address: str) -> None:
    """Queues the resume link, unless the address has had its share: nobody can tell which."""
    with drafts.editing(draft_id) as draft:
        _one_at_a_time(address)
        if draft is None or _had_its_share(address):
            return
        draft.mailed_to = address
        draft.language = languages.current()
        _queue(draft, address, "resume", Message("your link to go on"))


def _one_at_a_time(address: str) -> None:
    """Two drafts could ask for the same address at once; SQLite has one writer anyway."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(address.lower()))))


def _had_its_share(address: str) -> bool:
    about_drafts = OutboxMessage.draft_id.is_not(None)
    lately = outbox.lately(address, timedelta(hours=1)).where(about_drafts)
    return db.session.scalars(lately).one() >= MOST_TO_ONE_ADDRESS


def remind() -> int:
    """Queues one reminder for each draft that ends within a week, where an address is known."""
    if drafts.lifetime() <= REMINDER:
        return 0
    ends_soon = select(Draft).where(
        Draft.updated_at <= clock.now() - drafts.lifetime() + REMINDER,
        Draft.updated_at > clock.now() - drafts.lifetime(),
        Draft.reminded_at.is_(None),
        Draft.id.not_in(select(Submission.draft_id)),
    )
    return write_in_batches(ends_soon, lambda batch: sum(map(_remind, batch)))


def _remind(draft: Draft) -> bool:
    """Queue the reminder of a draft; return whether an address is known."""
    draft.reminded_at = clock.now()
    address = drafts.journey(draft).answers.get("contact_email") or draft.mailed_to
    if address:
        _queue(draft, address, "reminder", Message("your draft is deleted in a week"))
    return bool(address)


def _queue(draft: Draft, address: str, kind: str, subject: Message) -> None:
    context = {"link": links.PLACE, "until": drafts.kept_until(draft), "kind": kind}
    with languages.speaking(draft.language):
        name = f"{kind}.{uuid.uuid4()}"
        outbox.queue_message("resume", name, address, subject, context, draft_id=draft.id)
