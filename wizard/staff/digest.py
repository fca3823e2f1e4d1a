"""The digest by email: what waits for staff, what is new, and what is due or overdue."""

from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import select

from .. import clock
from ..accounts.accounts import find_account, find_account_by_id, locked_account
from ..accounts.audit import Actor, record
from ..db.accounts import StaffUser
from ..db.engine import delete_in_batches, reading, writing
from ..db.models import MailMessage
from ..notify import outbox, unsubscribe
from ..web import links
from . import case_lists, figures

KINDS = {"digest_daily": timedelta(days=1), "digest_weekly": timedelta(days=7)}
"""The kinds of message, and the time that each looks back on."""
DAY_START = time(6)
"""When the day of a digest begins, in the program's time zone: nobody gets one at night."""
MESSAGE_RETENTION = timedelta(days=30)
"""How long a digest is kept after it was sent."""
MAX_LISTED = 10
"""Open cases that a digest names."""


def queue_digests() -> int:
    """Queue the digests that are due today, once; return how many. None is empty."""
    _forget_old()
    active = StaffUser.digest != "", StaffUser.disabled_at.is_(None)
    query, today = select(StaffUser).where(*active).order_by(StaffUser.id), _today()
    with reading() as session:
        if not any(_is_due(user, today) for user in session.scalars(query)):
            return 0
        has_news = {kind: _has_news(kind) for kind in KINDS}
    queued = 0
    with writing() as session:
        users = session.scalars(query.with_for_update(key_share=True)).all()
        for user in (user for user in users if _is_due(user, today)):
            user.digest_on, kind = today, f"digest_{user.digest}"
            if has_news.get(kind):
                name = f"digest.{user.id}-{today:%Y%m%d}"
                outbox.queue_message(kind, user.email, "en", name)
                queued += 1
    return queued


def _today() -> date:
    """Return the day, of which the hours before `DAY_START` belong to the one before."""
    now = clock.local(clock.now())
    return now.date() if now.time() >= DAY_START else now.date() - timedelta(days=1)


def _is_due(user: StaffUser, today: date) -> bool:
    """Return True once a day or, for a weekly digest, from each Monday on."""
    if user.digest_on is None:
        return True
    if user.digest == "weekly":
        return user.digest_on < today - timedelta(days=today.weekday())
    return user.digest_on < today


def _has_news(kind: str) -> bool:
    counts = figures.count_now(clock.now() - KINDS[kind])
    return any((counts.waiting, counts.new, counts.due_soon, counts.overdue))


def _forget_old() -> None:
    """Delete the digests that were sent some time ago."""
    old = MailMessage.created_at < clock.now() - MESSAGE_RETENTION, MailMessage.kind.in_(KINDS)
    delete_in_batches(MailMessage.id, *old)


def _context(message: MailMessage) -> dict[str, Any]:
    """Return what a digest tells. Raise `outbox.NotNeeded` if it is not wanted anymore."""
    user = find_account(message.recipient)
    if user is None or user.disabled_at or f"digest_{user.digest}" != message.kind:
        raise outbox.NotNeeded("The account was disabled, or does not want it anymore.")
    since = message.created_at - KINDS[message.kind]
    return {
        "figures": figures.count_now(since),
        "first_day": clock.local(since).date(),
        "is_weekly": message.kind == "digest_weekly",
        "waiting": case_lists.list_longest_waiting(MAX_LISTED),
        "due": figures.list_due(),
    }


def _unsubscribe_url(message: MailMessage) -> str:
    user = find_account(message.recipient)
    return links.unsubscribe_url("digest", str(user.id)) if user else ""


def stop_digest(user_id: str) -> None:
    """Send no digest anymore to an account, if it still gets one."""
    user = find_account_by_id(int(user_id))
    if user and user.digest:
        with locked_account(user.email) as account:
            record(Actor(account.email), "person_changed", account.email, digest=[user.digest, ""])
            account.digest = ""


outbox.register("digest_daily", "what waits today", _context, "digest", _unsubscribe_url)
outbox.register("digest_weekly", "what waits this week", _context, "digest", _unsubscribe_url)
unsubscribe.register("digest", stop_digest)
