"""What the program signs, so that it knows it again."""

from hashlib import sha256

from flask import current_app
from itsdangerous import URLSafeSerializer


def serializer(purpose: str) -> URLSafeSerializer:
    """Signs for one purpose (SHA-256 HMAC), with the secret; its fallbacks are still believed."""
    config = current_app.config
    keys = [*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"]]
    return URLSafeSerializer(keys, salt=purpose, signer_kwargs={"digest_method": sha256})
