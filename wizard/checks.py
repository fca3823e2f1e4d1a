"""What keeps an installation from being safe, and what an operator ought to look at.

A fault is a setting with which nobody should serve the open internet; with `WIZARD_ENV=production`
the program refuses to start until it is mended. A warning is for a person to judge.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .config import DEFAULTS, SQLITE_VERSION

MIN_SECRET_LENGTH = 32
"""Characters; 32 random ones hold at least the 128 bits that a signature needs."""
MIN_SQLITE_VERSION = (3, 51, 3)
"""Before it a rare race can corrupt a write-ahead log: docs/decisions/0003-sqlite.md."""
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

Settings = dict[str, Any]


def errors(settings: Settings) -> list[str]:
    """A line for each setting that is missing or unsafe; `settings` as the environment has them."""
    return [*_secret(settings), *_address(settings), *_mail(settings), *_scripts(settings)]


def _secret(settings: Settings) -> Iterator[str]:
    secret = settings.get("SECRET_KEY", "")  # not settings["SECRET_KEY"], which makes one
    if 0 < len(secret) < MIN_SECRET_LENGTH:
        yield f"WIZARD_SECRET_KEY is short: take {MIN_SECRET_LENGTH} random characters or more."
    if not secret and not _on_sqlite(settings):
        yield (
            "WIZARD_SECRET_KEY is not set: each machine would make its own,"
            " and know nothing of the other's visitors."
        )


def _address(settings: Settings) -> Iterator[str]:
    parts = urlsplit(settings["PUBLIC_URL"])
    if parts.scheme != "https" or parts.hostname in LOOPBACK_HOSTS:
        yield "WIZARD_PUBLIC_URL must be the https://… address that visitors use."
    if not settings["TRUSTED_PROXIES"]:
        yield (
            "WIZARD_TRUSTED_PROXIES is 0, but something in front has to do the TLS: set how many"
            " proxies there are (mostly 1), or all visitors share the limits of one address."
        )


def _mail(settings: Settings) -> Iterator[str]:
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


def _scripts(settings: Settings) -> Iterator[str]:
    if urlsplit(settings["HTMX_URL"]).netloc and not settings["HTMX_INTEGRITY"]:
        yield "WIZARD_HTMX_INTEGRITY is not set: another host could change what browsers run."


def warnings(settings: Settings, today: date) -> list[str]:
    """A line for each thing that works, and yet wants a look; `settings` as Flask has them."""
    return [*paperwork_warnings(settings, today), *_more_than_one(settings), *_store(settings)]


def paperwork_warnings(settings: Settings, today: date) -> Iterator[str]:
    """What of that concerns the program's own staff: the approval of its questions."""
    expires: date | None = settings["OMB_EXPIRES"]
    if settings["OMB_CONTROL_NUMBER"] and not expires:
        yield "WIZARD_OMB_EXPIRES is not set: a control number is shown with its last day."
    if expires and expires < today:
        yield (
            f"The OMB approval expired on {expires}: nobody need answer a collection of"
            " information without a valid one (44 U.S.C. 3512). Renew it, then set"
            " WIZARD_OMB_EXPIRES."
        )


def _more_than_one(settings: Settings) -> Iterator[str]:
    if not _on_sqlite(settings) and settings["RATELIMIT_STORAGE_URI"].startswith("memory"):
        yield (
            "WIZARD_RATELIMIT_STORAGE_URI is memory: with two processes every limit counts double."
        )


def _store(settings: Settings) -> Iterator[str]:
    if _on_sqlite(settings) and SQLITE_VERSION < MIN_SQLITE_VERSION:
        found, wanted = (".".join(map(str, each)) for each in (SQLITE_VERSION, MIN_SQLITE_VERSION))
        yield (
            f"SQLite is {found}: before {wanted} a rare race can corrupt it."
            " Use PostgreSQL, or a Python that brings a newer one."
        )


def _on_sqlite(settings: Settings) -> bool:
    return not settings["DATABASE_URL"] or settings["DATABASE_URL"].startswith("sqlite")
