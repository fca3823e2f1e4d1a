"""Where a search found its words: the sentence to show beside a listed submission."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

from sqlalchemy import select

from ..db.engine import db, is_one_of
from ..db.models import Submission
from ..forms.search_words import Term, index_words, mark, text_words
from ..forms.text import fold_text
from ..web.current import current_flow
from ..web.languages import translate
from .search import Index, parse_terms
from .texts import Label, Text, public_texts, read_others, staff_texts

MAX_SNIPPET_CHARS, LEAD_CHARS = 240, 80
"""The length of the sentence that is shown, and of what is shown before the first found word."""
FIRST_TEXTS = 8
"""How many texts are searched in the first portion. A larger one costs less for each text, but one
of the first often has the words."""
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a submission has words of a query: the label, and the sentence in pieces, each with
    whether it was looked for."""

    label: Label
    pieces: list[tuple[str, bool]]


def find_public_hits(query: str, references: Sequence[str]) -> dict[str, Hit]:
    """Return where the words are in each of these commitments, by reference."""
    if not query or not references:
        return {}
    rows = select(Submission).where(is_one_of(Submission.reference, references))
    return find_hits(query, "public", db.session.scalars(rows).all())


def find_hits(query: str, index: Index, found: Sequence[Submission]) -> dict[str, Hit]:
    """Return where the words are in each of these submissions, by reference."""
    if not (terms := parse_terms(query)):
        return {}
    # Of all of them at once, and only if the answers of one do not have all words together.
    others = cache(lambda: read_others([each.id for each in found]))
    flow, words_of = current_flow(), cache(text_words)  # most words are in several sentences
    hits: dict[str, Hit] = {}
    for each in found:
        is_public = index == "public"
        parts: Iterable[Iterable[Text]] = (
            [public_texts(flow, each)] if is_public else staff_texts(flow, each, others)
        )
        if found_in := _find_best(parts, terms):
            label, sentence = found_in
            hits[each.reference] = Hit(label, _shorten(mark(sentence, terms, words_of)))
    return hits


def _find_best(parts: Iterable[Iterable[Text]], terms: Sequence[Term]) -> Text | None:
    """Return the sentence that has the most of the terms, the first one of several."""
    best, most = None, 0
    for texts in chain.from_iterable(map(_portions, parts)):
        shown = [str(translate(text)) for _, text in texts]
        for (label, _), text, possible in zip(
            texts, shown, _count_possible(shown, terms), strict=True
        ):
            if possible > most:  # most texts have fewer, and that is quick to see
                sentence, number = _find_sentence(text, terms, most)
                best, most = ((label, sentence), number) if number > most else (best, most)
            if most == len(terms):
                return best
    return best


def _portions(texts: Iterable[Text]) -> Iterator[Sequence[Text]]:
    left, size = iter(texts), FIRST_TEXTS
    while portion := list(islice(left, size)):
        yield portion
        size *= 4


def _find_sentence(text: str, terms: Sequence[Term], most: int) -> tuple[str, int]:
    """Return the first sentence that has the most of the terms, and how many, if more than `most`;
    else `most` itself."""
    best = ""
    sentences = [sentence for sentence in SENTENCE_END.split(text) if sentence]
    for sentence, possible in zip(sentences, _count_possible(sentences, terms), strict=True):
        if possible > most:
            words = index_words([sentence])
            number = sum(term.matches(words) for term in terms)
            best, most = (sentence, number) if number > most else (best, most)
    return best, most


def _count_possible(texts: Sequence[str], terms: Sequence[Term]) -> list[int]:
    """Return how many of the terms each text can have: their letters are there, in some order.

    The texts are folded at once, which takes less than half the time. None has a zero byte.
    """
    folded = fold_text("\0".join(texts)).replace("'", "").split("\0") if texts else []
    counts = [0] * len(folded)
    for first, *rest in [term.words for term in terms]:
        for place, text in enumerate(folded):
            if first in text and all(map(text.__contains__, rest)):
                counts[place] += 1
    return counts


def _shorten(pieces: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Cut a long sentence around the first word that was looked for."""
    if sum(len(text) for text, _ in pieces) <= MAX_SNIPPET_CHARS:
        return pieces
    before, *rest = pieces if not pieces[0][1] else [("", False), *pieces]
    text = before[0]
    if len(text) > LEAD_CHARS:
        text = "… " + text[-LEAD_CHARS:].partition(" ")[2]
    kept, left = [(text, False)], MAX_SNIPPET_CHARS - len(text)
    for text, found in rest:
        if len(text) > left:
            kept.append((text[:left].rpartition(" ")[0] + " …", False))
            break
        kept.append((text, found))
        left -= len(text)
    return kept
