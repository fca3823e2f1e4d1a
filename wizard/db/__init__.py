"""The database: its engine, transactions, models and version."""

from flask import Flask

from . import engine, models


def init_app(app: Flask) -> None:
    """Set up the engine and its migrations."""
    engine.init_app(app)
    app.jinja_env.filters["case_status"] = models.describe_status
