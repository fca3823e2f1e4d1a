"""The plain text of messages, in lines that a mail program shows as they are."""

import re
from textwrap import TextWrapper

MAX_LINE_CHARS = 72
"""RFC 5322 (2.1.1) asks for at most 78; a reply puts a sign and a blank before each."""
START = re.compile(r" *(?:- |\d+\. )?")
"""The blanks of a line, and the mark of a list."""
LAST_LINK = re.compile(r"(?<=\S) (?=https?://\S+$)")


def wrap_text(text: str) -> str:
    """Return the text in short lines, with a link at the end of a line on a line of its own.

    The lines of a list item begin below each other. At most one line is empty between two others.
    A word that is longer than a line stays whole.
    """
    lines = [part for line in text.split("\n") for part in _wrap_line(line.rstrip())]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _wrap_line(line: str) -> list[str]:
    first = START.match(line)
    start = first[0] if first else ""
    parts = LAST_LINK.sub("\n", line[len(start) :]).split("\n")
    margin = " " * len(start)
    found: list[str] = []
    for part in parts:
        indent, part = margin if found else start, part.replace("\t", " ")
        if len(indent + part) <= MAX_LINE_CHARS:  # most lines; the wrapper takes its time
            found.append(indent + part)
            continue
        wrapper = TextWrapper(
            MAX_LINE_CHARS,
            initial_indent=indent,
            subsequent_indent=margin,
            expand_tabs=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
        found += wrapper.wrap(part)
    return found
