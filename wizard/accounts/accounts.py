"""Staff accounts: their roles and passwords."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import g
from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from .. import clock
from ..db.accounts import StaffLink, StaffSession, StaffUser, is_open_link
from ..db.engine import db, reading, writing
from ..forms.fields import Email, Text
from ..forms.text import Invalid, replace_forbidden
from . import audit, passwords, throttle
from .audit import COMMAND_LINE, Actor, record

ROLES = {
    "viewer": "Viewer: can read and export submissions",
    "editor": "Editor: can also change statuses, publish, add notes and write to contacts",
    "admin": "Admin: can also manage staff accounts and API tokens, and delete answers",
}
"""Labels by role, lowest first; each route of the staff side names the lowest."""
EMAIL = Email("email", "Email address", noun="the email address", required=True)
DIGESTS = {"": "Never", "daily": "Every day", "weekly": "Every week"}
"""How often a member of staff gets a digest by email, by code."""
NAME = Text("name", "Name", noun="the name", required=True, max_length=80)


class AccountError(ValueError):
    """A change that an account does not allow; the text says why, `field` is the form field."""

    def __init__(self, text: str, field: str = "email") -> None:
        super().__init__(text)
        self.field = field


class WrongPassword(AccountError):
    """A wrong current password, or too many attempts."""


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """The signed-in user during one request; `session` is the hash of the session token."""

    id: int
    email: str
    name: str
    role: str
    has_second_factor: bool
    session: str

    def has_role(self, role: str) -> bool:
        """Return True for that role or a higher one."""
        return self.role in ROLES and list(ROLES).index(self.role) >= list(ROLES).index(role)


def describe_role(role: str) -> str:
    """Return the label of a role with everything that it can do, for who reads it alone."""
    name = ROLES[role].partition(":")[0]
    lower = list(ROLES)[: list(ROLES).index(role) + 1]
    return f"{name}: {'; '.join(ROLES[each].partition(': ')[2] for each in lower)}"


def list_accounts() -> list[StaffUser]:
    """Return every account, ordered by email address."""
    with reading() as session:
        return list(session.scalars(select(StaffUser).order_by(StaffUser.email)))


@dataclass(frozen=True, slots=True)
class Person:
    """What pages say of an account, and whether it may decide on cases now."""

    email: str
    name: str
    is_disabled: bool
    can_decide: bool


def read_people() -> dict[str, Person]:
    """Return every person with an account by email address, in that order."""
    columns = StaffUser.email, StaffUser.name, StaffUser.role, StaffUser.disabled_at
    with reading() as session:
        rows = session.execute(select(*columns).order_by(StaffUser.email)).all()
    return {
        email: Person(email, name, disabled_at is not None, role != "viewer" and not disabled_at)
        for email, name, role, disabled_at in rows
    }


def list_people() -> dict[str, Person]:
    """Return every person as `read_people` does, read once for a page."""
    if "people" not in g:
        g.people = read_people()
    people: dict[str, Person] = g.people
    return people


def describe_person(email: str) -> str:
    """Return name and address of an account; the address alone if there is no name."""
    person = list_people().get(email)
    return f"{person.name} ({email})" if person and person.name else email


def add_account(email: str, role: str, actor: Actor, password: str = "", name: str = "") -> str:
    """Add an account; return its password. Raise `AccountError` or `WeakPassword`."""
    email, role, name = clean_email(email), check_role(role), name and clean_name(name)
    if password:
        passwords.check_strength(password, email)
    password = password or passwords.generate_password()
    password_hash = passwords.hash_password(password)
    try:
        with writing() as session:
            lock_admins(actor)
            session.add(StaffUser(email=email, name=name, role=role, password_hash=password_hash))
            record(actor, "person_added", email, role=role)
    except IntegrityError:
        raise AccountError(f"There’s already an account for {email}.") from None
    return password


def set_role(email: str, role: str, actor: Actor) -> None:
    """Change the role of an account; the links end that only an admin may send.

    Raise `AccountError`.
    """
    with locked_account(email, actor) as user:
        if user.email == actor.name:
            raise AccountError("You can’t change your own role. Ask another admin.")
        if role != "admin":
            _keep_last_admin(user, actor)
            _revoke_links(_sent_by(user))
        record(actor, "person_changed", user.email, role=[user.role, check_role(role)])
        user.role = role


def set_name(email: str, name: str, actor: Actor) -> None:
    """Change the name that is shown beside an address. Raise `AccountError`."""
    name = clean_name(name)
    with locked_account(email, actor if email != actor.name else None) as user:
        if user.name != name:
            record(actor, "person_changed", user.email, name=[user.name, name])
            user.name = name


def set_digest(user: CurrentUser, digest: str, actor: Actor) -> None:
    """Choose how often the user gets a digest, from the next one on. Raise `AccountError`."""
    if digest not in DIGESTS:
        raise AccountError("Select how often you want the digest.", "digest")
    with locked_own_account(user) as account:
        if account.digest != digest:
            record(actor, "person_changed", account.email, digest=[account.digest, digest])
            account.digest, account.digest_on = digest, clock.today()


def disable_account(email: str, actor: Actor, *, force: bool = False) -> None:
    """Disable an account, end its sessions and the links that it sent; with `force` that of the
    last admin too.

    Raise `AccountError`.
    """
    with locked_account(email, actor) as user:
        if user.email == actor.name:
            raise AccountError("You can’t disable your own account. Ask another admin.")
        if not force:
            _keep_last_admin(user, actor)
        user.disabled_at = clock.now()
        end_sessions(user)
        _revoke_links(or_(_sent_by(user), _sent_to(user)))
        record(actor, "person_changed", user.email, disabled=True)


def _revoke_links(which: ColumnElement[bool]) -> None:
    """End the open links that meet a condition."""
    revoked = update(StaffLink).where(is_open_link, which)
    db.session.execute(revoked.values(revoked_at=clock.now()))


def _sent_by(user: StaffUser) -> ColumnElement[bool]:
    """Match the links that an account sent."""
    return StaffLink.sent_by == user.email


def _sent_to(user: StaffUser) -> ColumnElement[bool]:
    """Match the links that set an account anew."""
    return StaffLink.user_id == user.id


def reset_account(email: str, actor: Actor) -> str:
    """Enable an account with a new password (returned), no sessions and no second factor.

    The links to it and from it end: the new password is the only way in.
    """
    password = passwords.generate_password()
    password_hash = passwords.hash_password(password)
    with locked_account(email, actor) as user:
        user.password_hash, user.disabled_at = password_hash, None
        user.totp_secret, user.totp_step, user.recovery_codes = None, 0, []
        end_sessions(user)
        _revoke_links(or_(_sent_by(user), _sent_to(user)))
        throttle.reset(throttle_key(user.email))
        record(actor, "person_changed", user.email, reset=True)
    return password


def find_account(email: str) -> StaffUser | None:
    """Return the account with that email address, if any."""
    with reading() as session:
        return session.scalars(select(StaffUser).where(StaffUser.email == email)).one_or_none()


def find_account_by_id(user_id: int) -> StaffUser | None:
    """Return the account with that id, if any."""
    with reading() as session:
        return session.get(StaffUser, user_id)


def clean_email(email: str) -> str:
    """Return the address as it is stored. Raise `AccountError`."""
    try:
        return str(EMAIL.parse(email, clock.today())).lower()
    except Invalid as invalid:
        raise AccountError(str(invalid)) from None


def clean_name(name: str) -> str:
    """Return the name as it is stored. Raise `AccountError`."""
    try:
        return str(NAME.parse(name, clock.today()))
    except Invalid as invalid:
        raise AccountError(str(invalid), "name") from None


def check_role(role: str) -> str:
    """Return the role. Raise `AccountError` for an unknown one."""
    if role not in ROLES:
        raise AccountError(f"“{role}” isn’t a role. Roles: {', '.join(ROLES)}.")
    return role


def throttle_key(email: str) -> str:
    """Return the key that counts sign-in attempts on an account."""
    return f"account:{passwords.hash_token(email)}"


def lock_admins(actor: Actor) -> list[str]:
    """Lock the admins, so that no two of them act at once; return their addresses.

    Raise `AccountError` if the actor is no admin any more: another may have acted meanwhile.
    """
    active = StaffUser.role == "admin", StaffUser.disabled_at.is_(None)
    query = select(StaffUser).where(*active).order_by(StaffUser.id).with_for_update()
    admins = [user.email for user in db.session.scalars(query)]
    if actor != COMMAND_LINE and actor.name not in admins:
        raise AccountError("You’re no longer an admin. Nothing was changed.")
    return admins


def _keep_last_admin(user: StaffUser, actor: Actor) -> None:
    if lock_admins(actor) == [user.email]:
        raise AccountError(
            f"{user.email} is the last admin. Without one, no one can manage staff accounts or API"
            " tokens, or delete answers. Add another admin first, or disable this one with --force."
        )


@contextmanager
def locked_account(email: str, actor: Actor | None = None) -> Iterator[StaffUser]:
    """Lock an account; with an actor who is not its owner, the admins before it."""
    email = replace_forbidden(email)
    with writing() as session:
        if actor:
            lock_admins(actor)
        query = select(StaffUser).where(StaffUser.email == email.strip().lower())
        user = session.scalars(query.with_for_update()).one_or_none()
        if user is None:
            raise AccountError(f"No account found for {email}.")
        yield user


@contextmanager
def locked_own_account(user: CurrentUser) -> Iterator[StaffUser]:
    """Lock the user's own account. Raise `AccountError` if the session has ended meanwhile."""
    with locked_account(user.email) as account:
        if db.session.get(StaffSession, user.session) is None:
            raise AccountError("Your session has ended. Sign in again.")
        yield account


def end_sessions(account: StaffUser, kept_hash: str = "") -> None:
    """Delete an account's sessions except the one with that token hash (caller's transaction)."""
    ended = StaffSession.user_id == account.id, StaffSession.token_hash != kept_hash
    db.session.execute(delete(StaffSession).where(*ended))


def change_password(user: CurrentUser, old: str, new: str, actor: Actor) -> None:
    """Set a new password and end every other session. Raise `AccountError`, `WeakPassword`."""
    known = verify_password(user, old, actor)
    passwords.check_strength(new, user.email)
    if passwords.is_same(old, new):
        raise passwords.WeakPassword("That’s your current password. Choose another one.")
    password_hash = passwords.hash_password(new)
    with locked_own_account(user) as account:
        if account.password_hash != known.password_hash:
            raise AccountError("Your password was changed in another session. Sign in again.")
        throttle.reset(throttle_key(user.email))
        account.password_hash = password_hash
        end_sessions(account, user.session)
        record(actor, "password_changed", account.email)


def verify_password(user: CurrentUser, password: str, actor: Actor) -> StaffUser:
    """Return the account. Raise `WrongPassword`, also after too many attempts."""
    if refusal := throttle.count_attempt(throttle_key(user.email)):
        raise WrongPassword(refusal)
    known = find_account(user.email)
    if known is None or not passwords.verify_password(known.password_hash, password):
        audit.record_event(actor, "refused", user.email, reason="current password")
        raise WrongPassword("Your current password is incorrect. Try again.")
    return known
