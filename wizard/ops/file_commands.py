"""Commands for files: exports and backups."""

import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
from flask.cli import with_appcontext

from ..accounts import audit
from ..accounts.audit import COMMAND_LINE
from ..staff import exports
from ..submissions import filters
from ..web.current import current_flow
from ..web.query import BadQuery
from ..web.tables import SheetTooLarge
from . import backups

PIPE = Path("-")


@click.command("export")
@click.argument("name")
@click.option("--output", type=click.File("wb"), default="-", help="A file, instead of the screen.")
@with_appcontext
def export(name: str, output: BinaryIO, **given: str) -> None:
    """Writes an export: submissions.csv, .xlsx or .jsonl, data-sets.csv, milestones.csv or
    dictionary.csv; the same bytes as over the web."""
    flow = current_flow()
    try:
        chosen = filters.parse_filters(
            flow, {key: [value] for key, value in given.items() if value}
        )
        stream = exports.export(name, flow, chosen)
    except exports.UnknownExport as error:
        names = ", ".join(exports.export_names(flow))
        raise click.ClickException(f"There is no “{name}”. There are: {names}.") from error
    except (SheetTooLarge, BadQuery) as error:
        raise click.ClickException(str(error)) from error
    shown = chosen.without_text().chosen()
    audit.record_event(COMMAND_LINE, "exported", name, filters=shown)
    for chunk in stream:
        output.write(chunk)


for _field in dataclasses.fields(filters.Filters):
    export = click.option(f"--{_field.name.replace('_', '-')}", help="As on the list.")(export)


@contextmanager
def _file_for(given: Path) -> Iterator[Path]:
    """The one that is given, or for a pipe one that is gone afterwards: a store is no stream."""
    if given != PIPE:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "store.backup"


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@with_appcontext
def backup(file: Path) -> None:
    """Writes the whole store, as it is at this moment, into a new file, or into a pipe (“-”);
    serving goes on."""
    try:
        with _file_for(file) as made:
            rows = backups.write_backup(made)
            if file == PIPE:
                with made.open("rb") as whole:
                    shutil.copyfileobj(whole, sys.stdout.buffer)
    except (backups.BackupError, OSError) as error:
        raise click.ClickException(str(error)) from error
    kept = "Keep it as safe as the store, and the secret key apart."
    click.echo(f"{rows:,} rows. {kept}", err=True)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@with_appcontext
def restore(file: Path) -> None:
    """Puts a backup, from a file or from a pipe (“-”), into a fresh store. Messages that waited
    are held back, sign-ins end."""
    try:
        with _file_for(file) as kept:
            if file == PIPE:
                with kept.open("wb") as whole:
                    shutil.copyfileobj(sys.stdin.buffer, whole)
            rows = backups.restore_backup(kept)
    except (backups.BackupError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{rows:,} rows. See what was held back with `flask outbox list`.")
