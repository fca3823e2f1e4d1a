"""Render queued messages as their recipients read them."""

from dataclasses import dataclass

from flask import Flask

from wizard.notify import outbox


@dataclass(frozen=True)
class RenderedEmail:
    """The parts of a message that a recipient reads."""

    subject: str
    text: str
    html: str


def render_message(app: Flask, message: outbox.AnyMessage) -> RenderedEmail:
    """Render a queued message."""
    with app.app_context():
        email = outbox.render_email(message)
    bodies = (email.get_body((kind,)).get_content() for kind in ("plain", "html"))
    return RenderedEmail(email["Subject"], *(body.replace("\r\n", "\n") for body in bodies))
