"""Signatures of tokens."""

from hashlib import sha256

from flask import current_app
from itsdangerous import URLSafeSerializer


def serializer(purpose: str) -> URLSafeSerializer:
    """Return the serializer of a purpose (SHA-256 HMAC); keys in the fallbacks verify only."""
    config = current_app.config
    keys = [*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"]]
    return URLSafeSerializer(keys, salt=purpose, signer_kwargs={"digest_method": sha256})
