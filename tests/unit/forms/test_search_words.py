"""Tests of the words of texts and queries: what finds what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.forms.search_words import (
    BREAK,
    MAX_CHARS,
    MAX_WORD_CHARS,
    MAX_WORDS,
    Term,
    _Signs,
    count_words,
    index_words,
    list_words,
    mark,
    pair_codes,
    parse_query,
    text_words,
)
from wizard.forms.text import fold_text


def finds(query: str, *texts: str) -> bool:
    words = index_words(texts)
    terms = parse_query(query)
    return bool(terms) and all(term.matches(words) for term in terms)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("coeur d'alene", "Coeur d’Alene"),
        ("coeur d’alene", "Cœur d'Alene"),
        ('"coeur d`alene"', "COEUR D’ALENE"),
        ("alene", "Coeur d’Alene"),
        ("d'alene police", "Coeur d’Alene’s police"),
        ("alene isle", "From Coeur d’Alene to L’Isle"),
        ("mcdonalds", "McDonald’s"),
        ("hawaii", "Hawaiʻi"),
        ("hawai'i", "Hawaii"),
        ("PENASCO", "Peñasco"),
        ("peñasco", "Penasco"),
        ("Lodz", "Łódź"),
        ("strasse", "Straße"),
        ("cooperate", "co\xadoperate"),
        ("use-of-force", "use of force"),
        ("use–of—force", "Use-of-force"),
        ("“use of force”", "the use of force data"),
        ("pdi-7k3m-q2xa", "PDI-7K3M-Q2XA"),
        ("maria@ci", "maria@city.gov"),
        ("for", "force"),
        ("ﬁre", "fire"),
        ("京", "東京都"),
        ("東京", "国の東京都へ"),
        ("مدينة", "في مَدِينَة"),
        ("שלום", "שָׁלוֹם עולם"),
        ("हिन्दी", "यह हिन्दी है"),
    ],
)
def test_word_without_accents_and_signs_is_found(query, text):
    assert finds(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("forc use", "use of force"),  # only the last word is found by its beginning
        ('"forc"', "use of force"),
        ('"use force"', "use of force"),
        ('"use of"', "data of use"),
        ("orce", "use of force"),
        ("fo", "use of force"),  # too short
        ("京東", "東京都"),
        ("*", "a * b"),
        ("use NOT force", "use of force"),
        ("use OR other", "use of force"),
    ],
)
def test_other_word_is_not_found(query, text):
    assert not finds(query, text)


def test_phrase_does_not_reach_into_next_text():
    assert finds('"the end"', "the end", "begin")
    assert not finds('"end begin"', "the end", "begin")


@pytest.mark.parametrize("query", ["", " ", '"', '""', "*:^()-+'", "\u0301", "\u202e", BREAK])
def test_query_without_words_has_no_terms(query):
    assert parse_query(query) == ()


def test_each_pair_of_quotes_is_a_phrase():
    terms = parse_query('"one two" three "four five" six')
    assert [each.words for each in terms] == [
        ("one", "two"),
        ("three",),
        ("four", "five"),
        ("six",),
    ]


def test_unclosed_quote_is_no_phrase():
    assert parse_query('"use offi') == (Term(("use",)), Term(("offi",), begins=True))


def test_too_many_and_too_long_words_are_cut():
    assert list_words("x" * 10_000) == ["x" * MAX_WORD_CHARS]
    assert len(index_words(["a " * 100_000])) == MAX_WORDS
    assert sum(map(len, index_words(["x" * 90 + " "] * 5_000))) <= MAX_CHARS


@given(st.text())
def test_folding_again_changes_no_word(text):
    words = list_words(text)
    assert list_words(" ".join(words)) == words


@given(st.text())
def test_every_word_of_a_text_finds_it(text):
    words = index_words([text])
    for word in list_words(text):
        assert all(term.matches(words) for term in parse_query(f'"{word}"'))


@given(st.text(), st.text())
def test_marked_pieces_are_the_text(text, query):
    assert "".join(piece for piece, _ in mark(text, parse_query(query))) == text


def test_words_are_marked_as_they_are_written():
    pieces = mark("The Cœur d’Alene police, datasets.", parse_query("coeur alene dat"))
    assert [text for text, is_word in pieces if is_word] == ["Cœur", "d’Alene", "datasets"]


def test_signs_are_folded():
    assert fold_text("D’Alene – “Łódź”") == 'd\'alene - "lodz"'


def test_words_of_all_terms_are_counted():
    assert count_words(parse_query('"use of force" stops')) == 4
    assert count_words(parse_query("")) == 0


def test_signs_become_spaces_and_each_character_of_an_unspaced_script_a_word():
    table = _Signs()
    assert "d'e\u0301 5€q".translate(table) == "d'e\u0301 5 q"
    assert "東京".translate(table) == " 東  京 "


@given(text=st.text(), query=st.text())
def test_text_with_a_phrase_has_the_codes_of_its_pairs(text, query):
    words = text_words(text)
    for first in range(len(words)):
        phrase = words[first : first + 3]
        if BREAK not in phrase:
            assert set(pair_codes(phrase)) <= set(pair_codes(words))
    assert set(pair_codes(words)).isdisjoint(words + list_words(query))


def test_pairs_have_codes_of_their_own():
    assert pair_codes(["a", "b", "c", "a", "b"]) == pair_codes(["a", "b", "c", "a"])
    assert pair_codes(["a", BREAK, "b"]) == pair_codes(["a"]) == []
    assert pair_codes(["use", "of"]) != pair_codes(["of", "use"])
    assert pair_codes(["ab", "c"]) != pair_codes(["a", "bc"])


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("2025550143", ("202", "555", "0143")),
        ("12025550143", ("202", "555", "0143")),
        ("1025550143", ()),
        ("202555014", ()),
        ("22025550143", ()),
        ('"2025550143"', ()),
        ("a-2025550143", ()),
        ("PDI7K3MQ2XA", ("pdi", "7k3m", "q2xa")),
        ("PDI7K3MQ2X", ()),
        ("ABC7K3MQ2XA", ()),
    ],
)
def test_number_and_reference_in_one_word_have_parts(query, parts):
    (term,) = parse_query(query, "PDI")
    assert term.apart == parts


def test_reference_without_a_prefix_has_no_parts():
    assert parse_query("PDI7K3MQ2XA")[0].apart == parse_query("7k3mq2xa")[0].apart == ()
    assert parse_query("2025550143")[0].apart == ("202", "555", "0143")


def test_web_address_is_a_phrase_without_its_protocol():
    assert parse_query("https://data.example.org")[0].words == ("data", "example", "org")
    assert parse_query("https://")[0].words == ("https",)
