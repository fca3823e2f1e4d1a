"""The public side: published commitments, open data, statements."""

from flask import Flask

from . import open_data_views, views


def init_app(app: Flask) -> None:
    """Register the blueprints."""
    for module in (views, open_data_views):
        app.register_blueprint(module.bp)
