"""The pybabel extraction method for texts that are declared as data."""

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from wizard.apply import followup, resume_views
from wizard.flows.commitment import COMMITMENT
from wizard.forms import dates
from wizard.forms.messages import iter_messages
from wizard.public import privacy
from wizard.submissions import filters, progress_reports
from wizard.web import errors

TRANSLATABLE = (
    COMMITMENT,
    dates.MONTHS,
    dates.ZONES,
    filters.filter_options(COMMITMENT),
    progress_reports.REPORT_FIELDS,
    privacy.RETENTION_SCHEDULE,
    errors.ERROR_PAGES,
    errors.SESSION_ENDED,
    followup.ERASED,
    resume_views.ADDRESS,
)
"""Declarations with `Message` values."""


def extract_messages(
    file: BinaryIO, keywords: Collection[str], comments: Collection[str], options: dict[str, Any]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Yield each declared text once, in the form that pybabel expects; see `babel.cfg`."""
    for template in dict.fromkeys(message.template for message in iter_messages(TRANSLATABLE)):
        yield 0, None, template, []
