"""The program's staff: accounts, signing in, sessions, and the second factor.

A session is a row, by the hash of the token in its cookie: a copy of the store opens none, and
deleting the row ends it at once.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import pyotp
from flask import current_app
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from . import audit, clock, passwords, throttle
from .audit import Actor, record
from .extensions import db, delete_in_batches, writing
from .fields import Email
from .models import StaffSession, StaffUser
from .text import Invalid, showable
from .visitors import counted_as

ROLES = {
    "viewer": "Viewer: reads and exports",
    "editor": "Editor: also decides, notes, publishes and sends again",
    "admin": "Admin: also manages people and tokens, and deletes",
}
"""Each may do what those before it may; `views/staff` says what that is."""
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
"""When a session ends: that long after its last request, and after signing in."""
NOTICED_EVERY = timedelta(minutes=1)
"""How exactly a session knows its last request: a store need not be written for each one."""
RECOVERY_CODES = 10
EMAIL = Email("email", "E-mail address", noun="the e-mail address")


class StaffError(ValueError):
    """Something that cannot be done with an account; the text says why."""


class WrongPassword(StaffError):
    """The password that is asked for once more is not the account's, or was tried too often."""


class Refused(Exception):
    """No sign-in. `wait` is how long to wait before the next attempt is looked at at all."""

    def __init__(self, wait: timedelta = timedelta()) -> None:
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as of this request."""

    id: int
    email: str
    role: str
    has_second_factor: bool
    session: str

    def may(self, role: str) -> bool:
        """Whether their role reaches that far."""
        return list(ROLES).index(self.role) >= list(ROLES).index(role)


def second_factor_needed() -> bool:
    """Whether nobody gets anywhere without one."""
    return bool(current_app.config["ENV"] == "production")


# Signing in and out


def sign_in(
    email: str, password: str, code: str, actor_address: str, browser: str
) -> tuple[str, StaffUser]:
    """The token of a new session, and whose it is. Raises `Refused`: of the reasons, none is told.

    `browser` names a browser in which this account signed in before, or is empty.
    """
    with suppress(StaffError):
        email = _checked(email)
    account = f"browser:{browser}" if browser else _account(email)
    keys = {account: throttle.FREE_FOR_ACCOUNT}
    if not browser:
        keys[f"address:{counted_as(actor_address)}"] = throttle.FREE_FOR_ADDRESS
    if wait := throttle.take(keys):
        raise Refused(wait)
    known = _find(showable(email))
    db.session.close()
    fits = passwords.matches(known.password_hash if known else None, password)
    with writing() as session:
        user = known and session.get(StaffUser, known.id, with_for_update=True)
        if user is None or known is None or user.password_hash != known.password_hash:
            fits = False  # it was reset meanwhile
        actor = Actor(user.email if user else "unknown", actor_address)
        reason = _reason_to_refuse(user, fits, code, actor)
        if user is None or reason:
            record(actor, "refused", reason=reason)
        else:
            throttle.forgive(account)
            record(actor, "signed_in")
            return _open_session(session, user), user
    raise Refused


def _reason_to_refuse(user: StaffUser | None, fits: bool, code: str, actor: Actor) -> str:
    """What an admin reads in the log, and nobody else."""
    if user is None:
        return "no such account"
    if user.disabled_at is not None:
        return "disabled"
    if not fits:
        return "password"
    return "" if _second_factor_fits(user, code, actor) else "second factor"


def _open_session(session: Session, user: StaffUser) -> str:
    token = secrets.token_urlsafe(32)
    now = clock.now()
    session.add(
        StaffSession(token_hash=digest(token), user_id=user.id, created_at=now, seen_at=now)
    )
    return token


def signed_in(token: str) -> Person | None:
    """Who a session's token belongs to, while the session lasts."""
    query = select(StaffSession, StaffUser).join(StaffUser, StaffUser.id == StaffSession.user_id)
    found = db.session.execute(query.where(StaffSession.token_hash == digest(token))).one_or_none()
    db.session.close()
    if found is None:
        return None
    row, user = found
    now = clock.now()
    if now - row.seen_at > IDLE or now - row.created_at > LONGEST:
        return None
    if now - row.seen_at > NOTICED_EVERY:
        with writing() as session:
            own = StaffSession.token_hash == row.token_hash
            session.execute(update(StaffSession).where(own).values(seen_at=now))
    return Person(user.id, user.email, user.role, user.totp_secret is not None, row.token_hash)


def sign_out(person: Person, actor: Actor) -> None:
    """Ends a session."""
    with writing() as session:
        session.execute(delete(StaffSession).where(StaffSession.token_hash == person.session))
        record(actor, "signed_out")


def forget_ended() -> int:
    """Delete the sessions that are over, and failed attempts that no longer count."""
    now = clock.now()
    over = or_(StaffSession.seen_at < now - IDLE, StaffSession.created_at < now - LONGEST)
    return delete_in_batches(StaffSession.token_hash, over) + throttle.forget_old()


# One's own account


def change_password(person: Person, old: str, new: str, actor: Actor) -> None:
    """Sets a new password and ends every other session. Raises `StaffError`, `WeakPassword`."""
    known = _with_password(person, old, actor)
    passwords.check(new, person.email)
    kept = passwords.hashed(new)
    with _own(person) as user:
        if user.password_hash != known.password_hash:
            raise StaffError("The password was changed meanwhile. Sign in again.")
        throttle.forgive(_account(person.email))
        user.password_hash = kept
        _end_sessions(user, but=person.session)
        record(actor, "password_changed", user.email)


def _with_password(person: Person, password: str, actor: Actor) -> StaffUser:
    """The account, once its password was typed again; guesses are slow. Raises `WrongPassword`."""
    if wait := throttle.take({_account(person.email): throttle.FREE_FOR_ACCOUNT}):
        raise WrongPassword(f"Too many tries. Wait {wait.seconds + 1} seconds, then try again.")
    known = _find(person.email)
    db.session.close()
    if known is None or not passwords.matches(known.password_hash, password):
        audit.write(actor, "refused", person.email, reason="current password")
        raise WrongPassword("The current password is not right. Type it again.")
    return known


def set_second_factor(
    person: Person, password: str, secret: str, code: str, actor: Actor
) -> list[str]:
    """Ties an authenticator app to the account; its recovery codes, to be shown once.

    The password is asked for where an app is replaced, so that a session alone, which somebody
    else may have come by, does not do. Raises `WrongPassword`, or `StaffError` where the code is
    not the one that the app shows.
    """
    replaces = person.has_second_factor
    if replaces:
        _with_password(person, password, actor)
    codes = [passwords.make() for _ in range(RECOVERY_CODES)]
    with _own(person) as user:
        if user.totp_secret is not None and not replaces:
            raise StaffError("An app was set up meanwhile. Reload the page.")
        user.totp_secret, user.totp_step = secret, 0
        if not _totp_fits(user, code):
            raise StaffError("That is not the code that the app shows now. Type the newest one.")
        if replaces:
            throttle.forgive(_account(person.email))
        user.recovery_codes = [digest(each) for each in codes]
        _end_sessions(user, but=person.session)
        record(actor, "second_factor_set", user.email)
    return codes


def _second_factor_fits(user: StaffUser, code: str, actor: Actor) -> bool:
    code = "".join(code.lower().split())
    if user.totp_secret is None or _totp_fits(user, code):
        return True
    if digest(code) not in user.recovery_codes:
        return False
    user.recovery_codes = [each for each in user.recovery_codes if each != digest(code)]
    record(actor, "recovery_code_used", user.email, left=len(user.recovery_codes))
    return True


def _totp_fits(user: StaffUser, code: str) -> bool:
    """RFC 6238: this time step's code or a neighbor's, and never one that was used."""
    totp = pyotp.TOTP(user.totp_secret or "")
    now = int(clock.now().timestamp()) // totp.interval
    for step in (now - 1, now, now + 1):
        if step > user.totp_step and secrets.compare_digest(
            totp.generate_otp(step).encode(), code.encode()
        ):
            user.totp_step = step
            return True
    return False


# Other people's accounts


def everyone() -> list[StaffUser]:
    """Every account, by address."""
    return list(db.session.scalars(select(StaffUser).order_by(StaffUser.email)))


def add(email: str, role: str, actor: Actor, password: str = "") -> str:
    """Makes an account; its password, made here unless given.

    Raises `StaffError`, or `WeakPassword`.
    """
    email, role = _checked(email), _known(role)
    if password:
        passwords.check(password, email)
    password = password or passwords.make()
    kept = passwords.hashed(password)
    try:
        with writing() as session:
            session.add(StaffUser(email=email, role=role, password_hash=kept))
            record(actor, "person_added", email, role=role)
    except IntegrityError:
        raise StaffError(f"{email} has an account already.") from None
    return password


def set_role(email: str, role: str, actor: Actor) -> None:
    """Gives an account another role."""
    with _changing(email) as user:
        if user.email == actor.name:
            raise StaffError("Nobody changes their own role: ask another admin.")
        record(actor, "person_changed", user.email, role=[user.role, _known(role)])
        user.role = role


def disable(email: str, actor: Actor) -> None:
    """Ends every session of an account, and lets it open none."""
    with _changing(email) as user:
        if user.email == actor.name:
            raise StaffError("Nobody disables their own account: ask another admin.")
        user.disabled_at = clock.now()
        _end_sessions(user)
        record(actor, "person_changed", user.email, disabled=True)


def reset(email: str, actor: Actor) -> str:
    """A new password, made here; no second factor, no session, no failed attempts any more.

    An account that was disabled is open again.
    """
    password = passwords.make()
    kept = passwords.hashed(password)
    with _changing(email) as user:
        user.password_hash, user.disabled_at = kept, None
        user.totp_secret, user.totp_step, user.recovery_codes = None, 0, []
        _end_sessions(user)
        throttle.forgive(_account(user.email))
        record(actor, "person_changed", user.email, reset=True)
    return password


def _checked(email: str) -> str:
    try:
        return EMAIL.clean(email, clock.today()).lower()
    except Invalid as invalid:
        raise StaffError(str(invalid)) from None


def _known(role: str) -> str:
    if role not in ROLES:
        raise StaffError(f"There is no role “{role}”. There are: {', '.join(ROLES)}.")
    return role


def _find(email: str) -> StaffUser | None:
    return db.session.scalars(select(StaffUser).where(StaffUser.email == email)).one_or_none()


@contextmanager
def _changing(email: str) -> Iterator[StaffUser]:
    """An account to change: locked until the end. Raises `StaffError` where there is none."""
    with writing() as session:
        query = select(StaffUser).where(StaffUser.email == showable(email).strip().lower())
        user = session.scalars(query.with_for_update()).one_or_none()
        if user is None:
            raise StaffError(f"There is no account {showable(email)}.")
        yield user


@contextmanager
def _own(person: Person) -> Iterator[StaffUser]:
    """One's own account to change, while one's session lasts: a reset may have ended it."""
    with _changing(person.email) as user:
        if db.session.get(StaffSession, person.session) is None:
            raise StaffError("Your session has ended. Sign in again.")
        yield user


def _end_sessions(user: StaffUser, but: str = "") -> None:
    db.session.execute(
        delete(StaffSession).where(StaffSession.user_id == user.id, StaffSession.token_hash != but)
    )


def _account(email: str) -> str:
    """The key by which attempts on an account are counted."""
    return f"account:{digest(email)}"


def digest(text: str) -> str:
    """The hash that is kept of something random: that it is plain SHA-256 gives nothing away."""
    return sha256(text.encode()).hexdigest()
