"""The database: engine, transactions, models and revision."""

from flask import Flask

from . import engine, models, upgrades


def init_app(app: Flask) -> None:
    """Set up the engine, the migrations, the upgrades of answers and the status filter."""
    engine.init_app(app)
    if app.extensions["flow"].upgrades:
        upgrades.listen()
    app.jinja_env.filters["case_status"] = models.describe_status
