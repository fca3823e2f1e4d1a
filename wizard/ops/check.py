"""The command that checks everything an installation needs."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from gettext import translation
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from .. import checks, clock
from ..accounts import accounts
from ..config import SettingError
from ..db import failures
from ..db.engine import db, is_sqlite, reading
from ..notify import email
from ..notify.mail_errors import describe_mail_error
from ..web.languages import CATALOGS, LANGUAGES
from ..web.limits import limiter
from .cli import Command, describe_os_error
from .server import bind_sockets

TEMPLATE_SUFFIXES = ("html", "txt", "xml")
INSTALL = "Install this version of the program again."


@click.command("check", cls=Command)
@with_appcontext
def check() -> None:
    """Check the settings, files, database, mail server and rate limits.

    Exits with 1 if something is broken. Outside production, settings that would be unsafe there
    are listed but don’t count.
    """
    config = current_app.config
    faults = [*_database_faults(), *_folder_faults(), *file_faults(), *_mail_faults()]
    faults += _host_faults(config["HOST"])
    if not limiter.storage.check():
        faults.append("WIZARD_RATELIMIT_STORAGE_URI is not responding.")
    warnings = [*([] if faults else _database_warnings()), *checks.warnings(config, clock.today())]
    warnings += _privacy_warnings()
    unsafe = [] if config["ENV"] == "production" else checks.errors(config)
    groups = {"ERROR    ": faults, "WARNING  ": warnings, "Not safe for production: ": unsafe}
    for label, lines in groups.items():
        for line in lines:
            click.echo(label + line)
    if faults:
        raise SystemExit(1)
    click.echo("OK: database, mail and rate limits are working.")


def _database_faults() -> Iterator[str]:
    try:
        require_database()
    except SQLAlchemyError as error:
        yield failures.describe_failure(error)
    except OSError as error:
        yield describe_os_error(error)
    except click.ClickException as error:
        yield error.message


def require_database() -> str:
    """Raise an error that ends a command unless the database can be read and written to.

    Return a warning if it is of a newer version, as it is in the middle of a rolling update.
    """
    with reading():
        mismatch = failures.describe_mismatch()
    if mismatch == failures.UPGRADE:
        raise click.ClickException(mismatch)
    if is_sqlite() and not os.access(file := str(db.engine.url.database), os.W_OK):
        raise PermissionError(errno.EACCES, "It cannot be written to", file)
    return mismatch


def _folder_faults() -> Iterator[str]:
    config = current_app.config
    try:
        if "SECRET_KEY" not in config and (Path(config["INSTANCE_PATH"]) / "secret_key").exists():
            _ = current_app.secret_key
        if not config["SMTP_URL"]:
            email.check_folder()
    except OSError as error:
        yield describe_os_error(error)
    except SettingError as error:
        yield error.message


def file_faults() -> Iterator[str]:
    """Yield a line for each catalog and template of the program that is missing or broken."""
    for code in LANGUAGES.keys() - {"en"}:
        try:
            translation("messages", CATALOGS, [code])
        except Exception as error:  # whatever gettext makes of the bytes
            yield f"The translations ({code}) cannot be read: {type(error).__name__}. {INSTALL}"
    templates = current_app.jinja_env
    for name in templates.list_templates(TEMPLATE_SUFFIXES):
        try:
            templates.get_template(name)
        except Exception as error:
            yield f"The template {name} cannot be read: {type(error).__name__}. {INSTALL}"


def _mail_faults() -> Iterator[str]:
    try:
        email.check_connection()
    except Exception as error:  # a refusal, a bad certificate, an unknown host
        yield f"{describe_mail_error(error)} Check WIZARD_SMTP_URL."


def _host_faults(host: str) -> Iterator[str]:
    try:
        for each in bind_sockets(host, 0):  # any port: the site may run now
            each.close()
    except (OSError, UnicodeError):
        yield f"WIZARD_HOST: this machine has no name or address {host}. Try 127.0.0.1 or 0.0.0.0."


def _database_warnings() -> Iterator[str]:
    with reading():
        if mismatch := failures.describe_mismatch():
            yield mismatch
    if not any(user.role == "admin" and not user.disabled_at for user in accounts.list_accounts()):
        yield "There is no admin account. Run the command `staff add EMAIL --role admin`."


def _privacy_warnings() -> Iterator[str]:
    folder = Path(current_app.config["INSTANCE_PATH"])
    for name in ("wizard.sqlite", "secret_key", "mail"):
        with suppress(OSError):  # not every installation has all of them
            if (folder / name).stat().st_mode & 0o044 and folder.stat().st_mode & 0o011:
                yield f"Other users can read {folder / name}. Run `chmod -R go= {folder}`."
