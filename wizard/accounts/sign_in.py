"""Signing in and out, and sessions.

A session is a row that holds only the hash of the token in its cookie: a copy of the database
opens no session, and deleting the row ends it at once.
"""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update

from .. import clock
from ..db.accounts import StaffSession, StaffUser
from ..db.engine import db, delete_in_batches, reading, writing
from ..forms.text import replace_forbidden
from ..web.limits import address_key
from . import accounts, passwords, second_factor, throttle
from .accounts import AccountError, CurrentUser
from .audit import Actor, record

IDLE_TIMEOUT, ABSOLUTE_TIMEOUT = timedelta(minutes=30), timedelta(hours=12)
"""A session ends that long after its last request, and after signing in."""
LAST_SEEN_RESOLUTION = timedelta(minutes=1)  # update `seen_at` at most this often


class SignInRefused(Exception):
    """A refused sign-in; `wait` is the time until the next attempt is checked at all."""

    def __init__(self, wait: timedelta = timedelta()) -> None:
        self.wait = wait


def sign_in(
    email: str, password: str, code: str, actor_address: str, browser: str
) -> tuple[str, StaffUser]:
    """Sign in; return (session token, user). Raises `SignInRefused`, which never says why.

    `browser` identifies a browser in which this account signed in before, or is empty.
    """
    with suppress(AccountError):
        email = accounts.clean_email(email)
    account_key = f"browser:{browser}" if browser else accounts.throttle_key(email)
    keys = {account_key: throttle.FREE_ATTEMPTS_PER_ACCOUNT}
    if not browser:
        keys[f"address:{address_key(actor_address)}"] = throttle.FREE_ATTEMPTS_PER_ADDRESS
    if wait := throttle.record_attempt(keys):
        raise SignInRefused(wait)
    known = accounts.find_account(replace_forbidden(email))
    known_hash = known.password_hash if known else None
    is_right = passwords.verify_password(known_hash, password)
    with writing() as session:
        user = known and session.get(StaffUser, known.id, with_for_update=True)
        is_right &= user is not None and user.password_hash == known_hash  # not reset meanwhile
        actor = Actor(user.email if user else "unknown", actor_address)
        reason = _reason_to_refuse(user, is_right, code, actor)
        if user is None or reason:
            record(actor, "refused", reason=reason)
        else:
            for key in keys:
                (throttle.reset if key == account_key else throttle.give_back)(key)
            return open_session(user, actor), user
    raise SignInRefused


def open_session(user: StaffUser, actor: Actor) -> str:
    """Open a session in the caller's transaction; return its token."""
    token, now = secrets.token_urlsafe(32), clock.now()
    row = StaffSession(token_hash=passwords.hash_token(token), user_id=user.id)
    row.created_at = row.seen_at = user.signed_in_at = now
    db.session.add(row)
    record(actor, "signed_in")
    return token


def _reason_to_refuse(user: StaffUser | None, is_right: bool, code: str, actor: Actor) -> str:
    if user is None:
        return "no such account"
    if user.disabled_at is not None:
        return "disabled"
    if not is_right:
        return "password"
    return "" if second_factor.verify_code(user, code, actor) else "sign-in code"


def load_session(token: str) -> CurrentUser | None:
    """Return the user of a session that has not ended, and update `seen_at`."""
    now, own = clock.now(), StaffSession.token_hash == passwords.hash_token(token)
    query = select(StaffSession, StaffUser).join(StaffUser, StaffUser.id == StaffSession.user_id)
    with reading() as session:
        found = session.execute(query.where(own, ~_has_ended(now))).one_or_none()
    if found is None:
        return None
    row, user = found
    if now - row.seen_at > LAST_SEEN_RESOLUTION:
        with writing() as session:
            session.execute(update(StaffSession).where(own).values(seen_at=now))
    has_factor = user.totp_secret is not None
    return CurrentUser(user.id, user.email, user.name, user.role, has_factor, row.token_hash)


def sign_out(user: CurrentUser, actor: Actor) -> None:
    """End the session of this request."""
    with writing() as session:
        session.execute(delete(StaffSession).where(StaffSession.token_hash == user.session))
        record(actor, "signed_out")


def purge_expired() -> int:
    """Delete ended sessions and failed attempts that no longer count; return how many."""
    sessions = delete_in_batches(StaffSession.token_hash, _has_ended(clock.now()))
    return sessions + throttle.purge_expired()


def _has_ended(now: datetime) -> ColumnElement[bool]:
    is_idle = StaffSession.seen_at < now - IDLE_TIMEOUT
    return or_(is_idle, StaffSession.created_at < now - ABSOLUTE_TIMEOUT)
