"""The columns of a submission that repeat answers, so that lists can filter and show them."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute

from ..db.models import Submission
from ..forms.conditions import Answers
from ..forms.flow import Facet, Flow
from ..forms.text import fold_text
from ..web import languages
from ..web.current import current_flow

FACET_COLUMNS = (Submission.facet_1, Submission.facet_2, Submission.facet_3, Submission.facet_4)
"""The column of each facet of a flow, in order. Several codes are joined by `;`."""
MAX_SEARCH_CHARS = 480
"""An index entry holds at most 2,704 bytes on PostgreSQL."""

Labels = Mapping[str, Mapping[str, str]]
"""The labels by code of each facet, by its name: see `filters.filter_options`."""


@cache
def facet_columns(flow: Flow) -> dict[Facet, InstrumentedAttribute[str]]:
    """Return the columns by facet."""
    return dict(zip(flow.facets, FACET_COLUMNS, strict=False))


def index_columns(flow: Flow, reference: str, answers: Answers) -> dict[str, str]:
    """Return the list columns: title, party, place, the codes of facets and the search text."""
    facets = facet_columns(flow)
    shown = {facet.source for facet in facets}
    places = [str(answers.get(name, "")) for name in flow.roles.place if name not in shown]
    columns = {
        "title": str(answers.get(flow.roles.title, "")),
        "party": str(answers.get(flow.roles.party, "")),
        "place": ", ".join(filter(None, places)),
        **{
            column.key: ";".join(flow.facet_codes(facet, answers))
            for facet, column in facets.items()
        },
    }
    words = (reference, columns["party"], columns["place"], columns["title"])
    return columns | {"search": fold_text(" ".join(filter(None, words)))[:MAX_SEARCH_CHARS]}


def place_of(row: Any, labels: Labels) -> str:
    """Return a listed submission's place: its column, then its facets; without labels, codes."""
    flow = current_flow()
    places = _labels(row, flow, flow.places, labels)
    return ", ".join([text for text in (row.place, *places) if text])


def kind_of(row: Any, labels: Labels) -> str:
    """Return the labels of a listed submission's charted facets that are no place."""
    flow = current_flow()
    return " · ".join(_labels(row, flow, flow.kinds, labels))


def _labels(row: Any, flow: Flow, facets: Sequence[Facet], labels: Labels) -> list[str]:
    """Return the labels of a row's codes in the current language; unknown codes as they are."""
    columns = facet_columns(flow)
    codes = [(facet.name, getattr(row, columns[facet].key)) for facet in facets]
    return [
        languages.translate(labels.get(name, {}).get(code, code)) for name, code in codes if code
    ]
