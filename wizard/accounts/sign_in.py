"""Signing in and out, and sessions.

A session is a row that holds only the hash of the token in its cookie: a copy of the database
opens no session, and deleting the row ends it at once.
"""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, or_, select, update

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
    """Sign in; return (session token, user). Raise `SignInRefused`, which never says why.

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
    now, own = clock.now(), {"own": passwords.hash_token(token)}
    with reading() as session:
        found = session.execute(_query_session(), own | _first_moments(now)).one_or_none()
    if found is None:
        return None
    if now - found.seen_at > LAST_SEEN_RESOLUTION:
        is_own = StaffSession.token_hash == own["own"]
        with writing() as session:
            session.execute(update(StaffSession).where(is_own).values(seen_at=now))
    return CurrentUser(found.id, found.email, found.name, found.role, found.has_factor, own["own"])


@cache
def _query_session() -> Select[*tuple[Any, ...]]:
    """Return the query for an open session and its user."""
    has_factor = StaffUser.totp_secret.is_not(None).label("has_factor")
    user = StaffUser.id, StaffUser.email, StaffUser.name, StaffUser.role, has_factor
    query = select(StaffSession.seen_at, *user).join(
        StaffUser, StaffUser.id == StaffSession.user_id
    )
    ended = _has_ended(seen=bindparam("seen"), created=bindparam("created"))
    return query.where(StaffSession.token_hash == bindparam("own"), ~ended)


def sign_out(user: CurrentUser, actor: Actor) -> None:
    """End the session of this request."""
    with writing() as session:
        session.execute(delete(StaffSession).where(StaffSession.token_hash == user.session))
        record(actor, "signed_out")


def purge_expired() -> int:
    """Delete ended sessions and failed attempts that no longer count; return how many."""
    ended = _has_ended(**_first_moments(clock.now()))
    return delete_in_batches(StaffSession.token_hash, ended) + throttle.purge_expired()


def _first_moments(now: datetime) -> dict[str, datetime]:
    """Return the earliest times at which an open session was last used, and created."""
    return {"seen": now - IDLE_TIMEOUT, "created": now - ABSOLUTE_TIMEOUT}


def _has_ended(seen: Any, created: Any) -> ColumnElement[bool]:
    return or_(StaffSession.seen_at < seen, StaffSession.created_at < created)
