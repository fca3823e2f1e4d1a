"""Read the HTML of a page with a parser in C, as a browser without JavaScript does."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import zip_longest

from selectolax.lexbor import LexborHTMLParser, LexborNode

TEXTS = re.compile(r">[^<&]+<")
VALUES = re.compile(r'="[^"<&]*"')
"""Texts and values of attributes without markup, which make no HTML invalid."""
ANY_VALUE = re.compile(r"""=("[^"]*"|'[^']*')""")
TAG = re.compile(r"""<(/?[a-zA-Z](?:[^>"']+|"[^"]*"|'[^']*')*)>""")
UNESCAPED = re.compile(r"&(?!#?\w+;)|<(?![a-zA-Z/!])")
"""Characters of a text that must be escaped."""


class Element:
    """An element of a page."""

    def __init__(self, node: LexborNode) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and self.node.mem_id == other.node.mem_id

    def __hash__(self) -> int:
        return self.node.mem_id

    @property
    def name(self) -> str:
        """Return the name of its tag."""
        return self.node.tag

    @cached_property
    def attrs(self) -> dict[str, str]:
        """The values of its attributes by name; one without a value has an empty one."""
        return {name: value or "" for name, value in self.node.attributes.items()}

    @property
    def raw_text(self) -> str:
        """Return its text with all white space."""
        return self.node.text()

    @cached_property
    def text(self) -> str:
        """Its text in one line, with a blank between the texts of two elements."""
        return in_one_line(self.node.text(separator=" "))

    def all(self, selector: str) -> list[Element]:
        """Return every element in it that matches a CSS selector."""
        found = self.node.css(selector)
        return [Element(each) for each in found if each.mem_id != self.node.mem_id]

    def remove(self) -> None:
        """Take it out of the page."""
        self.node.decompose()


class Document:
    """A page, or the part of a page that htmx puts into its main part."""

    def __init__(self, html: str) -> None:
        self.parser = LexborHTMLParser(html, is_fragment=is_fragment(html), fragment_tag="main")

    @property
    def text(self) -> str:
        """Return the text of the page and its title in one line, scripts included."""
        return in_one_line(self.parser.text(separator=" "))

    def all(self, selector: str) -> list[Element]:
        """Return every element that matches a CSS selector."""
        return [Element(each) for each in self.parser.css(selector)]


def in_one_line(text: str) -> str:
    """Return a text as a page shows it."""
    return " ".join(text.split())


def is_fragment(html: str) -> bool:
    """Return True for a part of a page, which htmx puts into the one that is shown."""
    return not html.lstrip().lower().startswith("<!doctype")


valid_html: set[str] = set()
"""The pages that were found valid in this process, without their texts and values."""


def list_tags(html: str) -> list[list[str]]:
    """Return the name of each tag as it is written, and those of its attributes."""
    found = []
    for tag in TAG.findall(html):
        name, *attributes = ANY_VALUE.sub("", tag).removesuffix("/").split()
        found.append([name, *attributes])
        if tag.endswith("/"):  # an element of SVG that ends itself
            found.append([f"/{name}"])
    return found


def assert_valid(html: str, where: str) -> None:
    """Assert that a browser has nothing to mend: it reads the tags that are written, and no other.

    So every element is closed where it must be, and stands where it may; no attribute is twice.
    """
    markup = VALUES.sub('=""', TEXTS.sub("><", html))
    if markup in valid_html:
        return
    assert not UNESCAPED.search(html), (where, UNESCAPED.findall(html))
    read = Document(html).parser.html or ""
    pairs = zip_longest(list_tags(html), list_tags(read))
    mended = [(written, read) for written, read in pairs if written != read]
    assert not mended, (where, mended[0])
    valid_html.add(markup)
