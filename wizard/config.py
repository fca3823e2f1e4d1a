"""Settings, read from the environment as `WIZARD_<NAME>`: their names, defaults and types."""

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

import flask
from click import ClickException
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

try:
    import pysqlite3 as sqlite
except ImportError:  # no wheel for this platform: see docs/decisions/0003-sqlite.md
    import sqlite3 as sqlite

SQLITE_VERSION: tuple[int, int, int] = sqlite.sqlite_version_info
ROOT = Path(__file__).resolve().parent.parent
MIN_SECRET_CHARS = 32
"""32 random hexadecimal digits have the 128 bits that a signature needs."""

DEFAULTS: dict[str, str | int] = {
    "ENV": "",
    "HOST": "127.0.0.1",
    "PORT": 8000,
    "WORKERS": 0,
    "INSTANCE_PATH": str(ROOT / "instance"),
    "SECRET_KEY": "",
    "SECRET_KEY_FALLBACKS": "",
    "DATABASE_URL": "",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "TRUSTED_PROXIES": 0,
    "SMTP_URL": "",
    "MAIL_FROM": "commitments@localhost",
    "PROGRAM_NAME": "Data Commitments",
    "PROGRAM_NAME_ES": "",
    "PROGRAM_EMAIL": "",
    "OMB_CONTROL_NUMBER": "",
    "OMB_EXPIRES": "",
    "TIMEZONE": "America/New_York",
    "BURDEN_MINUTES": 15,
    "DRAFT_DAYS": 60,
    "MAIL_ANSWERS": "yes",
    "CHANGES_DAYS": 30,
    "RATELIMIT_STORAGE_URI": "memory://",
    "METRICS_TOKEN": "",
    "HTMX_URL": "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/htmx.min.js",
    "HTMX_INTEGRITY": "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn",
}

MEBIBYTE = 1024 * 1024
MAX_POST_BYTES = 2 * MEBIBYTE
"""More than answers may have, so that a page with answers that are too long can be shown again."""
RANGES = {
    "PORT": (1, 65_535),
    "WORKERS": (0, 64),
    "TRUSTED_PROXIES": (0, 10),
    "BURDEN_MINUTES": (1, 1_440),
    "DRAFT_DAYS": (1, 3_650),
    "CHANGES_DAYS": (1, 365),
}
"""The lowest and highest value of each setting that is a number."""
HOST = r"[\w-]+(\.[\w-]+)*\.?|[\da-fA-F]*:[\da-fA-F:.]+(%\w+)?"
"""The host of a URL: a name, or an address."""
DATABASE_DRIVERS = ("sqlite", "postgresql+psycopg")
FORMATS = {
    "HOST": (
        r"[\w.-]+|[\da-fA-F]*:[\da-fA-F]*:[\w:.%]*",
        "a name or an address of this machine, without a port",
    ),
    "RATELIMIT_STORAGE_URI": (
        r"memory://|(redis|rediss|redis\+(unix|sentinel|cluster))://\S+",
        "memory:// or an address like redis://host:6379",
    ),
    "HTMX_URL": (
        # Part of a header and of a page.
        r"(https?://[A-Za-z0-9_.:\[\]-]+)?/(?!/)((?![;,'\"<>\\])[!-~])*",
        "like https://host/htmx.js, or a path of this site",
    ),
    "MAIL_ANSWERS": ("yes|no", "yes or no"),
    "HTMX_INTEGRITY": (r"(sha(256|384|512)-[A-Za-z0-9+/]+=*)?", "a hash like sha384-…"),
}
"""The pattern of a setting, and what it asks for."""
MAILBOX = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@(\w[\w-]*(\.\w[\w-]*)*|\[[\w.:]+\])", re.ASCII)
"""An address of a setting, without quotes."""
BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off", ""), False
)
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


@dataclass(frozen=True, slots=True)
class MailServer:
    """The mail server that `SMTP_URL` names: over TLS, with STARTTLS, or in clear."""

    host: str
    port: int
    tls: bool
    starttls: bool = False
    plaintext: bool = False
    username: str = ""
    password: str = ""


def read_environment(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return all settings, each of the type of its default. Raise `SettingError`."""
    for name in environ:
        if name.startswith("WIZARD_") and name.removeprefix("WIZARD_") not in DEFAULTS:
            nearest = get_close_matches(name, [f"WIZARD_{known}" for known in DEFAULTS], 1, 0)
            raise SettingError(f"There is no setting {name}. Did you mean {nearest[0]}?")
    settings: dict[str, Any] = {}
    for name, default in DEFAULTS.items():
        text = environ.get(f"WIZARD_{name}", str(default))
        if isinstance(default, int) and not re.fullmatch(r"-?[0-9]{1,20}", text):
            raise SettingError(f"WIZARD_{name} must be a whole number.")  # maybe a password
        settings[name] = type(default)(text)
    if "WIZARD_PUBLIC_URL" not in environ:
        settings["PUBLIC_URL"] = f"http://127.0.0.1:{settings['PORT']}"
    return settings


def flask_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of Flask and its extensions. Raise `SettingError`."""
    if settings["ENV"] not in ("", "production"):
        raise SettingError("WIZARD_ENV must be production, or not set.")
    for name, (lowest, highest) in RANGES.items():
        if not lowest <= settings[name] <= highest:
            raise SettingError(f"WIZARD_{name} must be from {lowest} to {highest}.")
    _check_texts(settings)
    parse_mail_server(settings["SMTP_URL"])
    _check_database_url(settings["DATABASE_URL"])
    public = parse_public_url(settings["PUBLIC_URL"])
    office = settings["PROGRAM_EMAIL"]
    instance = Path(settings["INSTANCE_PATH"]).resolve()
    store = URL.create("sqlite", database=str(instance / "wizard.sqlite"))  # a path may hold a ?
    url = make_url(settings["DATABASE_URL"] or store)
    secure = public.scheme == "https"
    cores = 1 if url.drivername == "sqlite" else os.cpu_count()
    with_redis = settings["RATELIMIT_STORAGE_URI"].startswith("redis")
    return settings | {
        "INSTANCE_PATH": str(instance),
        "MAIL_ANSWERS": settings["MAIL_ANSWERS"] == "yes",
        "WORKERS": settings["WORKERS"] or cores or 1,
        "OMB_EXPIRES": _parse_day("OMB_EXPIRES", settings["OMB_EXPIRES"]),
        "PUBLIC_URL": public.geturl(),
        "MAIL_FROM": str(_parse_mailbox("MAIL_FROM", settings["MAIL_FROM"])),
        # Without a name: pages link to it, and the queue of messages holds it.
        "PROGRAM_EMAIL": _parse_mailbox("PROGRAM_EMAIL", office).addr_spec if office else "",
        "TIMEZONE": _find_zone(settings["TIMEZONE"]),
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
        "WTF_CSRF_SSL_STRICT": False,  # web/security.py checks the origin, not the Referer alone
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_I18N_ENABLED": False,  # the flow's fields have the messages, not WTForms
        "MAX_CONTENT_LENGTH": MAX_POST_BYTES,
        "MAX_FORM_MEMORY_SIZE": MAX_POST_BYTES,
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(url.drivername),
    }


def _parse_day(name: str, value: str) -> date | None:
    if not value:
        return None
    with suppress(ValueError):
        day = date.fromisoformat(value)
        if day.isoformat() == value:  # not 20270331
            return day
    raise SettingError(f"WIZARD_{name} must be a date, like 2027-03-31.")


def _find_zone(name: str) -> ZoneInfo:
    # Not a path, a folder, unknown, too long.
    with suppress(ValueError, OSError, LookupError, RecursionError):
        return ZoneInfo(name)
    raise SettingError("WIZARD_TIMEZONE must be a time zone, like America/New_York.")


def parse_public_url(value: str) -> SplitResult:
    """Return the origin of the program as browsers write it. Raise `SettingError`."""
    parts = _parse_address("PUBLIC_URL", value, ("http", "https"))
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise SettingError("WIZARD_PUBLIC_URL must end after its host or port: no path, no user.")
    host, port = parts.hostname or "", parts.port
    netloc = f"[{host}]" if ":" in host else host
    if port and port != {"http": 80, "https": 443}[parts.scheme]:
        netloc += f":{port}"
    return SplitResult(parts.scheme, netloc, "", "", "")


def parse_mail_server(value: str) -> MailServer | None:
    """Return the mail server of `SMTP_URL`, or None if there is none. Raise `SettingError`."""
    if not value:
        return None
    parts = _parse_address("SMTP_URL", value, ("smtp", "smtps"))
    tls = parts.scheme == "smtps"
    options = {name.lower(): text.lower() for name, text in parse_qsl(parts.query, True)}
    known = options.keys() <= {"starttls", "plaintext"} and set(options.values()) <= set(BOOLEANS)
    chosen = {name: BOOLEANS[text] for name, text in options.items()} if known else {}
    if not known or parts.path not in ("", "/") or sum(chosen.values(), start=tls) > 1:
        raise SettingError(
            "WIZARD_SMTP_URL must be smtps://…, or smtp://… with ?starttls=1 or ?plaintext=1."
        )
    return MailServer(
        parts.hostname or "",
        parts.port or (465 if tls else 25),
        tls,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        **chosen,
    )


def _parse_address(name: str, value: str, schemes: tuple[str, ...]) -> SplitResult:
    """Return the parts of an address. Raise `SettingError`, without the address: it may hold a
    password."""
    with suppress(ValueError):
        parts = urlsplit(value)
        is_valid = " " not in value and parts.scheme in schemes and parts.port != 0
        if is_valid and re.fullmatch(HOST, parts.hostname or ""):
            return parts
    examples = " or ".join(f"{scheme}://…" for scheme in schemes)
    raise SettingError(f"WIZARD_{name} must be a URL without spaces, like {examples}.")


def _check_texts(settings: dict[str, Any]) -> None:
    """Refuse texts that would break a header, a policy or a file name. Raise `SettingError`."""
    for name, value in settings.items():
        if isinstance(value, str) and not value.isprintable():
            raise SettingError(f"WIZARD_{name} must be one line, without invisible characters.")
    for name in ("SECRET_KEY", "INSTANCE_PATH", "HOST", "METRICS_TOKEN", "PROGRAM_NAME"):
        value = settings[name]
        if value != value.strip() or (not value and DEFAULTS[name]):
            raise SettingError(f"WIZARD_{name} must not be blank, or begin or end with a space.")
    _check_instance_path(Path(settings["INSTANCE_PATH"]))
    for name, (pattern, wanted) in FORMATS.items():
        if not re.fullmatch(pattern, settings[name]):
            raise SettingError(f"WIZARD_{name} must be {wanted}.")


def _check_instance_path(path: Path) -> None:
    try:
        if path.is_file():
            raise SettingError("WIZARD_INSTANCE_PATH must be a folder, not a file.")
    except OSError as error:  # a folder above may not be read, a name is too long
        raise SettingError(
            f"WIZARD_INSTANCE_PATH must be a folder we can open: {error.strerror}."
        ) from error


def _parse_mailbox(name: str, value: str) -> Address:
    """Return the one mailbox of a setting, its host in ASCII. Raise `SettingError`."""
    header = EmailMessage(policy=SMTP)
    with suppress(Exception):  # the parser fails in many ways on what is no address
        header["From"] = value
        (address,) = header["From"].addresses
        host = address.domain.encode("idna").decode()
        # The parser also reads what people do not mean: a comma at the end, a group, a comment.
        plain = value.strip().endswith((address.addr_spec, f"<{address.addr_spec}>"))
        plain &= value.count("(") == address.display_name.count("(")
        fits = plain and MAILBOX.fullmatch(f"{address.username}@{host}")
        if fits and not header["From"].defects:
            return Address(address.display_name, address.username, host)
    raise SettingError(
        f"WIZARD_{name} must be one email address, like desk@example.gov; a name before it needs"
        ' quotes if it has a comma or dots: "Data, City" <desk@example.gov>.'
    )


def _check_database_url(value: str) -> None:
    """Raise `SettingError`, without the address, which may hold a password."""
    with suppress(ArgumentError, ValueError):
        url = make_url(value or "sqlite:///file")
        is_file = url.database != ":memory:" and not url.query
        fits = is_file or url.drivername != "sqlite"
        if url.drivername in DATABASE_DRIVERS and url.database and fits:
            return
    raise SettingError(
        "WIZARD_DATABASE_URL must be like postgresql+psycopg://user:password@host/name"
        " or sqlite:////folder/file."
    )


def engine_options(driver: str) -> dict[str, Any]:
    """Return the options of the database engine; PostgreSQL waits at most 5 s for a lock.

    Hidden parameters keep answers and hashes out of error messages, and so out of the log.
    """
    if driver == "sqlite":
        return {"module": sqlite, "hide_parameters": True}
    return {
        "hide_parameters": True,
        "pool_use_lifo": True,  # the connection that has prepared most
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
    secret = path.read_bytes().strip().decode(errors="replace")
    if len(secret) < MIN_SECRET_CHARS or not secret.isprintable() or "\ufffd" in secret:
        fault = "is damaged, or too short for a secret key" if secret else "is empty"
        raise SettingError(f"{path} {fault}. Delete it, and a new secret key will be created.")
    return secret
