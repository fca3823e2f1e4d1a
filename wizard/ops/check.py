"""The command that checks everything an installation needs."""

from collections.abc import Iterator

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from .. import checks, clock
from ..accounts import accounts
from ..db import version
from ..db.engine import reading
from ..notify import email
from ..web.limits import limiter


@click.command("check")
@with_appcontext
def check() -> None:
    """Check the settings, database, mail server and rate limits.

    Exits with 1 if something is broken. Outside production, settings that would be unsafe there
    are listed but don’t count.
    """
    config = current_app.config
    faults = [*_database_faults(), *_mail_faults()]
    if not limiter.storage.check():
        faults.append("WIZARD_RATELIMIT_STORAGE_URI is not responding.")
    warnings = [*([] if faults else _account_warnings()), *checks.warnings(config, clock.today())]
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
        with reading():
            migrated = version.is_compatible()
    except DBAPIError as error:
        yield f"Can’t connect to the database: {error.orig}"
        return
    if not migrated:
        yield "The database is not up to date. Run `flask --app wizard db upgrade`."


def _mail_faults() -> Iterator[str]:
    try:
        email.check_connection()
    except Exception as error:  # a refusal, a bad certificate, an unknown host
        yield f"The mail server refused the connection: {type(error).__name__}: {error}"


def _account_warnings() -> Iterator[str]:
    if not any(user.role == "admin" and not user.disabled_at for user in accounts.list_accounts()):
        yield "There is no admin account. Run `flask --app wizard staff add EMAIL --role admin`."
