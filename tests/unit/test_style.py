"""Check the texts of the program against docs/style-guide.md, where words can be checked."""

import re

import pytest
from babel.messages.pofile import read_po

from tests.server import ROOT
from tests.texts import clean, files_with_texts, sentences, texts_of, words

MAX_WORDS, MAX_WORDS_IN_DOCUMENTS = 25, 40
INSTEAD_OF = {
    r"e-mail": "email",
    r"anew": "again, start over",
    r"(go|goes|going|went) on": "continue",
    r"typed|type (it|them|the)": "entered, enter",
    r"press(es|ed|ing)?": "select",
    r"came in": "submitted",
    r"became of": "progress",
    r"tak(e|en) up": "approve",
    r"second[ -]factor|two-factor|2FA": "two-step sign-in",
    r"network address": "IP address",
    r"moments?": "date and time",
    r"(the|this|a|own|fresh|whole) store|store (is|does|has)": "database",
    r"(many|X) tries": "attempts",
    r"given up": "failed",
    r"hears? from us": "we’ll write to you",
    r"(I|you|who) answers? for|answers for (nobody|an)": "represent",
    r"is no (day|page|backup)": "isn’t a",
    r"held back": "held",
    r"police agenc(y|ies)": "law enforcement agency",
    r"datasets?": "data set",
    r"log(ged)? (on|out)|logged in|login": "sign in, sign out",
    r"non-profits?|not-for-profit": "nonprofit",
    r"homepage|start page|web site": "home page, website",
    r"API keys?": "API token",
}
"""What to write instead of words that the style guide rules out, by their pattern."""
INSTEAD_OF_SPANISH = {
    r"(hacer|hizo|hacen|hace) (un|este|el) compromiso": "asumir",
    r"novedades": "informe de avances",
    r"presion[ea]": "seleccione",
    r"delegad[oa]s?": "representante",
    r"equipo": "personal",
    r"(el|la) (Police Data Initiative|Opportunity Project)": "without an article",
    r"direcci[oó]n de red": "dirección IP",
    r"agencias? policial(es)?": "agencia del orden público",
    r"paradas? de veh[ií]culos": "parada de tránsito",
    r"respondo por": "en nombre de",
}
NAMES_THE_WORDS = "docs/style-guide.md"
LISTS = {"tools/demo.py", "wizard/flows/commitment.py"}
"""Files with long lists in one string: made-up answers, the states."""

FILES = set(files_with_texts())


def ruled_out(texts: list[str], instead: dict[str, str] = INSTEAD_OF) -> list[tuple[str, str]]:
    """Return each text with a word that is ruled out, and what to write."""
    return [
        (text, better)
        for text in texts
        for pattern, better in instead.items()
        if re.search(rf"\b({pattern})\b", text, re.I)
    ]


@pytest.mark.parametrize("name", sorted(FILES - {NAMES_THE_WORDS}))
def test_text_has_no_word_that_the_style_guide_rules_out(name):
    assert not ruled_out(texts_of(name))


@pytest.mark.parametrize("name", sorted(FILES - LISTS))
def test_sentence_is_short(name):
    longest = MAX_WORDS_IN_DOCUMENTS if name.endswith(".md") else MAX_WORDS
    long = [
        each for text in texts_of(name) for each in sentences(text) if len(words(each)) > longest
    ]
    assert not [each for each in long if not re.match(r"\|? ?\d+\.\d+\.\d+,", each)]


def spanish_texts() -> dict[str, str]:
    """Return the Spanish by its English, without tags and placeholders."""
    with (ROOT / "wizard/translations/es/LC_MESSAGES/messages.po").open("rb") as file:
        catalog = read_po(file, locale="es")
    return {clean(str(each.id)): clean(str(each.string)) for each in catalog if each.id}


def test_spanish_has_no_word_that_the_style_guide_rules_out():
    spanish = [text for english, text in spanish_texts().items() if " " in english]
    assert not ruled_out(spanish, INSTEAD_OF_SPANISH)


def test_style_guide_names_the_right_words():
    guide = (ROOT / NAMES_THE_WORDS).read_text(encoding="utf-8").lower()
    rows = [row.split(" | ") for row in guide.splitlines() if row.startswith("| ")]
    allowed = [cell.strip("| ") for row in rows for cell in row[:3]]
    assert len(rows) > 15 and not ruled_out(allowed)
