"""Commands for the staff's accounts and for tokens."""

import click
from flask.cli import AppGroup

from ..accounts import accounts, tokens
from ..accounts.accounts import AccountError
from ..accounts.audit import COMMAND_LINE
from ..accounts.passwords import WeakPassword
from ..accounts.tokens import TokenError

staff_commands = AppGroup("staff", help="Who may sign in.")
token_commands = AppGroup("token", help="Keys with which programs fetch exports.")


@staff_commands.command("add")
@click.argument("email")
@click.option(
    "--role", type=click.Choice(list(accounts.ROLES)), default="viewer", show_default=True
)
@click.option("--ask", is_flag=True, help="Ask for the password instead of making one.")
def add(email: str, role: str, ask: bool) -> None:
    """Adds an account."""
    given = click.prompt("Password", hide_input=True, confirmation_prompt=True) if ask else ""
    try:
        password = accounts.add_account(email, role, COMMAND_LINE, given)
    except (AccountError, WeakPassword) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{email} is {'an' if role[0] in 'ae' else 'a'} {role} now.")
    if not ask:
        click.echo(f"Password: {password}")


@staff_commands.command("list")
def list_accounts_command() -> None:
    """Lists the accounts."""
    for each in accounts.list_accounts():
        factor = "second factor" if each.totp_secret else "no second factor"
        click.echo(f"{each.email}\t{each.role}\t{factor}{', disabled' if each.disabled_at else ''}")


@staff_commands.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Ends every session of an account, and lets it open none."""
    try:
        accounts.disable_account(email, COMMAND_LINE)
    except AccountError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{email} is disabled.")


@staff_commands.command("reset")
@click.argument("email")
def reset(email: str) -> None:
    """Makes a new password, and takes off the second factor: a phone was lost."""
    try:
        password = accounts.reset_account(email, COMMAND_LINE)
    except AccountError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Password: {password}")


@token_commands.command("add")
@click.argument("name")
@click.option("--days", default=90, show_default=True, help="Until it ends.")
def make(name: str, days: int) -> None:
    """Makes a token, and shows it this once."""
    try:
        click.echo(tokens.create_token(name, days, COMMAND_LINE))
    except TokenError as error:
        raise click.ClickException(str(error)) from error


@token_commands.command("list")
def list_tokens_command() -> None:
    """Lists the tokens."""
    for each in tokens.list_tokens():
        state = "revoked" if each.revoked_at else f"ends {each.expires_at:%Y-%m-%d}"
        used = f"last used {each.used_at:%Y-%m-%d %H:%M}Z" if each.used_at else "never used"
        click.echo(f"{each.name}\t{state}\t{used}")


@token_commands.command("revoke")
@click.argument("name")
def revoke(name: str) -> None:
    """Ends a token at once."""
    try:
        tokens.revoke_token(name, COMMAND_LINE)
    except TokenError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"“{name}” opens nothing any more.")
