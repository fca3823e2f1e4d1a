"""What a catalog of translations holds beside the words that stand in templates and calls."""

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from ..apply import followup, resume_views
from ..flows.commitment import COMMITMENT
from ..forms import dates
from ..forms.messages import iter_messages
from ..public import privacy
from ..submissions import filters, progress_reports
from ..web import errors

TRANSLATABLE = (
    COMMITMENT,
    dates.MONTHS,
    filters.filter_options(COMMITMENT),
    progress_reports.REPORT_FIELDS,
    privacy.RETENTION_SCHEDULE,
    errors.ERROR_PAGES,
    errors.SESSION_ENDED,
    followup.ERASED,
    resume_views.ADDRESS,
)
"""The declarations whose texts are messages."""


def extract_messages(
    file: BinaryIO, keywords: Collection[str], comments: Collection[str], options: dict[str, Any]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Each text of them once: an extraction method, as pybabel calls it (`babel.cfg`)."""
    for template in dict.fromkeys(message.template for message in iter_messages(TRANSLATABLE)):
        yield 0, None, template, []
