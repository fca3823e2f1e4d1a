"""The columns of a submission that repeat answers, so that lists can filter and show them."""

from ..forms.conditions import Answers
from ..forms.flow import Flow
from ..forms.text import fold_text

INDEXED_ANSWERS = ("organization_kind", "organization_name", "city", "state", "commitment_title")
"""The answers by which lists show or filter submissions."""
MAX_SEARCH_CHARS = 480
"""An index entry holds at most 2,704 bytes on PostgreSQL."""


def index_columns(flow: Flow, reference: str, answers: Answers) -> dict[str, str]:
    """Return the list columns: some answers, programs, data categories and the search text."""
    columns = {name: str(answers.get(name, "")) for name in INDEXED_ANSWERS}
    programs = [each.name for each in flow.programs if each.when.holds(answers)]
    categories = {entry.get("category", "") for entry in answers.get("data_sets", ())}
    names = (columns["organization_name"], columns["city"], columns["commitment_title"])
    return columns | {
        "programs": ";".join(programs),
        "categories": ";".join(sorted(categories)),
        "search": fold_text(" ".join((reference, *names)))[:MAX_SEARCH_CHARS],
    }
