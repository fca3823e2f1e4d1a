"""Typed text: normalize it, refuse what cannot be stored, replace what cannot be shown."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from .messages import Message, MessageError


class Invalid(MessageError):
    """An answer that breaks its field's rules; the message says what to do."""


REPLACEMENT = "\ufffd"  # what a decoder puts in place of invalid bytes
FORBIDDEN_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
"""Control characters, lone surrogates and U+FFFD."""


def replace_forbidden(text: str) -> str:
    """Replace the characters that HTML cannot contain."""
    return FORBIDDEN_CHARACTERS.sub(REPLACEMENT, text)


INVISIBLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default-ignorable characters (UAX #44) and those that look blank, as a class of characters."""
JOINERS = "\u200c\u200d"
"""Also invisible; several scripts need them within a word."""
BLANKS = re.compile(rf"[\s{INVISIBLE}{JOINERS}]*")
FINAL_SELECTOR = re.compile("(?<=[^\x00-\xff])[\ufe00-\ufe0f\U000e0020-\U000e01ef]+")
"""Selects the shape of the character before it, such as an emoji or a letter of a Japanese name."""
SPOOFING = re.compile("[\u200b\u202a-\u202e\u2066-\u2069\ufeff]")
"""Characters that reverse the text after them (UAX #9, 2.1 and 2.2), or hide in a name."""
LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
"""Line ends besides LF, with those that office programs paste."""


def strip_blanks(text: str) -> str:
    """Return the text without white space and invisible characters at its ends.

    Accent marks alone count as blank.
    """
    if text.isascii():  # the same, faster
        return text.strip()
    text = text[BLANKS.match(text).end() :]  # type: ignore[union-attr]
    end = len(text) - BLANKS.match(text[::-1]).end()  # type: ignore[union-attr]
    selector = FINAL_SELECTOR.match(text, end)
    text = text[: selector.end() if selector else end]
    return "" if all(map(unicodedata.combining, text)) else text


def remove_invisible(text: str) -> str:
    """Return an address without invisible characters; joiners stay beside other scripts."""
    if text.isascii():
        return text
    text = re.sub(f"[{INVISIBLE}]", "", text)
    plain = re.sub(f"[{JOINERS}]", "", text)
    return plain if plain.isascii() else text


MAX_COMBINING_MARKS = 30
"""Combining marks in a row (UAX #15, Stream-Safe Text); more take quadratic time to normalize."""
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
DOUBLE_MARKS = "\u0f73\u0f75\u0f81"
"""Characters that consist of marks, but do not count as one themselves."""


def find_excess_marks(text: str) -> list[int]:
    """Return the places of the marks that follow `MAX_COMBINING_MARKS` others."""
    if len(text) <= MAX_COMBINING_MARKS or text.isascii():
        return []
    places, marks = [], 0
    for place, char in enumerate(text):
        marks = marks + 1 if unicodedata.combining(char) or char in DOUBLE_MARKS else 0
        if marks > MAX_COMBINING_MARKS:
            places.append(place)
    return places


def normalize(form: Form, text: str) -> str:
    """Return any text in a normal form, without excess marks."""
    if excess := set(find_excess_marks(text)):
        text = "".join(char for place, char in enumerate(text) if place not in excess)
    return unicodedata.normalize(form, text)


def normalize_text(raw: str, noun: str) -> str:
    """Return the text in NFC, without blanks at its ends and `SPOOFING` characters, with LF line
    ends. Raise `Invalid`."""
    typed = LINE_ENDS.sub("\n", raw)
    typed = typed if typed.isascii() else SPOOFING.sub("", typed)
    if excess := find_excess_marks(typed):
        raise Invalid(
            "Remove accent marks from your answer about %(noun)s. One letter has too many.",
            noun=_with_line(noun, typed, excess[0]),
        )
    typed = unicodedata.normalize("NFC", typed)
    text = strip_blanks(typed)
    if match := FORBIDDEN_CHARACTERS.search(text):
        raise Invalid(
            "Remove the character we can’t save (%(code)s) from your answer about %(noun)s.",
            noun=_with_line(noun, typed, typed.index(text) + match.start()),
            code=f"U+{ord(match[0]):04X}",
        )
    return text


def _with_line(noun: str, text: str, place: int) -> str:
    """Return the noun with the number of the line at `place`, if the text has several."""
    if "\n" not in text.strip():
        return noun
    return Message("%(noun)s (line %(line)s)", noun=noun, line=text.count("\n", 0, place) + 1)


ALIKE = str.maketrans(
    dict.fromkeys(
        "\u2018\u2019\u201a\u201b\u2032\u02b9\u02bb\u02bc\u02bd\u02be\u02bf`\u00b4\uff07", "'"
    )
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58", "-")
    | {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ŧ": "t"}
)
"""Typographic signs and the plain ones; letters with a stroke or joined, which Unicode keeps."""
UNSEEN = re.compile(f"[{INVISIBLE}{JOINERS}]")
MAYBE_MARKS = re.compile("[\u0300-\U0010ffff]+")
"""Characters of which some are combining marks; there are none before U+0300."""
NOT_ASCII = re.compile("([^\x00-\x7f]+)")


def fold_text(text: str) -> str:
    """Return the text without case, accents and typographic signs, so that “san jose” finds San
    José, and “coeur d'alene” finds Coeur d’Alene."""
    if text.isascii():  # the same, faster
        return text.lower().replace("`", "'")
    parts = NOT_ASCII.split(text)  # most of a text is ASCII
    parts[::2] = [part.lower().replace("`", "'") for part in parts[::2]]
    parts[1::2] = [(_fold_other if part[1:] else _fold_sign)(part) for part in parts[1::2]]
    return "".join(parts)


def _fold_other(text: str) -> str:
    """Return folded what is not ASCII."""
    parts = normalize("NFKD", UNSEEN.sub("", text.translate(ALIKE)))
    return MAYBE_MARKS.sub(_remove_marks, parts).casefold().translate(ALIKE)


_fold_sign = lru_cache(maxsize=1_000)(_fold_other)
"""The same for a single character, such as an apostrophe: there are few, and many of each."""


def _remove_marks(found: re.Match[str]) -> str:
    return "".join(char for char in found[0] if not unicodedata.combining(char))


def add_colon(label: str) -> str:
    """Return a label with a colon behind it, unless it is a question or a sentence."""
    return label if label.endswith(("?", ".", ":")) else f"{label}:"
