"""Signing in and out, and sessions.

A session is a row, by the hash of the token in its cookie: a copy of the store opens none, and
deleting the row ends it at once.
"""

import secrets
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from .. import clock
from ..db.engine import delete_in_batches, reading, writing
from ..db.models import StaffSession, StaffUser
from ..forms.text import replace_forbidden
from ..web.limits import address_key
from . import accounts, passwords, second_factor, throttle
from .accounts import AccountError, CurrentUser
from .audit import Actor, record
from .passwords import hash_token

IDLE_TIMEOUT, ABSOLUTE_TIMEOUT = timedelta(minutes=30), timedelta(hours=12)
"""When a session ends: that long after its last request, and after signing in."""
LAST_SEEN_RESOLUTION = timedelta(minutes=1)
"""Update `seen_at` at most this often."""


class SignInRefused(Exception):
    """No sign-in; `wait` is how long until the next attempt is checked at all."""

    def __init__(self, wait: timedelta = timedelta()) -> None:
        self.wait = wait


def sign_in(
    email: str, password: str, code: str, actor_address: str, browser: str
) -> tuple[str, StaffUser]:
    """Sign in; return (session token, user). Raises `SignInRefused`, which never says why.

    `browser` names a browser in which this account signed in before, or is empty.
    """
    with suppress(AccountError):
        email = accounts.clean_email(email)
    account = f"browser:{browser}" if browser else accounts.throttle_key(email)
    keys = {account: throttle.FREE_ATTEMPTS_PER_ACCOUNT}
    if not browser:
        keys[f"address:{address_key(actor_address)}"] = throttle.FREE_ATTEMPTS_PER_ADDRESS
    if wait := throttle.record_attempt(keys):
        raise SignInRefused(wait)
    known = accounts.find_account(replace_forbidden(email))
    fits = passwords.verify_password(known.password_hash if known else None, password)
    with writing() as session:
        user = known and session.get(StaffUser, known.id, with_for_update=True)
        if user is None or known is None or user.password_hash != known.password_hash:
            fits = False  # it was reset meanwhile
        actor = Actor(user.email if user else "unknown", actor_address)
        reason = _reason_to_refuse(user, fits, code, actor)
        if user is None or reason:
            record(actor, "refused", reason=reason)
        else:
            throttle.reset(account)
            record(actor, "signed_in")
            return _open_session(session, user), user
    raise SignInRefused


def _reason_to_refuse(user: StaffUser | None, fits: bool, code: str, actor: Actor) -> str:
    """Return the reason for the audit log; empty if there is none."""
    if user is None:
        return "no such account"
    if user.disabled_at is not None:
        return "disabled"
    if not fits:
        return "password"
    return "" if second_factor.verify_code(user, code, actor) else "second factor"


def _open_session(session: Session, user: StaffUser) -> str:
    token = secrets.token_urlsafe(32)
    now = clock.now()
    session.add(
        StaffSession(token_hash=hash_token(token), user_id=user.id, created_at=now, seen_at=now)
    )
    return token


def load_session(token: str) -> CurrentUser | None:
    """Return the user of a session that lasts, and note when it was last seen."""
    query = select(StaffSession, StaffUser).join(StaffUser, StaffUser.id == StaffSession.user_id)
    query = query.where(StaffSession.token_hash == hash_token(token))
    with reading() as session:
        found = session.execute(query).one_or_none()
    if found is None:
        return None
    row, user = found
    now = clock.now()
    if now - row.seen_at > IDLE_TIMEOUT or now - row.created_at > ABSOLUTE_TIMEOUT:
        return None
    if now - row.seen_at > LAST_SEEN_RESOLUTION:
        with writing() as session:
            own = StaffSession.token_hash == row.token_hash
            session.execute(update(StaffSession).where(own).values(seen_at=now))
    return CurrentUser(user.id, user.email, user.role, user.totp_secret is not None, row.token_hash)


def sign_out(user: CurrentUser, actor: Actor) -> None:
    """End a session."""
    with writing() as session:
        session.execute(delete(StaffSession).where(StaffSession.token_hash == user.session))
        record(actor, "signed_out")


def purge_expired() -> int:
    """Delete the sessions that are over, and failed attempts that no longer count."""
    now = clock.now()
    over = or_(
        StaffSession.seen_at < now - IDLE_TIMEOUT,
        StaffSession.created_at < now - ABSOLUTE_TIMEOUT,
    )
    return delete_in_batches(StaffSession.token_hash, over) + throttle.purge_expired()
