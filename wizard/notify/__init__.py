"""E-mail and its queue, the outbox, and how people stop what they did not ask for."""

from flask import Flask

from . import unsubscribe


def init_app(app: Flask) -> None:
    """Register the blueprint."""
    app.register_blueprint(unsubscribe.bp)
