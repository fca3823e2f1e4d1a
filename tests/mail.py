"""Render queued messages as their recipients read them."""

import re
from dataclasses import dataclass

from flask import Flask

from wizard.db.models import MailMessage
from wizard.notify import outbox

MAX_LINE_CHARS = 78  # RFC 5322, 2.1.1
MARKUP = re.compile(r"</?(br|p|a|td|li|strong|h\d)\b[^>]*>|&(#\d+|amp|lt|gt|quot);")


@dataclass(frozen=True)
class RenderedEmail:
    """The parts of a message that a recipient reads."""

    subject: str
    text: str
    html: str


def render_message(
    app: Flask, message: outbox.AnyMessage, *, has_markup: bool = False
) -> RenderedEmail:
    """Render a queued message, and check its plain text unless somebody typed markup."""
    with app.app_context():
        email = outbox.render_email(message)
    bodies = (email.get_body((kind,)).get_content() for kind in ("plain", "html"))
    text, html = (body.replace("\r\n", "\n") for body in bodies)
    if isinstance(message, MailMessage) and not has_markup:
        check_plain_text(text, app.config["PUBLIC_URL"])
    return RenderedEmail(email["Subject"], text, html)


def check_plain_text(text: str, public_url: str) -> None:
    """Fail unless a mail program can show the text as it is: short lines, each link on its own."""
    assert "\n\n\n" not in text and text == text.strip("\n") + "\n"
    assert not MARKUP.search(text), text
    for line in text.split("\n"):
        assert line == line.rstrip(), line
        words = line.split()
        assert len(line) <= MAX_LINE_CHARS or len(words) == 1, line
        assert len(words) == 1 or public_url not in line, line
