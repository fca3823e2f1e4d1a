"""The pybabel extraction method for texts that are declared as data."""

from collections.abc import Collection, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, BinaryIO

from wizard import apply, flows
from wizard.apply import addresses, contact_views, followup
from wizard.config import DEFAULTS
from wizard.forms import changes, dates, promises, reports
from wizard.forms.flow import Flow, Noun
from wizard.forms.messages import Message, iter_messages
from wizard.public import privacy
from wizard.public import progress as public_progress
from wizard.public import promises as public_promises
from wizard.public import views as public_views
from wizard.submissions import events, filters, messages
from wizard.web import errors

MODULES = [import_module(f"{flows.__name__}.{each.name}") for each in iter_modules(flows.__path__)]
FLOWS = [each for module in MODULES for each in vars(module).values() if isinstance(each, Flow)]
TRANSLATABLE = (
    *FLOWS,
    Noun(),
    dates.MONTHS,
    [filters.filter_options(flow) for flow in FLOWS],
    dates.ZONES,
    reports.TITLE,
    reports.NOTHING_TOLD,
    reports.OUTCOME_LABELS,
    reports.HINTS,
    reports.report_fields("0"),
    events.KINDS,
    messages.CONTACT_MESSAGES,
    promises.STATES,
    promises.KEPT_SUMMARY,
    promises.EXCEPTIONS,
    public_promises.UPDATE,
    public_progress.MONTH,
    public_progress.STATUSES,
    public_progress.BY_MONTH,
    public_progress.BY_TOPIC,
    privacy.RETENTION_SCHEDULE,
    errors.ERROR_PAGES,
    errors.SESSION_ENDED,
    errors.STAFF_PAGE_EXPIRED,
    errors.COOKIES_MISSING,
    errors.ORIGIN_REFUSED,
    apply.NOT_FOUND,
    followup.LINK_ENDED,
    followup.ACTING_ENDED,
    followup.ERASED,
    changes.CHANGE_NOTE,
    changes.CHECK_AND_SEND,
    followup.REASON,
    addresses.ADDRESS,
    contact_views.NO_CONTACT,
    contact_views.SECOND_CONTACT_STEP,
    public_views.ERASED,
    Message(str(DEFAULTS["PROGRAM_NAME"])),
)
"""Declarations with `Message` values."""


def extract_messages(
    file: BinaryIO, keywords: Collection[str], comments: Collection[str], options: dict[str, Any]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Yield each declared text once, in the form that pybabel expects; see `babel.cfg`."""
    for template in dict.fromkeys(message.template for message in iter_messages(TRANSLATABLE)):
        yield 0, None, template, []
