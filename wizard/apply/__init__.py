"""The applicant's side: the form, its drafts, and the links that reopen them."""

from flask import Flask

from . import followup, resume_views, views


def init_app(app: Flask) -> None:
    """Register the blueprints."""
    for module in (views, resume_views, followup):
        app.register_blueprint(module.bp)
