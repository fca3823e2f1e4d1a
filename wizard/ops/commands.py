"""Commands for operators: accounts, tokens, emails, drafts, exports and backups."""

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import flask_migrate
from flask import Flask
from flask.cli import with_appcontext
from flask_migrate.cli import db as database_commands

from ..accounts import accounts, audit, tokens
from ..accounts.audit import COMMAND_LINE
from ..db.engine import reading
from ..forms.flow import Flow
from ..notify import outbox, unsent
from ..staff import exports
from ..submissions import bounces, filters
from ..submissions.colleagues import MINE, NOBODY
from ..web.current import current_flow
from . import backups
from .check import check, require_database
from .cli import Command, Group
from .files import new_file
from .serve import JOBS, DailyJobs, repeat_until, serve

PIPE = Path("-")
FILE = click.Path(path_type=Path, allow_dash=True, readable=False)
"""A file that the command itself says what is wrong with."""

staff_commands = Group("staff", help="Manage staff accounts.")
token_commands = Group("token", help="Manage API tokens for exports.")
outbox_commands = Group("outbox", help="Manage outgoing email.")
drafts_commands = Group("drafts", help="Manage drafts.")


def init_app(app: Flask) -> None:
    """Add the commands to the program."""
    groups = staff_commands, token_commands, outbox_commands, drafts_commands
    export = export_command(app.extensions["flow"])
    for command in (serve, check, *groups, bounce, export, backup, restore):
        app.cli.add_command(command)
    database_commands.add_command(downgrade)


@staff_commands.command("add")
@click.argument("email")
@click.option(
    "--role", type=click.Choice(list(accounts.ROLES)), default="viewer", show_default=True
)
@click.option("--name", default="", help="Shown beside the address.")
@click.option("--ask", is_flag=True, help="Prompt for a password instead of generating one.")
def add_account(email: str, role: str, name: str, ask: bool) -> None:
    """Add an account, and print its password."""
    typed = click.prompt("Password", hide_input=True, confirmation_prompt=True) if ask else ""
    password = accounts.add_account(email, role, COMMAND_LINE, typed, name)
    click.echo(f"Added {email} as {role}.")
    if not ask:
        click.echo(f"Password: {password}")


@staff_commands.command("list")
def list_accounts() -> None:
    """List staff accounts."""
    for account in accounts.list_accounts():
        factor = "two-step sign-in" if account.has_app else "password only"
        state = ", disabled" if account.disabled_at else ""
        click.echo(f"{account.email}\t{account.role}\t{factor}{state}")


@staff_commands.command("disable")
@click.argument("email")
@click.option("--force", is_flag=True, help="Even if no admin is left then.")
def disable_account(email: str, force: bool) -> None:
    """Disable an account and sign it out everywhere."""
    accounts.disable_account(email, COMMAND_LINE, force=force)
    click.echo(f"Disabled {email}.")


@staff_commands.command("reset")
@click.argument("email")
def reset_account(email: str) -> None:
    """Generate a new password and remove two-step sign-in (for example, for a lost phone).

    A disabled account can be used again.
    """
    before = accounts.find_account(accounts.clean_email(email))
    click.echo(f"Password: {accounts.reset_account(email, COMMAND_LINE)}")
    if before and before.disabled_at:
        click.echo(f"{email} was disabled, and can sign in again now.", err=True)


@token_commands.command("add")
@click.argument("name")
@click.option("--days", default=90, show_default=True, help="Days until the token expires.")
def create_token(name: str, days: int) -> None:
    """Create a token and show it once."""
    click.echo(tokens.create_token(name, days, COMMAND_LINE))


@token_commands.command("list")
def list_tokens() -> None:
    """List API tokens."""
    for token in tokens.list_tokens():
        state = "revoked" if token.revoked_at else f"expires {token.expires_at:%Y-%m-%d}"
        used = f"last used {token.used_at:%Y-%m-%d %H:%M}Z" if token.used_at else "never used"
        click.echo(f"{token.name}\t{state}\t{used}")


@token_commands.command("revoke")
@click.argument("name")
def revoke_token(name: str) -> None:
    """Revoke a token."""
    tokens.revoke_token(name, COMMAND_LINE)
    click.echo(f"Token “{name}” revoked.")


@click.command("downgrade", cls=Command)
@click.argument("revision", default="-1")
@click.option("--yes", is_flag=True, help="Delete it: there is a backup.")
@with_appcontext
def downgrade(revision: str, yes: bool) -> None:
    """Undo migrations, the newest one or all after REVISION, and delete what is stored for them."""
    if not yes:
        raise click.ClickException(
            "This deletes what the program stored in newer tables and columns. An earlier version"
            " of the program also works with the newer database. If you are sure, make a backup"
            " with the command `backup`, then add --yes."
        )
    flask_migrate.downgrade(revision=revision)


@outbox_commands.command("deliver")
@click.option("--watch", is_flag=True, help="Keep running until stopped.")
def deliver(watch: bool) -> None:
    """Send all emails that are due."""
    require_database()
    if watch:
        repeat_until(threading.Event(), outbox.deliver_due)
        return
    with reading():
        before = unsent.queue_stats()
    sent, left = outbox.deliver_due(), unsent.queue_stats()
    failed = max(left.failed - before.failed, 0)
    click.echo(f"Sent: {sent}. Failed: {failed}. Still waiting: {left.waiting}.")
    if failed or any(each.last_error for each in unsent.unsent() if not each.failed_at):
        raise click.ClickException("Some emails couldn’t be sent. `outbox list` says why.")


@outbox_commands.command("list")
def list_messages() -> None:
    """List unsent emails: Message-ID, recipient, subject, next attempt, attempts, last error."""
    for message in unsent.unsent():
        due = f"due {message.next_attempt_at:%Y-%m-%d %H:%M}Z"
        state, error = "failed" if message.failed_at else due, message.last_error or ""
        about = [message.message_id, message.recipient, outbox.subject_of(message)]
        click.echo("\t".join([*about, state, f"attempts: {message.attempts}", error]))


@outbox_commands.command("retry")
@click.argument("message_ids", nargs=-1)
def retry(message_ids: tuple[str, ...]) -> None:
    """Retry unsent emails now: those with the given Message-IDs, or all of them."""
    click.echo(f"Due now: {unsent.retry(message_ids)}.")


@click.command("bounce", cls=Command)
@with_appcontext
def bounce() -> None:
    """Record an email that came back, read from standard input.

    It then shows on its case, with the reason. Other mail changes nothing, and is no failure: a
    mail server would tell its sender.
    """
    returned = sys.stdin.buffer.read(bounces.MAX_BYTES)
    try:
        click.echo(f"Came back: {bounces.record_bounce(returned)}.")
    except bounces.BounceError as error:
        click.echo(f"Nothing recorded. {error}")


@drafts_commands.command("purge")
def purge() -> None:
    """Run the daily jobs: delete expired drafts and sessions, and send reminders."""
    require_database()
    done = DailyJobs().run_due()
    for name, count in done.items():
        click.echo(f"{name.capitalize()}: {count}")
    if failed := [name for name in JOBS if name not in done]:
        raise click.ClickException(
            f"{', '.join(failed)} failed. Check the log, then run this command again."
        )


@click.command("export")
@click.argument("name")
@click.option(
    "--output",
    type=FILE,
    default=PIPE,
    help="Write to this file instead of standard output.",
)
@click.option("--no-contacts", is_flag=True, help="Leave out contact details.")
@with_appcontext
def export(name: str, output: Path, no_contacts: bool, **options: str) -> None:
    """Export submissions.csv, .xlsx or .jsonl, the CSV file of a group, or dictionary.csv.

    The content is the same as in the web export.
    """
    flow = current_flow()
    names = exports.export_names(flow)
    if name not in names:
        raise click.ClickException(f"Unknown export “{name}”. Available: {', '.join(names)}.")
    args = {key: [value] for key, value in options.items() if value}
    chosen = filters.parse_filters(flow, args)
    who = chosen.get("assigned", NOBODY)
    if who not in (NOBODY, MINE) and accounts.find_account(who) is None:
        raise click.ClickException(f"No account found for {who}. `staff list` lists them.")
    stream = exports.export(name, flow, chosen, contacts=not no_contacts)
    logged = {"filters": chosen.without("q"), "contacts": not no_contacts}
    audit.record_event(COMMAND_LINE, "exported", name, **logged)
    if output == PIPE:
        sys.stdout.buffer.writelines(stream)
        return
    with new_file(output) as unfinished, unfinished.open("wb") as file:
        file.writelines(stream)


def export_command(flow: Flow) -> click.Command:
    """Return the command with an option for each filter of the flow."""
    names = (name.replace("_", "-") for name in filters.list_filters(flow))
    text = "Same filter as on the submissions page."
    older = {"q": ["--text"]}  # the name of the option in earlier versions
    options = [click.Option([f"--{name}", *older.get(name, [])], help=text) for name in names]
    params = [*export.params, *options]
    return Command("export", params=params, callback=export.callback, help=export.help)


@click.command("backup", cls=Command)
@click.argument("file", type=FILE)
@with_appcontext
def backup(file: Path) -> None:
    """Back up the whole database to a new file, or to standard output (“-”).

    The site stays up.
    """
    with _regular_file(file) as path:
        rows = backups.write_backup(path)
        if file == PIPE:
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
    advice = "Protect this file like the database, and keep the secret key somewhere else."
    click.echo(f"{rows:,} rows backed up. {advice}", err=True)


@click.command("restore", cls=Command)
@click.argument("file", type=FILE)
@with_appcontext
def restore(file: Path) -> None:
    """Restore a backup from a file or standard input (“-”) into an empty database.

    Unsent emails are held, and staff are signed out.
    """
    is_stream = file == PIPE or file.is_fifo() or file.is_char_device()
    with _regular_file(PIPE if is_stream else file) as path:
        if is_stream:
            source = sys.stdin.buffer if file == PIPE else file.open("rb")
            with path.open("wb") as stream, source:
                shutil.copyfileobj(source, stream)
        rows = backups.restore_backup(path, "Standard input" if file == PIPE else str(file))
    click.echo(f"{rows:,} rows restored. The command `outbox list` shows held emails.")


@contextmanager
def _regular_file(file: Path) -> Iterator[Path]:
    """Yield the file, or for a pipe a temporary one: SQLite cannot use a stream."""
    if file != PIPE:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "database.backup"
