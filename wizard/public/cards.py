"""Preview images, which other sites show beside a link: 1200 by 630 pixels (https://ogp.me)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import bidirectional, category, east_asian_width, normalize

import resvg_py
from flask import render_template

from .. import clock
from ..db.models import Submission
from ..forms.dates import format_day
from ..forms.outputs import public_record
from ..forms.promises import Tally
from ..submissions.filters import filter_options
from ..submissions.listing import place_of
from ..web.current import current_flow
from ..web.languages import translate
from .edition import Edition
from .feeds import FORBIDDEN_IN_XML
from .promises import describe_promises

FONT = Path(__file__).parent / "fonts" / "newsreader.ttf"
FONT_END = 0x250
"""The first character after those of Latin languages, most of which the font has."""
TEXT_WIDTH = 1040
TITLE_SIZES = ((76, 2), (64, 2), (54, 3))
"""Sizes in pixels, each with the most lines of it; a text has the first in which it fits."""
BY_SIZES = ((36, 2),)
SENTENCE_SIZES = ((32, 1), (28, 1), (24, 1))
MAX_IMAGES = 64
"""Images in the memory of a process, of about 30 KB each."""
WIDTHS = {
    each: width
    for width, characters in {
        0.33: " ,.'’·:;!|()[]-ijlI",
        0.45: 'ft"/rsczJ?*',
        0.55: "aegovxy",
        0.78: "ACDGKNOQRTUVXYw&",
        1.0: "HMW%@m",
    }.items()
    for each in characters
}
"""The widths of characters of the font in ems, rounded up."""
OTHER_WIDTH = 0.62


@dataclass(frozen=True, slots=True)
class Text:
    """A text in lines that fit; `rtl` ones begin at the right."""

    size: int
    lines: Sequence[str]
    rtl: bool


def describe_commitment(found: Submission) -> str:
    """Return the image of a published commitment as SVG, as of today."""
    flow = current_flow()
    tally = describe_promises(found, public_record(flow, found.answers))["tally"]
    place = place_of(found, filter_options(flow))
    by = ", ".join(filter(None, (found.party, place)))
    return write_svg(found.title or found.reference, by, tally, found.reference)


def write_svg(title: str, by: str, tally: Tally | None = None, reference: str = "") -> str:
    """Return an image as SVG: a title, who it is by, the line of promises and their states."""
    sentence = (
        f"{translate(tally.sentence)} · {translate(format_day(clock.today()))}" if tally else ""
    )
    return render_template(
        "public/card.svg",
        title=fit(title, TITLE_SIZES),
        by=fit(by, BY_SIZES),
        tally=tally,
        sentence=fit(sentence, SENTENCE_SIZES),
        reference=reference,
    )


def draw(svg: str) -> bytes:
    """Return the image as PNG. Fonts of the system are read only for what the font lacks."""
    # Dashes and quotes are beyond the letters, and the font has them.
    is_latin = all(ord(each) < FONT_END or 0x2000 <= ord(each) < 0x2070 for each in svg)
    return resvg_py.svg_to_bytes(svg_string=svg, font_files=[str(FONT)], skip_system_fonts=is_latin)


def cached_card(edition: Edition, tag: str, svg: str) -> bytes:
    """Return an image, drawn once for an edition: what is no longer public is forgotten with it."""
    image = edition.cards.get(tag)  # another thread may empty them at any time
    if image is None:
        image = draw(svg)
        if len(edition.cards) >= MAX_IMAGES:
            edition.cards.clear()
        edition.cards[tag] = image
    return image


def fit(text: str, sizes: Sequence[tuple[int, int]]) -> Text:
    """Return a text in the first size in which it fits, or cut off in the last one."""
    text = " ".join(FORBIDDEN_IN_XML.sub("", text).split())
    for size, most in sizes:
        width = TEXT_WIDTH / size
        lines = list(_wrap(text, width))
        if len(lines) <= most:
            while 1 < len(narrow := list(_wrap(text, width := width * 0.95))) == len(lines):
                lines = narrow  # of about the same length
            break
    else:
        last = lines[most - 1]
        while measure(last) + 1 > TEXT_WIDTH / size:
            last = last[:-1]
        lines = [*lines[: most - 1], f"{last.rstrip(' ,.')}…"]
    first = next((kind for each in text if (kind := bidirectional(each)) in ("L", "R", "AL")), "L")
    return Text(size, lines, first != "L")


def _wrap(text: str, width: float) -> Iterator[str]:
    """Yield lines of at most a width in ems. A word that is longer is cut."""
    line = ""
    for word in text.split():
        if line and measure(f"{line} {word}") > width:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
        while measure(line) > width:
            cut = next(end for end in range(len(line), 0, -1) if measure(line[:end]) <= width)
            yield line[:cut]
            line = line[cut:]
    if line:
        yield line


def measure(text: str) -> float:
    """Return the width of a text in ems, or a little more."""
    return sum(_measure(each) for each in normalize("NFD", text))


def _measure(character: str) -> float:
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    wide = 1.0 if east_asian_width(character) in "WF" else OTHER_WIDTH
    return WIDTHS.get(character, wide)
