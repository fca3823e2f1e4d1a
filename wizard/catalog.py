"""What a catalog of translations holds beside the words that stand in templates and calls."""

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from . import errors, filters, privacy, reports
from .flows.commitment import COMMITMENT
from .views import followup, saving
from .words import messages

DECLARED = (
    COMMITMENT,
    filters.options(COMMITMENT),
    reports.NEWS,
    privacy.KEPT,
    errors.ERROR_PAGES,
    errors.SESSION_ENDED,
    followup.ERASED,
    saving.ADDRESS,
)
"""The declarations whose texts are messages."""


def declared(
    file: BinaryIO, keywords: Collection[str], comments: Collection[str], options: dict[str, Any]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Each text of them once: an extraction method, as pybabel calls it (`babel.cfg`)."""
    for template in dict.fromkeys(message.template for message in messages(DECLARED)):
        yield 0, None, template, []
