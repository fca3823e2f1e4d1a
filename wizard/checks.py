"""Configuration checks: errors prevent a start in production, warnings are advice."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from .config import (
    DEFAULTS,
    MIN_SECRET_CHARS,
    SQLITE_VERSION,
    parse_mail_server,
    parse_public_url,
)

MIN_SECRET_LETTERS = 8
"""Different characters: 32 random hexadecimal digits have fewer once in about ten million."""
MIN_SQLITE_VERSION = (3, 51, 3)
"""Earlier versions can corrupt a write-ahead log: docs/decisions/0003-sqlite.md."""
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def errors(settings: dict[str, Any]) -> list[str]:
    """Return a line for each missing or unsafe setting; `settings` from the environment."""
    return [*_secret(settings), *_addresses(settings), *_mail(settings)]


def _secret(settings: dict[str, Any]) -> Iterator[str]:
    secret = settings.get("SECRET_KEY", "")  # settings["SECRET_KEY"] would create one
    yield from _weak_secret("SECRET_KEY", secret)
    fallbacks = settings["SECRET_KEY_FALLBACKS"]  # Flask's are a list
    for earlier in fallbacks.split() if isinstance(fallbacks, str) else fallbacks:
        yield from _weak_secret("SECRET_KEY_FALLBACKS", earlier)
    if not secret and not _is_sqlite(settings):
        yield (
            "WIZARD_SECRET_KEY is not set. Each server would create its own key, and visitors would"
            " lose their sessions."
        )


def _weak_secret(name: str, secret: str) -> Iterator[str]:
    if 0 < len(secret) < MIN_SECRET_CHARS:
        yield f"WIZARD_{name} is too short. Use at least {MIN_SECRET_CHARS} random characters."
    elif secret and len(set(secret)) < MIN_SECRET_LETTERS:
        yield f"WIZARD_{name} repeats a few characters. Use random ones."


def _addresses(settings: dict[str, Any]) -> Iterator[str]:
    parts = parse_public_url(settings["PUBLIC_URL"])
    if parts.scheme != "https" or parts.hostname in LOOPBACK_HOSTS:
        yield "WIZARD_PUBLIC_URL must be the https://… address that visitors use."
    if not settings["TRUSTED_PROXIES"]:
        yield (
            "WIZARD_TRUSTED_PROXIES is 0. Set it to the number of proxies in front of the site"
            " (usually 1). Otherwise, all visitors share one rate limit."
        )
    if urlsplit(settings["HTMX_URL"]).netloc and not settings["HTMX_INTEGRITY"]:
        yield (
            "WIZARD_HTMX_INTEGRITY is not set. The script’s host could change what visitors’"
            " browsers run."
        )


def _mail(settings: dict[str, Any]) -> Iterator[str]:
    server = parse_mail_server(settings["SMTP_URL"])
    if server is None:
        yield "WIZARD_SMTP_URL is not set. No emails would be sent."
    elif not (server.tls or server.starttls or server.plaintext or server.host in LOOPBACK_HOSTS):
        yield (
            "WIZARD_SMTP_URL sends answers and passwords unencrypted. Add ?starttls=1 or use"
            " smtps://, or add ?plaintext=1 if the network between is yours alone."
        )
    if settings["MAIL_FROM"] == DEFAULTS["MAIL_FROM"]:
        yield "WIZARD_MAIL_FROM is not set. Emails need a sender address that accepts replies."
    if not settings["PROGRAM_EMAIL"]:
        yield "WIZARD_PROGRAM_EMAIL is not set. Visitors would have no way to contact you."


def warnings(settings: dict[str, Any], today: date) -> list[str]:
    """Return a line for each doubtful setting; `settings` are Flask's."""
    return [*paperwork_warnings(settings, today), *_database(settings)]


def paperwork_warnings(settings: dict[str, Any], today: date) -> Iterator[str]:
    """Yield the warnings for staff: about the OMB approval of the questions."""
    expires: date | None = settings["OMB_EXPIRES"]
    if settings["OMB_CONTROL_NUMBER"] and not expires:
        yield (
            "WIZARD_OMB_EXPIRES is not set. An OMB control number must be shown with its"
            " expiration date."
        )
    if expires and expires < today:
        yield (
            f"OMB approval expired on {expires}. People aren’t required to respond without a valid"
            " control number (44 U.S.C. 3512). Renew it, then update WIZARD_OMB_EXPIRES."
        )


def _database(settings: dict[str, Any]) -> Iterator[str]:
    is_sqlite = _is_sqlite(settings)
    count = max(settings["WORKERS"], 1 if is_sqlite else 2)
    if count > 1 and settings["RATELIMIT_STORAGE_URI"].startswith("memory"):
        yield (
            "WIZARD_RATELIMIT_STORAGE_URI is “memory”. Each process counts by itself: with"
            f" {count}, visitors get {count} times the limit. Use Redis."
        )
    if is_sqlite and SQLITE_VERSION < MIN_SQLITE_VERSION:
        found, wanted = (".".join(map(str, each)) for each in (SQLITE_VERSION, MIN_SQLITE_VERSION))
        yield (
            f"SQLite {found} has a rare bug that can corrupt the database (fixed in {wanted})."
            " Use PostgreSQL, or a Python with a newer SQLite."
        )
    if is_sqlite and SQLITE_VERSION < (3, 42, 0):
        yield (
            "This SQLite is older than 3.42, and leaves words of deleted answers in the files of"
            " the search index. Use PostgreSQL, or a Python with a newer SQLite."
        )


def _is_sqlite(settings: dict[str, Any]) -> bool:
    return not settings["DATABASE_URL"] or settings["DATABASE_URL"].startswith("sqlite")
