"""Accounts of the staff: who has one, with which role and password."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from .. import clock
from ..db.engine import db, reading, writing
from ..db.models import StaffSession, StaffUser
from ..forms.fields import Email
from ..forms.text import Invalid, replace_forbidden
from . import audit, passwords, throttle
from .audit import Actor, record

ROLES = {
    "viewer": "Viewer: reads and exports",
    "editor": "Editor: also decides, notes, publishes and sends again",
    "admin": "Admin: also manages people and tokens, and deletes",
}
"""Each may do what those before it may; `views/staff` says what that is."""
EMAIL = Email("email", "E-mail address", noun="the e-mail address", required=True)


class AccountError(ValueError):
    """Something that cannot be done with an account; the text says why."""


class WrongPassword(AccountError):
    """The current password was typed wrong, or too often."""


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """Who is signed in, as of this request; `session` is the hash of the session's token."""

    id: int
    email: str
    role: str
    has_second_factor: bool
    session: str

    def has_role(self, role: str) -> bool:
        """Return True for that role or a higher one."""
        return self.role in ROLES and list(ROLES).index(self.role) >= list(ROLES).index(role)


def list_accounts() -> list[StaffUser]:
    """Return every account, by address."""
    with reading() as session:
        return list(session.scalars(select(StaffUser).order_by(StaffUser.email)))


def add_account(email: str, role: str, actor: Actor, password: str = "") -> str:
    """Make an account; return its password, which is generated unless given.

    Raises `AccountError`, or `WeakPassword`.
    """
    email, role = clean_email(email), _check_role(role)
    if password:
        passwords.check_strength(password, email)
    password = password or passwords.generate_password()
    kept = passwords.hash_password(password)
    try:
        with writing() as session:
            session.add(StaffUser(email=email, role=role, password_hash=kept))
            record(actor, "person_added", email, role=role)
    except IntegrityError:
        raise AccountError(f"{email} has an account already.") from None
    return password


def set_role(email: str, role: str, actor: Actor) -> None:
    """Give an account another role. Raises `AccountError`."""
    with _locked_account(email) as user:
        if user.email == actor.name:
            raise AccountError("Nobody changes their own role: ask another admin.")
        record(actor, "person_changed", user.email, role=[user.role, _check_role(role)])
        user.role = role


def disable_account(email: str, actor: Actor) -> None:
    """End every session of an account, and let it open none. Raises `AccountError`."""
    with _locked_account(email) as user:
        if user.email == actor.name:
            raise AccountError("Nobody disables their own account: ask another admin.")
        user.disabled_at = clock.now()
        end_sessions(user)
        record(actor, "person_changed", user.email, disabled=True)


def reset_account(email: str, actor: Actor) -> str:
    """Generate a new password; end sessions, second factor, failed attempts and disabling."""
    password = passwords.generate_password()
    kept = passwords.hash_password(password)
    with _locked_account(email) as user:
        user.password_hash, user.disabled_at = kept, None
        user.totp_secret, user.totp_step, user.recovery_codes = None, 0, []
        end_sessions(user)
        throttle.reset(throttle_key(user.email))
        record(actor, "person_changed", user.email, reset=True)
    return password


def find_account(email: str) -> StaffUser | None:
    """Return an account by its address."""
    with reading() as session:
        return session.scalars(select(StaffUser).where(StaffUser.email == email)).one_or_none()


def clean_email(email: str) -> str:
    """Return the address as it is stored. Raises `AccountError`."""
    try:
        return str(EMAIL.parse(email, clock.today())).lower()
    except Invalid as invalid:
        raise AccountError(str(invalid)) from None


def _check_role(role: str) -> str:
    if role not in ROLES:
        raise AccountError(f"There is no role “{role}”. There are: {', '.join(ROLES)}.")
    return role


def throttle_key(email: str) -> str:
    """Return the key by which attempts on an account are counted."""
    return f"account:{passwords.hash_token(email)}"


@contextmanager
def _locked_account(email: str) -> Iterator[StaffUser]:
    """Lock an account for a change. Raises `AccountError` where there is none."""
    with writing() as session:
        query = select(StaffUser).where(StaffUser.email == replace_forbidden(email).strip().lower())
        user = session.scalars(query.with_for_update()).one_or_none()
        if user is None:
            raise AccountError(f"There is no account {replace_forbidden(email)}.")
        yield user


def end_sessions(account: StaffUser, but: str = "") -> None:
    """End the sessions of an account, within the caller's transaction, but for one."""
    db.session.execute(
        delete(StaffSession).where(
            StaffSession.user_id == account.id, StaffSession.token_hash != but
        )
    )


# One's own account


def change_password(user: CurrentUser, old: str, new: str, actor: Actor) -> None:
    """Set a new password; end every other session. Raises `AccountError`, `WeakPassword`."""
    known = verify_password(user, old, actor)
    passwords.check_strength(new, user.email)
    kept = passwords.hash_password(new)
    with locked_own_account(user) as account:
        if account.password_hash != known.password_hash:
            raise AccountError("The password was changed meanwhile. Sign in again.")
        throttle.reset(throttle_key(user.email))
        account.password_hash = kept
        end_sessions(account, but=user.session)
        record(actor, "password_changed", account.email)


def verify_password(user: CurrentUser, password: str, actor: Actor) -> StaffUser:
    """Return the account if its password is right. Raises `WrongPassword`, also to slow guesses."""
    if wait := throttle.record_attempt(
        {throttle_key(user.email): throttle.FREE_ATTEMPTS_PER_ACCOUNT}
    ):
        raise WrongPassword(f"Too many tries. Wait {wait.seconds + 1} seconds, then try again.")
    known = find_account(user.email)
    if known is None or not passwords.verify_password(known.password_hash, password):
        audit.record_event(actor, "refused", user.email, reason="current password")
        raise WrongPassword("The current password is not right. Type it again.")
    return known


@contextmanager
def locked_own_account(user: CurrentUser) -> Iterator[StaffUser]:
    """Lock one's own account for a change, while the session lasts: a reset may have ended it."""
    with _locked_account(user.email) as account:
        if db.session.get(StaffSession, user.session) is None:
            raise AccountError("Your session has ended. Sign in again.")
        yield account
