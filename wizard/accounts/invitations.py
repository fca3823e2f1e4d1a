"""Links that work once, within 72 hours: to join, or to begin anew with a password or an app.

An admin sends them; nobody reads another's first password. Sending one again ends the one before.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyotp
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from .. import clock
from ..db.accounts import StaffLink, StaffUser, is_open_link
from ..db.engine import db, reading, writing
from ..db.models import MailMessage
from ..notify import outbox
from ..web import links
from . import accounts, passwords, second_factor, sign_in, throttle
from .accounts import AccountError
from .audit import Actor, record
from .second_factor import Setup

LIFETIME = timedelta(hours=72)
MAX_LINKS_PER_DAY = 5
"""Links mailed to one address in a day."""
LINK_RETENTION = timedelta(days=30)
"""How long a link that has ended is kept, to say so to whoever opens it."""
PARTS = {"password": "password", "second_factor": "two-step sign-in"}
"""What a link sets anew, in words."""
ENDED = "This link isn’t open anymore. See the list below."
DISABLED_MEANWHILE = (
    "The account {email} is disabled, so nothing was reset. If it should work again, select “Open "
    "again” on the page “Staff accounts”."
)


class LinkClosed(Exception):
    """A link that does not work, or no longer; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chose on the page that a link opens."""

    name: str
    password: str
    code: str
    setup: Setup
    kept: bool


def invite(email: str, name: str, role: str, actor: Actor) -> str:
    """Send an invitation, which replaces an open one; return its link. Raise `AccountError`."""
    name, email = accounts.clean_name(name), accounts.clean_email(email)
    role = accounts.check_role(role)
    with writing() as session:
        accounts.lock_admins(actor)
        if session.scalar(select(StaffUser.id).where(StaffUser.email == email)):
            raise AccountError(f"There’s already an account for {email}.")
        link = _open_link(StaffLink.email == email) or _new_link(email)
        link.name, link.role, link.sets_password, link.sets_second_factor = name, role, True, True
        record(actor, "invited", email, role=role)
        return _send(link, actor)


def reset(email: str, parts: Collection[str], actor: Actor, *, reopens: bool = False) -> str:
    """End sessions and the `PARTS` that are named; return the mailed link.

    Nobody can sign in to the account until its owner has used the link. Raise `AccountError`, also
    for a disabled account unless the reset `reopens` it.
    """
    unknown = passwords.hash_password(passwords.generate_password())
    with accounts.locked_account(email, actor) as user:
        if user.email == actor.name:
            raise AccountError("You can’t reset your own account. Use “My account”.")
        if user.disabled_at and not reopens:
            raise AccountError(DISABLED_MEANWHILE.format(email=user.email))
        link = _open_link(StaffLink.user_id == user.id) or _new_link(user.email, user.id)
        if "password" in parts:
            user.password_hash, link.sets_password = unknown, True
        if "second_factor" in parts:
            user.totp_secret, user.totp_step = pyotp.random_base32(), 0
            user.recovery_codes, link.sets_second_factor = [], True
        record(actor, "person_changed", user.email, reset=[PARTS[each] for each in parts])
        user.disabled_at = None
        accounts.end_sessions(user)
        throttle.reset(accounts.throttle_key(user.email))
        return _send(link, actor)


def send_again(link_id: str, actor: Actor) -> str:
    """Send an open link again, for another 72 hours; return it. Raise `AccountError`."""
    with writing():
        link = _lock_open(link_id, actor)
        record(actor, "link_sent", link.email)
        return _send(link, actor)


def revoke(link_id: str, actor: Actor) -> None:
    """End an open link. Raise `AccountError`."""
    with writing():
        link = _lock_open(link_id, actor)
        link.revoked_at = clock.now()
        record(actor, "link_revoked", link.email)


def list_open() -> list[StaffLink]:
    """Return the links that nobody has used, also those whose time has passed."""
    with reading() as session:
        return list(
            session.scalars(select(StaffLink).where(is_open_link).order_by(StaffLink.email))
        )


def read_link(token: str) -> tuple[StaffLink, StaffUser | None]:
    """Return an open link, and its account if there is one. Raise `LinkClosed`."""
    with reading():
        return _check(token)


def use_link(token: str, chosen: Choices, address: str) -> tuple[str, StaffUser]:
    """Join or begin anew; return a session token and the account. Raise `LinkClosed`,
    `WeakPassword` and `AccountError`, and then changes nothing."""
    link, known = read_link(token)
    known_hash = known.password_hash if known else ""
    actor = Actor(link.email, address)
    name = known.name if known else accounts.clean_name(chosen.name)
    if link.sets_password:
        passwords.check_strength(chosen.password, link.email, name)
    if known:
        _check_guess(link, known, chosen.password)
    password_hash = passwords.hash_password(chosen.password) if link.sets_password else ""
    try:
        with writing() as session:
            user = _locked_user(link.user_id)
            link, _ = _check(token, lock=True)
            if user is None:
                user = StaffUser(email=link.email, name=name, role=link.role)
            elif user.password_hash != known_hash:
                raise LinkClosed(REPLACED)
            if link.sets_second_factor:
                second_factor.enroll(user, chosen.setup, chosen.code, kept=chosen.kept)
            elif not second_factor.verify_code(user, chosen.code, actor):
                raise AccountError("That code is incorrect or was used already.", "code")
            user.password_hash = password_hash or user.password_hash
            session.add(user)
            session.flush()
            link.used_at, link.user_id = clock.now(), user.id
            accounts.end_sessions(user)
            throttle.reset(_throttle_key(link))
            record(actor, "link_used", link.email, **({} if known else {"role": user.role}))
            return sign_in.open_session(user, actor), user
    except IntegrityError:  # the account was added meanwhile
        raise LinkClosed(TAKEN) from None


def purge_ended() -> int:
    """Delete the links that ended a while ago, and their messages; return how many."""
    with writing() as session:
        old = StaffLink.expires_at < clock.now() - LINK_RETENTION
        ids = list(session.scalars(select(StaffLink.id).where(old)))
        session.execute(delete(MailMessage).where(MailMessage.link_id.in_(ids)))
        session.execute(delete(StaffLink).where(StaffLink.id.in_(ids)))
    return len(ids)


UNKNOWN = "Check that you copied the whole link from the email, or ask an admin for a new one."
REPLACED = "We sent you a newer link, which replaced this one. Use the newest email."
TAKEN = "There’s already an account with your email address. Sign in, or ask an admin to reset it."
USED = "This link was used already, and it works once. You can sign in with what you chose then."
REVOKED = "An admin took this link back. Ask an admin if you think that’s a mistake."
EXPIRED = "This link worked for 72 hours, which have passed. Ask an admin to send it again."
DISABLED = "Your account was disabled. Ask an admin if you think that’s a mistake."


def _check(token: str, *, lock: bool = False) -> tuple[StaffLink, StaffUser | None]:
    """Return an open link and its account, within a transaction. Raise `LinkClosed`."""
    link_id, version = links.parse_staff_token(token) or (None, 0)
    link = link_id and db.session.get(
        StaffLink, link_id, with_for_update=lock or None, populate_existing=True
    )
    if not link:
        raise LinkClosed(UNKNOWN)
    owned = StaffUser.id == link.user_id if link.user_id else StaffUser.email == link.email
    user = db.session.scalar(select(StaffUser).where(owned))
    reasons = {
        USED: link.used_at,
        DISABLED: link.user_id and user and user.disabled_at,
        REVOKED: link.revoked_at,
        REPLACED: link.version != version,
        EXPIRED: link.expires_at <= clock.now(),
        TAKEN: user and not link.user_id,
    }
    for reason, holds in reasons.items():
        if holds:
            raise LinkClosed(reason)
    return link, user


def _check_guess(link: StaffLink, user: StaffUser, password: str) -> None:
    """Count an attempt, since a password or a code can be guessed; check a current password."""
    if refusal := throttle.count_attempt(_throttle_key(link)):
        raise AccountError(refusal, "password")
    if not link.sets_password and not passwords.verify_password(user.password_hash, password):
        raise AccountError("Your current password is incorrect. Try again.", "password")


def _throttle_key(link: StaffLink) -> str:
    return f"link:{link.id.hex}"


def _locked_user(user_id: int | None) -> StaffUser | None:
    """Lock the account before its link, as `reset` does."""
    return (
        user_id
        and db.session.get(StaffUser, user_id, with_for_update=True, populate_existing=True)
        or None
    )


def _open_link(condition: Any) -> StaffLink | None:
    query = select(StaffLink).where(is_open_link, condition).order_by(StaffLink.expires_at.desc())
    return db.session.scalars(query.limit(1).with_for_update()).one_or_none()


def _lock_open(link_id: str, actor: Actor) -> StaffLink:
    accounts.lock_admins(actor)
    try:
        link = _open_link(StaffLink.id == uuid.UUID(link_id))
    except ValueError:
        link = None
    if link is None:
        raise AccountError(ENDED)
    return link


def _new_link(email: str, user_id: int | None = None) -> StaffLink:
    link = StaffLink(id=uuid.uuid4(), version=0, email=email, user_id=user_id)
    link.sets_password = link.sets_second_factor = False
    return link


def _send(link: StaffLink, actor: Actor) -> str:
    """Queue the message, which ends the link before, in the caller's transaction; return it."""
    sent = outbox.count_kind(link.email, timedelta(days=1), "staff_link", "link_id")
    if sent >= MAX_LINKS_PER_DAY:
        raise AccountError(
            f"{link.email} was sent {sent} links within a day. Try again tomorrow, or check the "
            "address."
        )
    link.version += 1
    link.sent_by, link.expires_at = actor.name, clock.now() + LIFETIME
    db.session.add(link)
    name = f"staff-link.{uuid.uuid4()}"
    outbox.queue_message(
        "staff_link", link.email, "en", name, link_id=link.id, version=link.version
    )
    return links.staff_link_url(link.id, link.version)


def _context(message: MailMessage) -> dict[str, Any]:
    link = db.session.get(StaffLink, message.link_id)
    ended = link is None or link.used_at or link.revoked_at or link.version != message.version
    if link is None or ended:
        raise outbox.NotNeeded("This link has ended, or a newer one was sent.")
    return {"link": link, "url": links.staff_link_url(link.id, link.version)}


outbox.register("staff_link", "your staff account", _context)
