"""One command that looks whether everything an installation needs is there."""

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
    """Looks at the settings, the store, the mail server and the limits. Ends with 1 at a fault.

    Outside production the settings that keep it from there are told, and are no fault.
    """
    config = current_app.config
    broken = [*_store(), *_mail(), *_limits()]
    for line in broken:
        click.echo(f"FAULT    {line}")
    for line in [] if broken else _accounts():
        click.echo(f"WARNING  {line}")
    for line in checks.warnings(config, clock.today()):
        click.echo(f"WARNING  {line}")
    if config["ENV"] != "production":
        for line in checks.errors(config):
            click.echo(f"not for production: {line}")
    if broken:
        raise SystemExit(1)
    click.echo("Store, mail and limits answer.")


def _store() -> Iterator[str]:
    try:
        with reading():
            migrated = version.is_compatible()
    except DBAPIError as error:
        yield f"The store does not answer: {error.orig}"
        return
    if not migrated:
        yield "The store is not migrated: run `flask --app wizard db upgrade`."


def _mail() -> Iterator[str]:
    try:
        email.check_connection()
    except Exception as error:  # a refusal, a certificate, a name that is not known
        yield f"The mail server does not take us: {type(error).__name__}: {error}"


def _limits() -> Iterator[str]:
    if not limiter.storage.check():
        yield "WIZARD_RATELIMIT_STORAGE_URI does not answer."


def _accounts() -> Iterator[str]:
    if not any(each.role == "admin" and not each.disabled_at for each in accounts.list_accounts()):
        yield "Nobody is admin: run `flask --app wizard staff add EMAIL --role admin`."
