"""Typed text: normalize it, refuse what cannot be stored, replace what cannot be shown."""

import re
import unicodedata

from .messages import MessageError


class Invalid(MessageError):
    """An answer that breaks its field's rules; the message says what to do."""


REPLACEMENT = "\ufffd"  # what a decoder puts in place of invalid bytes
FORBIDDEN_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
"""Control characters, lone surrogates and U+FFFD."""


def replace_forbidden(text: str) -> str:
    """Replace the characters that HTML cannot contain."""
    return FORBIDDEN_CHARACTERS.sub(REPLACEMENT, text)


MAX_COMBINING_MARKS = 30
"""Combining marks in a row (UAX #15, Stream-Safe Text); more take quadratic time to normalize."""


def normalize_text(raw: str, noun: str) -> str:
    """Return the text in NFC, stripped, with LF line ends. Raises `Invalid`."""
    marks = 0
    for char in raw if not raw.isascii() else "":
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks > MAX_COMBINING_MARKS:
            raise Invalid(
                "Enter %(noun)s again. One letter has too many accent marks.",
                noun=noun,
            )
    text = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if match := FORBIDDEN_CHARACTERS.search(text):
        raise Invalid(
            "Enter %(noun)s again. It includes a character we can’t save (%(code)s).",
            noun=noun,
            code=f"U+{ord(match[0]):04X}",
        )
    return text


def fold_text(text: str) -> str:
    """Return the text without case and accents, so that “san jose” finds San José."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char)).casefold()
