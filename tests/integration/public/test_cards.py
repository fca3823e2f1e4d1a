"""Tests of the preview images of commitments."""

import struct
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.conftest import load_case
from tests.integration.public.conftest import OFFICE, add_commitment
from wizard import clock
from wizard.public import cards
from wizard.staff import cases, erasure

pytestmark = pytest.mark.second_store_slow

NOON = datetime(2026, 6, 1, 16, tzinfo=UTC)
TITLES = {
    "short": "Open stops",
    "long": "Release every record of a stop, search and arrest with its time and place " * 5,
    "word": "A" * 60,
    "rtl": "مدينة القدس تنشر open data",
    "markup": "<b>&amp;\"'</svg>\x0b\u202e",
    "empty": "",
}


@pytest.fixture
def drawn(monkeypatch) -> list[str]:
    """Return what is drawn as SVG."""
    found: list[str] = []
    draw = cards.draw

    def record(svg: str) -> bytes:
        found.append(svg)
        return draw(svg)

    monkeypatch.setattr(cards, "draw", record)
    return found


def size(png: bytes) -> tuple[int, int]:
    """Return the width and height of a PNG."""
    assert png.startswith(b"\x89PNG\r\n")
    return struct.unpack(">II", png[16:24])


def test_page_names_its_image_in_its_language(app, client, drawn):
    reference = add_commitment(app, commitment_title="Open stops")
    for language, words in (("en", " released"), ("es", " publicados")):
        page = client.page(f"/commitments/{reference}?lang={language}")
        (image,) = page.all('meta[property="og:image"]')
        address = image.attrs["content"]
        assert address.startswith(app.config["PUBLIC_URL"])
        answer = client.get(address.removeprefix(app.config["PUBLIC_URL"]))
        assert (answer.status_code, answer.mimetype) == (200, "image/png")
        assert size(answer.data) == (1200, 630)
        assert "Open stops" in drawn[-1] and words in drawn[-1]


def test_image_is_drawn_once_until_something_changes(app, client, drawn, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)
    address = f"/commitments/{add_commitment(app)}.png"
    first = client.get(address)
    assert first.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert client.get(address).data == first.data
    known = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data, len(drawn)) == (304, b"", 1)
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    later = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (later.status_code, len(drawn)) == (200, 2)


@pytest.mark.parametrize("how", ["accepted", "withdrawn", "erased"])
def test_image_is_gone_with_its_commitment(app, client, how):
    reference = add_commitment(app)
    other, address = add_commitment(app), f"/commitments/{reference}.png"
    tag = client.get(address).headers["ETag"]
    with app.app_context():
        if how == "erased":
            erasure.erase(reference, OFFICE)
        else:
            cases.decide(reference, how, 1, OFFICE)
    gone = client.get(address, headers={"If-None-Match": tag})
    assert gone.status_code == 404
    client.get(f"/commitments/{other}.png")
    kept = app.extensions["edition"].cards
    assert tag.strip('"') not in kept and len(kept) == 1


def test_image_holds_public_answers_alone(app, client, drawn):
    case = load_case("agency")
    client.get(f"/commitments/{add_commitment(app)}.png")
    for name in ("contact_name", "contact_email", "contact_phone"):
        assert case[name] not in drawn[0]


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_any_title_is_drawn(app, client, drawn, title):
    reference = add_commitment(app, commitment_title=title, organization_name=title or "Rome")
    assert size(client.get(f"/commitments/{reference}.png").data) == (1200, 630)
    assert "<b>" not in drawn[0]


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_title_fits_its_lines(title):
    text = cards.fit(title, cards.TITLE_SIZES)
    assert len(text.lines) <= dict(cards.TITLE_SIZES)[text.size]
    assert all(cards.measure(line) * text.size <= cards.TEXT_WIDTH for line in text.lines)
    assert text.rtl == ("مدينة" in title)


def test_image_is_returned_though_memory_is_emptied_meanwhile(monkeypatch):
    monkeypatch.setattr(cards, "draw", lambda svg: b"image")

    class Emptied(dict):
        def __setitem__(self, tag: str, image: bytes) -> None:
            """Keep nothing, as if another thread had emptied it."""

    edition = SimpleNamespace(cards=Emptied())
    assert cards.cached_card(edition, "tag", "<svg/>") == b"image"


def test_memory_keeps_few_images(app, client, monkeypatch):
    monkeypatch.setattr(cards, "MAX_IMAGES", 2)
    monkeypatch.setattr(cards, "draw", lambda svg: b"image")
    for reference in [add_commitment(app) for _ in range(5)]:
        client.get(f"/commitments/{reference}.png")
        assert len(app.extensions["edition"].cards) <= 2
