"""Resume links: signed, not stored, so that a copy of the store opens no draft.

A link names a draft and the version of its links (SHA-256 HMAC with the secret, or with one of
its fallbacks). It works as often as wanted, until the draft is deleted or its version rises.
"""

import hmac
import uuid
from hashlib import sha256
from typing import Literal

from flask import current_app
from itsdangerous import BadSignature

from .signing import serializer

Purpose = Literal["resume", "page"]
"""`resume` travels in a message or on paper; `page` is in a page that the draft's browser shows,
so that what is typed there can be kept even when the session has ended."""


def draft_token(draft_id: uuid.UUID, link_version: int, purpose: Purpose) -> str:
    """Return a token that opens a draft while `link_version` is its link version."""
    return str(serializer(f"draft-{purpose}").dumps([draft_id.hex, link_version]))


def parse_draft_token(given: str, purpose: Purpose) -> tuple[uuid.UUID, int] | None:
    """The draft and link version that a token names; None where it was not signed here."""
    try:
        hexadecimal, version = serializer(f"draft-{purpose}").loads(given)
    except BadSignature:
        return None
    return uuid.UUID(hexadecimal), version


def resume_url(draft_id: uuid.UUID, link_version: int) -> str:
    """Return the resume link of a draft, below `PUBLIC_URL`."""
    return (
        f"{current_app.config['PUBLIC_URL']}/resume/{draft_token(draft_id, link_version, 'resume')}"
    )


def update_url(reference: str) -> str:
    """Return the link by which an organization returns to its commitment, below `PUBLIC_URL`."""
    token = serializer("submission-update").dumps(reference)
    return f"{current_app.config['PUBLIC_URL']}/updates/{token}"


def parse_submission_token(given: str) -> str | None:
    """The reference that such a link names; None where it was not signed here."""
    try:
        return str(serializer("submission-update").loads(given))
    except BadSignature:
        return None


def derive_draft_id(session_secret: str, page: str) -> uuid.UUID:
    """The id of the draft that a start page makes: pressed twice, it is the same draft.

    Only the browser that was shown the page has its session's secret, so nobody else can name it.
    """
    key = str(current_app.config["SECRET_KEY"]).encode()
    made = hmac.new(key, f"start {session_secret} {page}".encode(), sha256).digest()
    return uuid.UUID(bytes=made[:16], version=4)
