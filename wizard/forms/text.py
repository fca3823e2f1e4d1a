"""Text as it was typed: what of it can be kept, and what a page can show."""

import re
import unicodedata

from .messages import MessageError


class Invalid(MessageError):
    """A value outside its field's rule; the message says to a person what to do."""


REPLACEMENT = "\ufffd"
"""What a decoder leaves where the bytes were no text, and a page shows for what it cannot."""
FORBIDDEN_CHARACTERS = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff{REPLACEMENT}]"
)
"""Control characters, halves of characters, and the trace of a broken one."""


def replace_forbidden(text: str) -> str:
    """Text as a page can show it: HTML has no way to hold some characters."""
    return FORBIDDEN_CHARACTERS.sub(REPLACEMENT, text)


MAX_COMBINING_MARKS = 30
"""Combining marks in a row (UAX #15, Stream-Safe Text); normalizing more takes quadratic time."""


def normalize_text(raw: str, noun: str) -> str:
    """What was typed, as it is kept: NFC, one kind of line end. Raises `Invalid`."""
    marks = 0
    for char in raw if not raw.isascii() else "":
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks > MAX_COMBINING_MARKS:
            raise Invalid(
                "Type %(noun)s again: it holds more accents on one letter than can be kept.",
                noun=noun,
            )
    text = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if found := FORBIDDEN_CHARACTERS.search(text):
        raise Invalid(
            "Type %(noun)s again: it holds a character that cannot be kept (%(code)s).",
            noun=noun,
            code=f"U+{ord(found[0]):04X}",
        )
    return text


def fold_text(text: str) -> str:
    """Text to search in: without case and accents, so that “san jose” finds San José."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char)).casefold()
