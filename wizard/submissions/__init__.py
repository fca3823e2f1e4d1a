"""What was submitted, for all three sides."""

from flask import Flask

from . import cases


def init_app(app: Flask) -> None:
    """Let templates ask whether an organization agreed to be listed."""
    app.jinja_env.tests["publishable"] = cases.may_publish
