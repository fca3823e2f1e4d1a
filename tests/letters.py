"""Messages as they would arrive."""

from dataclasses import dataclass

from flask import Flask

from wizard.notify import outbox


@dataclass(frozen=True)
class Letter:
    """What a recipient reads."""

    subject: str
    text: str
    html: str


def drawn(app: Flask, message: outbox.AnyMessage) -> Letter:
    """Draw a message that is queued."""
    with app.app_context():
        email = outbox.render_email(message)
    bodies = (email.get_body((kind,)).get_content() for kind in ("plain", "html"))
    return Letter(email["Subject"], *(body.replace("\r\n", "\n") for body in bodies))
