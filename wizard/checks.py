"""Configuration checks: errors prevent a start in production, warnings are advice."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .config import DEFAULTS, SQLITE_VERSION

MIN_SECRET_LENGTH = 32
"""Characters: 32 random hexadecimal digits have the 128 bits that a signature needs."""
MIN_SQLITE_VERSION = (3, 51, 3)
"""Earlier versions can corrupt a write-ahead log: docs/decisions/0003-sqlite.md."""
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def errors(settings: dict[str, Any]) -> list[str]:
    """Return a line for each missing or unsafe setting; `settings` from the environment."""
    return [*_secret(settings), *_addresses(settings), *_mail(settings)]


def _secret(settings: dict[str, Any]) -> Iterator[str]:
    secret = settings.get("SECRET_KEY", "")  # settings["SECRET_KEY"] would create one
    if 0 < len(secret) < MIN_SECRET_LENGTH:
        yield f"WIZARD_SECRET_KEY is short: take {MIN_SECRET_LENGTH} random characters or more."
    if not secret and not _is_sqlite(settings):
        yield (
            "WIZARD_SECRET_KEY is not set: each machine would make its own,"
            " and know nothing of the other's visitors."
        )


def _addresses(settings: dict[str, Any]) -> Iterator[str]:
    parts = urlsplit(settings["PUBLIC_URL"])
    if parts.scheme != "https" or parts.hostname in LOOPBACK_HOSTS:
        yield "WIZARD_PUBLIC_URL must be the https://… address that visitors use."
    if not settings["TRUSTED_PROXIES"]:
        yield (
            "WIZARD_TRUSTED_PROXIES is 0, but something in front has to do the TLS: set how many"
            " proxies there are (mostly 1), or all visitors share the limits of one address."
        )
    if urlsplit(settings["HTMX_URL"]).netloc and not settings["HTMX_INTEGRITY"]:
        yield "WIZARD_HTMX_INTEGRITY is not set: another host could change what browsers run."


def _mail(settings: dict[str, Any]) -> Iterator[str]:
    parts = urlsplit(settings["SMTP_URL"])
    if not settings["SMTP_URL"]:
        yield "WIZARD_SMTP_URL is not set: no confirmation would reach anybody."
    in_clear = parts.scheme == "smtp" and parse_qs(parts.query).get("starttls") != ["1"]
    if in_clear and parts.password and parts.hostname not in LOOPBACK_HOSTS:
        yield "WIZARD_SMTP_URL sends its password in clear: add ?starttls=1, or use smtps://."
    if settings["MAIL_FROM"] == DEFAULTS["MAIL_FROM"]:
        yield "WIZARD_MAIL_FROM is not set: messages need a sender that can be answered."
    if not settings["PROGRAM_EMAIL"]:
        yield "WIZARD_PROGRAM_EMAIL is not set: visitors would have nobody to write to."


def warnings(settings: dict[str, Any], today: date) -> list[str]:
    """Return a line for each doubtful setting; `settings` are Flask's."""
    return [*paperwork_warnings(settings, today), *_database(settings)]


def paperwork_warnings(settings: dict[str, Any], today: date) -> Iterator[str]:
    """Yield the warnings for staff: about the OMB approval of the questions."""
    expires: date | None = settings["OMB_EXPIRES"]
    if settings["OMB_CONTROL_NUMBER"] and not expires:
        yield "WIZARD_OMB_EXPIRES is not set: a control number is shown with its last day."
    if expires and expires < today:
        yield (
            f"The OMB approval expired on {expires}: nobody need answer a collection of"
            " information without a valid one (44 U.S.C. 3512). Renew it, then set"
            " WIZARD_OMB_EXPIRES."
        )


def _database(settings: dict[str, Any]) -> Iterator[str]:
    is_sqlite = _is_sqlite(settings)
    if not is_sqlite and settings["RATELIMIT_STORAGE_URI"].startswith("memory"):
        yield (
            "WIZARD_RATELIMIT_STORAGE_URI is memory: with two processes every limit counts double."
        )
    if is_sqlite and SQLITE_VERSION < MIN_SQLITE_VERSION:
        found, wanted = (".".join(map(str, each)) for each in (SQLITE_VERSION, MIN_SQLITE_VERSION))
        yield (
            f"Fine to try out; to collect answers, use PostgreSQL (WIZARD_DATABASE_URL): this"
            f" machine's SQLite is {found}, and {wanted} mends a rare fault."
        )


def _is_sqlite(settings: dict[str, Any]) -> bool:
    return not settings["DATABASE_URL"] or settings["DATABASE_URL"].startswith("sqlite")
