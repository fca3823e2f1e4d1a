"""API tokens with which other programs fetch exports: shown once, stored as hashes, expiring."""

import secrets
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from .. import clock
from ..db.accounts import ApiToken
from ..db.engine import reading, writing
from ..forms.text import replace_forbidden
from .audit import Actor, record
from .passwords import hash_token

MAX_DAYS = 365
MAX_NAME_LENGTH = 60
LAST_SEEN_RESOLUTION = timedelta(minutes=1)  # update `used_at` at most this often


class TokenError(ValueError):
    """A token that cannot be created or revoked; the text says why, `field` is the form field."""

    def __init__(self, text: str, field: str = "name") -> None:
        super().__init__(text)
        self.field = field


def create_token(name: str, days: int, actor: Actor) -> str:
    """Create a token; return its secret, which is not stored. Raise `TokenError`."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise TokenError(f"Enter a name for the token, up to {MAX_NAME_LENGTH} characters.")
    if not 1 <= days <= MAX_DAYS:
        raise TokenError(f"Enter a number of days from 1 to {MAX_DAYS}.", "days")
    secret = f"wizard_{secrets.token_urlsafe(32)}"
    token = ApiToken(name=name, token_hash=hash_token(secret), created_by=actor.name)
    token.expires_at = clock.now() + timedelta(days=days)
    try:
        with writing() as session:
            session.add(token)
            record(actor, "token_made", name, days=days)
    except IntegrityError:
        text = f"There’s already a token called “{name}”. Use a different name."
        raise TokenError(text) from None
    return secret


def list_tokens() -> list[ApiToken]:
    """Return every token, newest first."""
    with reading() as session:
        return list(session.scalars(select(ApiToken).order_by(ApiToken.id.desc())))


def revoke_token(name: str, actor: Actor) -> None:
    """Revoke a token. Raise `TokenError` if there is none of that name."""
    name = replace_forbidden(name)
    with writing() as session:
        token = session.scalars(select(ApiToken).where(ApiToken.name == name)).one_or_none()
        if token is None:
            raise TokenError(f"No token called “{name}”.")
        if token.revoked_at is None:
            token.revoked_at = clock.now()
            record(actor, "token_revoked", name)


def authenticate(secret: str) -> str | None:
    """Return the name of a valid token and update `used_at`; None for any other."""
    now = clock.now()
    own = ApiToken.token_hash == hash_token(secret)
    query = select(ApiToken).where(own, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now)
    with reading() as session:
        token = session.scalars(query).one_or_none()
    if token is None:
        return None
    if token.used_at is None or now - token.used_at > LAST_SEEN_RESOLUTION:
        with writing() as session:
            session.execute(update(ApiToken).where(own).values(used_at=now))
    return token.name
