"""Signed tokens, and links with them; none is stored, so a copy of the database opens no draft.

A resume link holds the draft's id and link version. It works any number of times, until the draft
is deleted or its link version rises.
"""

import hmac
import uuid
from hashlib import sha256
from typing import Literal

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from .. import clock

ACTING_LINK_SECONDS = 600
"""How long a link to act for an organization can be opened."""
Purpose = Literal["resume", "page"]
"""`resume` is sent in a message or printed; `page` is in a page that the draft's browser shows, so
that its answers can be saved after the session has ended."""


def serializer(purpose: str) -> URLSafeSerializer:
    """Return the serializer of a purpose (SHA-256 HMAC); keys in the fallbacks verify only."""
    config = current_app.config
    keys = [*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"]]
    return URLSafeSerializer(keys, salt=purpose, signer_kwargs={"digest_method": sha256})


def draft_token(draft_id: uuid.UUID, link_version: int, purpose: Purpose) -> str:
    """Return a token that opens a draft while `link_version` is its link version."""
    return str(serializer(f"draft-{purpose}").dumps([draft_id.hex, link_version]))


def parse_draft_token(given: str, purpose: Purpose) -> tuple[uuid.UUID, int] | None:
    """Return the draft id and link version in a token, or None if its signature is invalid."""
    try:
        hexadecimal, version = serializer(f"draft-{purpose}").loads(given)
    except BadSignature:
        return None
    return uuid.UUID(hexadecimal), version


def resume_url(draft_id: uuid.UUID, link_version: int) -> str:
    """Return the resume link of a draft, below `PUBLIC_URL`."""
    token = draft_token(draft_id, link_version, "resume")
    return f"{current_app.config['PUBLIC_URL']}/resume/{token}"


def submission_url(reference: str, link_version: int) -> str:
    """Return the link by which an organization returns to its submission, below `PUBLIC_URL`."""
    token = serializer("submission-update").dumps([reference, link_version])
    return f"{current_app.config['PUBLIC_URL']}/updates/{token}"


def page_token(reference: str, link_version: int) -> str:
    """Return a token that a page of changes to a submission holds, like that of a draft."""
    return str(serializer("submission-page").dumps([reference, link_version]))


def parse_submission_token(
    given: str, purpose: Literal["update", "page"] = "update"
) -> tuple[str, int] | None:
    """Return reference and link version in a token, or None if its signature is invalid.

    A token of an earlier version is the reference alone, and counts as the first.
    """
    try:
        named = serializer(f"submission-{purpose}").loads(given)
    except BadSignature:
        return None
    return (named, 1) if isinstance(named, str) else (str(named[0]), int(named[1]))


def contact_url(contact_id: int, address: str) -> str:
    """Return the link by which a new contact confirms, below `PUBLIC_URL`.

    It holds the address too, since a database may give the id of a deleted row to a new one.
    """
    token = serializer("contact").dumps([contact_id, address])
    return f"{current_app.config['PUBLIC_URL']}/contact/{token}"


def parse_contact_token(given: str) -> tuple[int, str]:
    """Return id and address of a contact, or 0 and none if the signature is invalid."""
    try:
        contact_id, address = serializer("contact").loads(given)
    except BadSignature:
        return 0, ""
    return contact_id, address


def unsubscribe_url(kind: str, key: str) -> str:
    """Return the address at which a mail program ends reminders, below `PUBLIC_URL`."""
    token = serializer("unsubscribe").dumps([kind, key])
    return f"{current_app.config['PUBLIC_URL']}/unsubscribe/{token}"


def parse_unsubscribe_token(given: str) -> tuple[str, str] | None:
    """Return kind and key in a token, or None if its signature is invalid."""
    try:
        kind, key = serializer("unsubscribe").loads(given)
    except BadSignature:
        return None
    return str(kind), str(key)


def acting_url(reference: str, staff_email: str) -> str:
    """Return a link that opens a submission's pages for staff who act for its organization."""
    expires = int(clock.now().timestamp()) + ACTING_LINK_SECONDS
    token = serializer("submission-acting").dumps([reference, staff_email, expires])
    return f"{current_app.config['PUBLIC_URL']}/acting/{token}"


def parse_acting_token(given: str) -> tuple[str, str] | None:
    """Return reference and staff account in a token, or None if it is invalid or too old."""
    try:
        reference, staff_email, expires = serializer("submission-acting").loads(given)
    except BadSignature:
        return None
    return (reference, staff_email) if clock.now().timestamp() < expires else None


def staff_link_url(link_id: uuid.UUID, version: int) -> str:
    """Return the link by which staff join or begin anew, below `PUBLIC_URL`."""
    token = serializer("staff-link").dumps([link_id.hex, version])
    return f"{current_app.config['PUBLIC_URL']}/staff/welcome/{token}"


def parse_staff_token(given: str) -> tuple[uuid.UUID, int] | None:
    """Return id and version of a staff link, or None if the signature is invalid."""
    try:
        hexadecimal, version = serializer("staff-link").loads(given)
    except BadSignature:
        return None
    return uuid.UUID(hexadecimal), version


def derive_draft_id(session_secret: str, page: str) -> uuid.UUID:
    """Return the id of the draft that a start page creates, the same if it is posted twice.

    Only the browser that was shown the page has the session's secret, so nobody else can guess it.
    """
    key = str(current_app.config["SECRET_KEY"]).encode()
    digest = hmac.new(key, f"start {session_secret} {page}".encode(), sha256).digest()
    return uuid.UUID(bytes=digest[:16], version=4)
