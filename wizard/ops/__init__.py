"""The operator's side: serving, commands, health, metrics, backups."""

from flask import Flask

from . import commands, health, metrics


def init_app(app: Flask) -> None:
    """Set up metrics and health checks, and add the commands."""
    metrics.init_app(app)
    app.register_blueprint(health.bp)
    commands.init_app(app)
