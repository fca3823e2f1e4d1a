"""The operator's side: serving, commands, health checks, metrics, backups."""

from flask import Flask

from . import commands, health, metrics, parts  # noqa: F401 - its page


def init_app(app: Flask) -> None:
    """Set up metrics, health checks and commands."""
    metrics.init_app(app)
    app.register_blueprint(health.bp)
    commands.init_app(app)
