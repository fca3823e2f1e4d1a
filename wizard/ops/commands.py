"""Commands for operators: accounts, tokens, messages, drafts, exports and backups."""

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from ..accounts import accounts, audit, tokens
from ..accounts.accounts import AccountError
from ..accounts.audit import COMMAND_LINE
from ..accounts.passwords import WeakPassword
from ..accounts.tokens import TokenError
from ..forms.flow import Flow
from ..notify import outbox
from ..staff import exports
from ..submissions import filters
from ..web.current import current_flow
from ..web.query import BadQuery
from ..web.tables import SheetTooLarge
from . import backups
from .backups import BackupError
from .check import check
from .serve import JOBS, DailyJobs, repeat_until, serve

PIPE = Path("-")

staff_commands = AppGroup("staff", help="Manage the accounts of the staff.")
token_commands = AppGroup(
    "token", help="Manage the tokens with which other programs fetch exports."
)
outbox_commands = AppGroup("outbox", help="Deliver, list and retry messages.")
drafts_commands = AppGroup("drafts", help="Manage unfinished answers.")


def init_app(app: Flask) -> None:
    """Add the commands to the program."""
    groups = staff_commands, token_commands, outbox_commands, drafts_commands
    for command in (serve, check, *groups, export_command(app.extensions["flow"]), backup, restore):
        app.cli.add_command(command)


@contextmanager
def fail_on(*errors: type[Exception]) -> Iterator[None]:
    """End the command with one line instead of a traceback on these errors; a decorator too."""
    try:
        yield
    except errors as error:
        raise click.ClickException(str(error)) from error


@staff_commands.command("add")
@click.argument("email")
@click.option(
    "--role", type=click.Choice(list(accounts.ROLES)), default="viewer", show_default=True
)
@click.option("--ask", is_flag=True, help="Ask for the password instead of generating one.")
@fail_on(AccountError, WeakPassword)
def add_account(email: str, role: str, ask: bool) -> None:
    """Add an account, and print its password."""
    typed = click.prompt("Password", hide_input=True, confirmation_prompt=True) if ask else ""
    password = accounts.add_account(email, role, COMMAND_LINE, typed)
    click.echo(f"{email} is {'an' if role[0] in 'ae' else 'a'} {role} now.")
    if not ask:
        click.echo(f"Password: {password}")


@staff_commands.command("list")
def list_accounts() -> None:
    """List the accounts."""
    for account in accounts.list_accounts():
        factor = "second factor" if account.totp_secret else "no second factor"
        state = ", disabled" if account.disabled_at else ""
        click.echo(f"{account.email}\t{account.role}\t{factor}{state}")


@staff_commands.command("disable")
@click.argument("email")
@click.option("--force", is_flag=True, help="Even if no admin is left then.")
@fail_on(AccountError)
def disable_account(email: str, force: bool) -> None:
    """End every session of an account, and refuse new ones."""
    accounts.disable_account(email, COMMAND_LINE, force=force)
    click.echo(f"{email} is disabled.")


@staff_commands.command("reset")
@click.argument("email")
@fail_on(AccountError)
def reset_account(email: str) -> None:
    """Make a new password, and remove the second factor: for a lost phone."""
    click.echo(f"Password: {accounts.reset_account(email, COMMAND_LINE)}")


@token_commands.command("add")
@click.argument("name")
@click.option("--days", default=90, show_default=True, help="Days until the token expires.")
@fail_on(TokenError)
def create_token(name: str, days: int) -> None:
    """Make a token, and print it once."""
    click.echo(tokens.create_token(name, days, COMMAND_LINE))


@token_commands.command("list")
def list_tokens() -> None:
    """List the tokens."""
    for token in tokens.list_tokens():
        state = "revoked" if token.revoked_at else f"ends {token.expires_at:%Y-%m-%d}"
        used = f"last used {token.used_at:%Y-%m-%d %H:%M}Z" if token.used_at else "never used"
        click.echo(f"{token.name}\t{state}\t{used}")


@token_commands.command("revoke")
@click.argument("name")
@fail_on(TokenError)
def revoke_token(name: str) -> None:
    """End a token at once."""
    tokens.revoke_token(name, COMMAND_LINE)
    click.echo(f"“{name}” is revoked.")


@outbox_commands.command("deliver")
@click.option("--watch", is_flag=True, help="Keep going until stopped.")
def deliver(watch: bool) -> None:
    """Send the messages that are due."""
    if watch:
        repeat_until(threading.Event(), outbox.deliver_due)
        return
    sent = outbox.deliver_due()
    click.echo(f"{sent} sent, {outbox.queue_stats().waiting} still waiting")


@outbox_commands.command("list")
def list_messages() -> None:
    """List the messages that wait or failed: next attempt, number of attempts, last error."""
    for message in outbox.unsent():
        due = f"due {message.next_attempt_at:%Y-%m-%d %H:%M}Z"
        state, error = "given up" if message.failed_at else due, message.last_error or ""
        click.echo(f"{message.message_id}\t{state}\t{message.attempts} tries\t{error}")


@outbox_commands.command("retry")
@click.argument("message_ids", nargs=-1)
def retry(message_ids: tuple[str, ...]) -> None:
    """Make waiting and failed messages due now: all, or those with the given Message-IDs."""
    click.echo(f"{outbox.retry(message_ids)} due now")


@drafts_commands.command("purge")
def purge() -> None:
    """Run the daily jobs: delete expired drafts and sessions, and send the reminders."""
    done = DailyJobs().run_due()
    deleted, reminded = done.get("drafts deleted", 0), done.get("drafts reminded", 0)
    click.echo(f"{deleted} deleted, {reminded} reminded")
    if failed := [name for name in JOBS if name not in done]:
        raise click.ClickException(f"{', '.join(failed)} failed: see the log, then run it again.")


@click.command("export")
@click.argument("name")
@click.option("--output", type=click.File("wb"), default="-", help="A file to write to.")
@with_appcontext
@fail_on(SheetTooLarge, BadQuery)
def export(name: str, output: BinaryIO, **options: str) -> None:
    """Write an export: submissions.csv, .xlsx or .jsonl, the CSV file of a group, or
    dictionary.csv. The bytes are the same as on the web."""
    flow = current_flow()
    names = exports.export_names(flow)
    if name not in names:
        raise click.ClickException(f"There is no “{name}”. There are: {', '.join(names)}.")
    args = {key: [value] for key, value in options.items() if value}
    chosen = filters.parse_filters(flow, args)
    stream = exports.export(name, flow, chosen)
    audit.record_event(COMMAND_LINE, "exported", name, filters=chosen.without("text"))
    output.writelines(stream)


def export_command(flow: Flow) -> click.Command:
    """Return the command with an option for each filter of the flow."""
    names = (name.replace("_", "-") for name in filters.list_filters(flow))
    options = [click.Option([f"--{name}"], help="As on the list.") for name in names]
    params = [*export.params, *options]
    return click.Command("export", params=params, callback=export.callback, help=export.help)


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@with_appcontext
@fail_on(BackupError, OSError)
def backup(file: Path) -> None:
    """Write the whole database, as of one moment, to a new file, or to a pipe (“-”). The
    program goes on serving."""
    with _regular_file(file) as path:
        rows = backups.write_backup(path)
        if file == PIPE:
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
    advice = "Keep it as safe as the database, and the secret key apart from it."
    click.echo(f"{rows:,} rows. {advice}", err=True)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@with_appcontext
@fail_on(BackupError, OSError)
def restore(file: Path) -> None:
    """Load a backup from a file, or from a pipe (“-”), into a fresh, migrated database. Hold back
    the messages that were waiting, and end all sessions."""
    with _regular_file(file) as path:
        if file == PIPE:
            with path.open("wb") as stream:
                shutil.copyfileobj(sys.stdin.buffer, stream)
        rows = backups.restore_backup(path)
    click.echo(f"{rows:,} rows. See what was held back with `flask outbox list`.")


@contextmanager
def _regular_file(file: Path) -> Iterator[Path]:
    """Yield the file, or for a pipe a temporary one: SQLite cannot use a stream."""
    if file != PIPE:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "store.backup"
