"""The office's side: cases, exports, the dashboard."""

from flask import Flask

from ..accounts.permissions import bp
from . import export_views, views

__all__ = ["export_views", "init_app", "views"]


def init_app(app: Flask) -> None:
    """Register the blueprint of the whole staff side, the views of `accounts` included."""
    app.register_blueprint(bp)
