"""Settings: what they are called, their defaults and their checks.

Each is read from the environment as `WIZARD_<NAME>`.
"""

import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

try:
    import pysqlite3 as sqlite
except ImportError:  # no wheel for this platform: see docs/decisions/0003-sqlite.md
    import sqlite3 as sqlite

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS: dict[str, str | int] = {
    "HOST": "127.0.0.1",
    "PORT": 8000,
    "INSTANCE_PATH": str(ROOT / "instance"),
    "SECRET_KEY": "",
    "SECRET_KEY_FALLBACKS": "",
    "DATABASE_URL": "",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "SMTP_URL": "",
    "MAIL_FROM": "commitments@localhost",
    "PROGRAM_NAME": "Data Commitments",
    "PROGRAM_EMAIL": "",
    "OMB_CONTROL_NUMBER": "",
    "OMB_EXPIRES": "",
    "BURDEN_MINUTES": 15,
    "DRAFT_DAYS": 60,
    "RATELIMIT_STORAGE_URI": "memory://",
    "HTMX_URL": "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/htmx.min.js",
    "HTMX_INTEGRITY": "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn",
}

MEBIBYTE = 1024 * 1024


class SettingError(ValueError):
    """A setting that cannot be used; the text names it."""


def from_environment(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Every setting, each of the type of its default. Raises `SettingError`."""
    settings: dict[str, Any] = {}
    for name, default in DEFAULTS.items():
        given = environ.get(f"WIZARD_{name}", str(default))
        try:
            settings[name] = type(default)(given)
        except ValueError:
            raise SettingError(f"WIZARD_{name} must be a whole number, not {given!r}.") from None
    return settings


def for_flask(settings: dict[str, Any]) -> dict[str, Any]:
    """What Flask and its extensions are told, from the settings."""
    instance = Path(settings["INSTANCE_PATH"])
    url = settings["DATABASE_URL"] or f"sqlite:///{instance / 'wizard.sqlite'}"
    fallbacks = str(settings["SECRET_KEY_FALLBACKS"]).split()
    return settings | {
        "SECRET_KEY": settings["SECRET_KEY"] or _kept_secret(instance / "secret_key"),
        "SECRET_KEY_FALLBACKS": fallbacks,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings["PUBLIC_URL"].startswith("https:"),
        "PERMANENT_SESSION_LIFETIME": timedelta(days=settings["DRAFT_DAYS"]),
        "WTF_CSRF_TIME_LIMIT": None,
        "MAX_CONTENT_LENGTH": MEBIBYTE,
        "MAX_FORM_MEMORY_SIZE": MEBIBYTE,
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(url),
    }


def _engine_options(url: str) -> dict[str, Any]:
    """How long a statement waits for another writer before the store counts as busy: 5 s."""
    if url.startswith("sqlite"):
        return {"module": sqlite}
    return {"pool_pre_ping": True, "connect_args": {"options": "-c lock_timeout=5000"}}


def _kept_secret(path: Path) -> str:
    """The secret of this installation, made on the first run, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
