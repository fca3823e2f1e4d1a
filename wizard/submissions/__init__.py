"""Submissions, as all three sides use them."""

from flask import Flask

from . import cases


def init_app(app: Flask) -> None:
    """Register the template test `publishable` on answers."""
    app.jinja_env.tests["publishable"] = cases.may_publish
