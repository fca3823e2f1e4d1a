"""Keys with which other programs fetch exports: shown once, kept as hashes, with an end."""

import secrets
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from . import clock
from .audit import Actor, record
from .extensions import db, writing
from .models import ApiToken
from .staff import digest
from .text import showable

LONGEST = 365
"""Days until a token ends, at most."""
NOTICED_EVERY = timedelta(minutes=1)
MOST_NAME = 60


class TokenError(ValueError):
    """Something that cannot be done with a token; the text says why, `field` where."""

    def __init__(self, text: str, field: str = "name") -> None:
        super().__init__(text)
        self.field = field


def make(name: str, days: int, actor: Actor) -> str:
    """The secret of a new token: nobody can read it a second time. Raises `TokenError`."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise TokenError(f"Give the token a name of 1 to {MOST_NAME} characters: who uses it.")
    if not 1 <= days <= LONGEST:
        raise TokenError(f"Choose an end in 1 to {LONGEST} days.", "days")
    secret = f"wizard_{secrets.token_urlsafe(32)}"
    ends = clock.now() + timedelta(days=days)
    try:
        with writing() as session:
            session.add(
                ApiToken(
                    name=name, token_hash=digest(secret), created_by=actor.name, expires_at=ends
                )
            )
            record(actor, "token_made", name, days=days)
    except IntegrityError:
        raise TokenError(f"There is a token “{name}” already. Choose another name.") from None
    return secret


def all_of_them() -> list[ApiToken]:
    """Every token, the newest first."""
    return list(db.session.scalars(select(ApiToken).order_by(ApiToken.id.desc())))


def revoke(name: str, actor: Actor) -> None:
    """Ends a token at once. Raises `TokenError` where there is none."""
    with writing():
        token = _find(name)
        if token is None:
            raise TokenError(f"There is no token “{showable(name)}”.")
        if token.revoked_at is None:
            token.revoked_at = clock.now()
            record(actor, "token_revoked", name)


def name_of(secret: str) -> str | None:
    """The name of a token that opens exports now."""
    now = clock.now()
    token = db.session.scalars(
        select(ApiToken).where(
            ApiToken.token_hash == digest(secret),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > now,
        )
    ).one_or_none()
    db.session.close()
    if token is None:
        return None
    if token.used_at is None or now - token.used_at > NOTICED_EVERY:
        with writing() as session:
            session.execute(update(ApiToken).where(ApiToken.id == token.id).values(used_at=now))
    return token.name


def _find(name: str) -> ApiToken | None:
    return db.session.scalars(select(ApiToken).where(ApiToken.name == showable(name))).one_or_none()
