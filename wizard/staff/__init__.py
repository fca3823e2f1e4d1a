"""The staff side: cases, exports and the dashboard."""

from flask import Flask

from ..accounts.permissions import bp
from . import bulk_views, list_views, report_views, views

__all__ = ["init_app", "list_views", "bulk_views", "report_views", "views"]


def init_app(app: Flask) -> None:
    """Register the blueprint of the whole staff side, including the views of `accounts`."""
    app.register_blueprint(bp)
