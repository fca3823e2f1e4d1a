"""Try to break the search, and to learn from it what is private."""

from urllib.parse import quote

import pytest

from tests.factories import add_published, add_submission

HOSTILE = [
    '"', '""', "*", "a*", "^a", "-a", "+a", "a:b", "public:a", "staff : police", "rowid:1",
    "NEAR(a b, 2)", "a NEAR b", "AND", "OR OR", "NOT", "(", ")", "((((", "a)", "{a b}:c",
    "'; DROP TABLE submission; --", "a' OR '1'='1", "a & b", "a | !b", "a <-> b", "a:*", "!!", "\\",
    "a\\", "'", "''", "%", "_", "¶", "\u202egnp", "e" + "\u0301" * 30, "\u0301", "\U0001f600",
    "東京都", "ไทย", "\ud7ff", "\ufdfa" * 10, "ß" * 200, "x" * 200, "a " * 32,
    '"' * 200, "(" * 200, "<script>alert(1)</script>", "{{7*7}}", "%(q)s", "{0}",
]  # fmt: skip
REFUSED = ["\x00", "a\x00b", "\x1b", "x" * 201, "x" * 10_000, "a " * 33, "e" + "\u0301" * 31]


@pytest.mark.parametrize("query", HOSTILE)
def test_hostile_query_is_text(app, client, query):
    page = client.page(f"/commitments?q={quote(query)}")
    assert page.status == 200
    assert not page.all("main script")


@pytest.mark.parametrize("query", REFUSED)
def test_refused_query_is_400(app, client, query):
    assert client.page(f"/commitments?q={quote(query)}").status == 400


def test_markup_of_answer_is_text_in_snippet(app, client):
    add_published(app, commitment_description="Zanzibar <img src=x onerror=alert(1)> </mark>")
    page = client.page("/commitments?q=zanzibar")
    assert page.text(".hit mark") == "Zanzibar"
    assert not page.all(".hit img")
    assert "<img src=x" in page.text(".hit")


def test_no_prefix_tells_private_answers(app, client):
    """A search by beginnings would otherwise spell out an address letter by letter."""
    add_published(app, contact_email="zyxwv@city.example", contact_name="Zyxwv")
    add_submission(app, commitment_title="Zyxwv")
    for query in ("zy", "zyx", "zyxwv", "zyxwv@city.example", "staff:zyxwv"):
        assert client.page(f"/commitments?q={quote(query)}").text("#found").startswith("0 "), query
