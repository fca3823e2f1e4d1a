"""The database: engine, transactions, models and revision."""

from flask import Flask

from . import engine, models, upgrades  # noqa: F401 - registers the upgrades


def init_app(app: Flask) -> None:
    """Set up the engine, the migrations and the status filter."""
    engine.init_app(app)
    app.jinja_env.filters["case_status"] = models.describe_status
