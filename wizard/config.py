"""Settings, read from the environment as `WIZARD_<NAME>`: their names, defaults and types."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask
from click import ClickException

try:
    import pysqlite3 as sqlite
except ImportError:  # no wheel for this platform: see docs/decisions/0003-sqlite.md
    import sqlite3 as sqlite

SQLITE_VERSION: tuple[int, int, int] = sqlite.sqlite_version_info
ROOT = Path(__file__).resolve().parent.parent

DEFAULTS: dict[str, str | int] = {
    "ENV": "",
    "HOST": "127.0.0.1",
    "PORT": 8000,
    "INSTANCE_PATH": str(ROOT / "instance"),
    "SECRET_KEY": "",
    "SECRET_KEY_FALLBACKS": "",
    "DATABASE_URL": "",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "TRUSTED_PROXIES": 0,
    "SMTP_URL": "",
    "MAIL_FROM": "commitments@localhost",
    "PROGRAM_NAME": "Data Commitments",
    "PROGRAM_EMAIL": "",
    "OMB_CONTROL_NUMBER": "",
    "OMB_EXPIRES": "",
    "BURDEN_MINUTES": 15,
    "DRAFT_DAYS": 60,
    "RATELIMIT_STORAGE_URI": "memory://",
    "METRICS_TOKEN": "",
    "HTMX_URL": "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/htmx.min.js",
    "HTMX_INTEGRITY": "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn",
}

MEBIBYTE = 1024 * 1024
REDIS_TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 1}  # seconds


class SettingError(ClickException, ValueError):
    """An invalid setting; the text names it, and ends a command."""


class Config(flask.Config):
    """Flask's configuration; the installation's secret is created when first needed."""

    def __missing__(self, name: str) -> str:
        if name != "SECRET_KEY":
            raise KeyError(name)
        secret = self[name] = _stored_secret(Path(self["INSTANCE_PATH"]) / "secret_key")
        return secret


def read_environment(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return all settings, each of the type of its default. Raises `SettingError`."""
    settings: dict[str, Any] = {}
    for name, default in DEFAULTS.items():
        text = environ.get(f"WIZARD_{name}", str(default))
        try:
            settings[name] = type(default)(text)
        except ValueError:
            raise SettingError(f"WIZARD_{name} must be a whole number, not {text!r}.") from None
    return settings


def flask_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of Flask and its extensions. Raises `SettingError`."""
    if settings["ENV"] not in ("", "production"):
        raise SettingError("WIZARD_ENV must be production, or not set.")
    for name, minimum in {"DRAFT_DAYS": 1, "BURDEN_MINUTES": 1, "TRUSTED_PROXIES": 0}.items():
        if settings[name] < minimum:
            raise SettingError(f"WIZARD_{name} must be {minimum} or more.")
    _check_address("PUBLIC_URL", settings["PUBLIC_URL"], ("http", "https"))
    if settings["SMTP_URL"]:
        _check_address("SMTP_URL", settings["SMTP_URL"], ("smtp", "smtps"))
    instance = Path(settings["INSTANCE_PATH"]).resolve()
    url = settings["DATABASE_URL"] or f"sqlite:///{instance / 'wizard.sqlite'}"
    secure = settings["PUBLIC_URL"].startswith("https:")
    with_redis = settings["RATELIMIT_STORAGE_URI"].startswith("redis")
    return settings | {
        "INSTANCE_PATH": str(instance),
        "OMB_EXPIRES": _parse_day("OMB_EXPIRES", settings["OMB_EXPIRES"]),
        "PUBLIC_URL": settings["PUBLIC_URL"].rstrip("/"),
        "MAIL_FROM": _parse_sender(settings["MAIL_FROM"]),
        "RATELIMIT_HEADERS_ENABLED": True,
        # While Redis is down, each process counts by itself instead of failing requests.
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_STORAGE_OPTIONS": REDIS_TIMEOUTS if with_redis else {},
        "SECRET_KEY_FALLBACKS": str(settings["SECRET_KEY_FALLBACKS"]).split(),
        # With this prefix no other host of the domain can set it (RFC 6265bis, 4.1.3.2).
        "SESSION_COOKIE_NAME": "__Host-session" if secure else "session",
        "SESSION_COOKIE_SAMESITE": "Lax",
        # Otherwise the response to a concurrent request can restore an older session cookie.
        "SESSION_REFRESH_EACH_REQUEST": False,
        "SESSION_COOKIE_SECURE": secure,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=settings["DRAFT_DAYS"]),
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_I18N_ENABLED": False,  # the flow's fields have the messages, not WTForms
        "MAX_CONTENT_LENGTH": MEBIBYTE,
        "MAX_FORM_MEMORY_SIZE": MEBIBYTE,
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(url),
    }


def _parse_sender(value: str) -> str:
    """Return `Name <address>` with its name quoted where the header needs it."""
    name, bracket, address = value.strip().rpartition("<")
    with suppress(ValueError, IndexError, HeaderParseError):
        if "\n" not in value and "\r" not in value and (not bracket or address[-1:] == ">"):
            return str(Address(name.strip(' "'), addr_spec=address.removesuffix(">").strip()))
    raise SettingError("WIZARD_MAIL_FROM must be an address, or like Name <name@example.org>.")


def _parse_day(name: str, value: str) -> date | None:
    if not value:
        return None
    with suppress(ValueError):
        day = date.fromisoformat(value)
        if day.isoformat() == value:  # not 20270331
            return day
    raise SettingError(f"WIZARD_{name} must be a day like 2027-03-31.")


def _check_address(name: str, value: str, schemes: tuple[str, ...]) -> None:
    with suppress(ValueError):
        parts = urlsplit(value)
        if parts.scheme in schemes and parts.hostname and parts.port != 0:
            return
    examples = " or ".join(f"{scheme}://…" for scheme in schemes)
    raise SettingError(f"WIZARD_{name} must be an address like {examples}.")


def engine_options(url: str) -> dict[str, Any]:
    """Return the options of the database engine; PostgreSQL waits at most 5 s for a lock.

    Hidden parameters keep answers and hashes out of error messages, and so out of the log.
    """
    if url.startswith("sqlite"):
        return {"module": sqlite, "hide_parameters": True}
    return {
        "hide_parameters": True,
        "pool_pre_ping": True,
        "connect_args": {"options": "-c lock_timeout=5000", "client_encoding": "utf8"},
    }


def _stored_secret(path: Path) -> str:
    """Return the secret of this installation; create it if missing, for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another process was first: use its secret
            os.link(temporary, path)
        os.unlink(temporary)
    secret = path.read_text().strip()
    if not secret:
        raise SettingError(f"{path} is empty: delete it, and a new secret is made.")
    return secret
