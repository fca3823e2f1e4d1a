"""Commands for operators, below `flask --app wizard`."""

from flask import Flask

from . import account_commands, check, file_commands, outbox_commands, serve


def init_app(app: Flask) -> None:
    """Add the commands to the program."""
    for command in (
        serve.serve,
        outbox_commands.outbox_commands,
        outbox_commands.drafts_commands,
        account_commands.staff_commands,
        account_commands.token_commands,
        file_commands.export,
        file_commands.backup,
        file_commands.restore,
        check.check,
    ):
        app.cli.add_command(command)
