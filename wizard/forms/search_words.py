"""The words of a text, as they are indexed and looked up: without case, accents and signs."""

import re
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, combinations, pairwise
from unicodedata import category
from zlib import crc32

from .text import fold_text

MAX_QUERY_WORDS = 32
MAX_WORD_CHARS = 100
"""A longer word is cut, in texts and in queries alike: PostgreSQL holds up to 2,046 bytes."""
MAX_SIDES = 4
"""The sides of apostrophes in one word that are words of their own."""
MAX_WORDS, MAX_CHARS = 16_000, 200_000
"""The words of one submission that are indexed, and their characters: PostgreSQL counts places up
to 16,383, and holds less than a megabyte."""
MIN_BEGINNING_CHARS = 3
"""The letters of a last word that is found by its beginning. With one or two it would find nearly
everything, and SQLite would read the places of all those words."""
BREAK = "¶"
"""Stands between two texts, so that no phrase reaches from one into the next. It is in no query."""
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
"""Scripts without spaces: Thai, Lao, Burmese, Khmer, Japanese and Chinese. Each letter is a word:
several together are a phrase, which is found anywhere."""
WORD = re.compile(rf"({UNSPACED.pattern}|[^\W_][\w'’‘ʻʼ\u0300-\u036f]*)")
"""A word as it is written, with accents and apostrophes."""


WEB_ADDRESS = re.compile("^https?://(?=.)")
PHONE = "1?([2-9][0-9]{2})([2-9][0-9]{2})([0-9]{4})"
"""A phone number of North America, without what stands between its parts."""
REFERENCE = "([a-z0-9]{4})([a-z0-9]{4})"
"""What follows the prefix of a reference, without hyphens."""


class _Signs(dict[int, str]):
    """What takes the place of a folded character: of a sign a space."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        is_kept = category(char)[0] in "LMN" or char == "'"
        self[code] = f" {char} " if UNSPACED.match(char) else char if is_kept else " "
        return self[code]


_signs = _Signs()


def _tokens(folded: str) -> list[str]:
    """Return the words of a folded text, each with the apostrophes inside it."""
    tokens = folded.translate(_signs).split()
    return [word for token in tokens if (word := token.strip("'"))]


def list_words(text: str) -> list[str]:
    """Return the words of a text in order; an apostrophe joins its two sides to one word."""
    return _join_sides(_tokens(fold_text(text)))


def _join_sides(tokens: Iterable[str]) -> list[str]:
    return [token.replace("'", "")[:MAX_WORD_CHARS] for token in tokens]


def _parts(tokens: Iterable[str]) -> list[str]:
    """Return the parts of words with apostrophes, such as “alene” and “dalene” of d’Alene’s."""
    found = []
    for token in tokens:
        if "'" not in token:
            continue
        sides = token.split("'")[:MAX_SIDES]
        spans = combinations(range(len(sides) + 1), 2) if len(sides) > 1 else ()
        found += ["".join(sides[first:end])[:MAX_WORD_CHARS] for first, end in spans]
    return [part for part in found if part]


def text_words(text: str) -> list[str]:
    """Return the words to index of a text, with a break after them and after their parts."""
    tokens = _tokens(fold_text(text))
    return [*_join_sides(tokens), BREAK, *_parts(tokens), BREAK]


def index_words(
    texts: Iterable[str], words_of: Callable[[str], list[str]] = text_words
) -> list[str]:
    """Return the words to index of some texts, up to the limits.

    `words_of` may be a cache of `text_words`, for a text that is indexed twice.
    """
    words: list[str] = []
    chars = 0
    for text in texts:
        found = words_of(text)
        words += found
        chars += sum(map(len, found))
        if chars > MAX_CHARS or len(words) > MAX_WORDS:
            lengths = list(accumulate(map(len, words)))
            return words[: min(MAX_WORDS, bisect_right(lengths, MAX_CHARS))]
    return words


def pair_codes(words: Sequence[str]) -> list[str]:
    """Return one code for each pair of neighboring words.

    An index of places would be larger than the text: the codes of a phrase tell quickly which texts
    can have it. Others can have the same code, but no word is one: it begins with a sign.
    """
    pairs = (pair for pair in dict.fromkeys(pairwise(words)) if BREAK not in pair)
    return list(dict.fromkeys(f"={_short_hash(*pair)}" for pair in pairs))


def _short_hash(first: str, second: str) -> str:
    """Return a 24-bit checksum of two words, in base64."""
    return b64encode(crc32(f"{first} {second}".encode()).to_bytes(4)[:3]).decode()


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must stand side by side; of the last one the beginning is enough if `begins`.

    The words `apart` do as well: a number or a reference as it is written with spaces or hyphens.
    """

    words: tuple[str, ...]
    begins: bool = False
    apart: tuple[str, ...] = ()

    @property
    def spellings(self) -> list["Term"]:
        """How the term may be written, each a term with that spelling alone."""
        both = Term(self.words, self.begins), Term(self.apart)
        return [each for each in both if each.words]

    def matches(self, words: list[str]) -> bool:
        """Return True if the term is in a list of words."""
        return any(each._is_in(words) for each in self.spellings)

    def _is_in(self, words: list[str]) -> bool:
        first, *rest = self.words
        if not rest:
            return any(map(self._is_last, words))
        places = (at for at, word in enumerate(words) if word == first)
        return any(
            self._follows(rest, words[place + 1 : place + 1 + len(rest)]) for place in places
        )

    def _follows(self, rest: list[str], found: list[str]) -> bool:
        return found[:-1] == rest[:-1] and len(found) == len(rest) and self._is_last(found[-1])

    def _is_last(self, word: str) -> bool:
        return word.startswith(self.words[-1]) if self.begins else word == self.words[-1]


def parse_query(text: str, reference_prefix: str = "") -> tuple[Term, ...]:
    """Return the terms of a query, which must all occur: words, and "phrases" in quotes.

    What has signs inside it, such as an email address, is a phrase; a web address is one without
    its http or https. No sign is an operator. The last word is found by its beginning unless it is
    in quotes or short. A phone number, or a reference with this prefix, is also found as it is
    written with spaces or hyphens.
    """
    pieces, prefix = fold_text(text).split('"'), fold_text(reference_prefix)
    terms = []
    for place, piece in enumerate(pieces):
        is_quoted = place % 2 == 1 and place < len(pieces) - 1
        for part in [piece] if is_quoted else piece.split():
            if words := tuple(list_words(WEB_ADDRESS.sub("", part))):
                terms.append(Term(words, not is_quoted, () if is_quoted else _apart(words, prefix)))
    last = len(terms) - 1
    return tuple(
        replace(each, begins=at == last and each.begins and _is_long(each.words))
        for at, each in enumerate(terms)
    )


def _apart(words: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    """Return the parts of a phone number or a reference that was written as one word."""
    known = f"{PHONE}|({re.escape(prefix)}){REFERENCE}" if prefix else PHONE
    found = re.fullmatch(known, words[0]) if len(words) == 1 else None
    return tuple(filter(None, found.groups())) if found else ()


def _is_long(words: tuple[str, ...]) -> bool:
    return sum(map(len, words)) >= MIN_BEGINNING_CHARS


def count_words(terms: Iterable[Term]) -> int:
    """Return the number of words in some terms."""
    return sum(len(term.words) for term in terms)


def mark(
    text: str, terms: Iterable[Term], words_of: Callable[[str], list[str]] = text_words
) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with whether it is a word that was looked for.

    `words_of` may be a cache of `text_words`.
    """
    wanted = {word for term in terms for each in term.spellings for word in each.words}
    beginnings = tuple(term.words[-1] for term in terms if term.begins)
    pieces: list[tuple[str, bool]] = []
    for piece in WORD.split(text):
        words = words_of(piece)
        found = not wanted.isdisjoint(words) or any(word.startswith(beginnings) for word in words)
        if pieces and pieces[-1][1] == found:
            pieces[-1] = (pieces[-1][0] + piece, found)
        elif piece:
            pieces.append((piece, found))
    return pieces
