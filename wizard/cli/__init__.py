"""Commands for operators, below `flask --app wizard`."""

from flask import Flask

from . import checking, files, mail, people, serving


def init_app(app: Flask) -> None:
    """Ties the commands to the program."""
    for command in (
        serving.serve,
        mail.outbox_commands,
        mail.drafts_commands,
        people.staff_commands,
        people.token_commands,
        files.export,
        files.backup,
        files.restore,
        checking.check,
        files.demo_command,
    ):
        app.cli.add_command(command)
