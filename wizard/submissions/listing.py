"""The columns of a submission that repeat answers, so that lists can filter and show them."""

from ..forms.conditions import Answers
from ..forms.flow import Flow
from ..forms.text import fold_text

INDEXED_ANSWERS = ("organization_kind", "organization_name", "city", "state", "commitment_title")
"""The answers that a list of submissions shows or is filtered by."""
MAX_SEARCH_CHARS = 480
"""Characters; an index entry has room for 2,704 bytes on PostgreSQL."""


def index_columns(flow: Flow, reference: str, answers: Answers) -> dict[str, str]:
    """What a submission is found by in a list: some answers, its programs, the categories of its
    data sets, and text to search."""
    shown = {name: str(answers.get(name, "")) for name in INDEXED_ANSWERS}
    programs = ";".join(each.name for each in flow.programs if each.when.holds(answers))
    categories = {entry.get("category", "") for entry in answers.get("data_sets", ())}
    names = (shown["organization_name"], shown["city"], shown["commitment_title"])
    text = fold_text(" ".join((reference, *names)))[:MAX_SEARCH_CHARS]
    return shown | {
        "programs": programs,
        "categories": ";".join(sorted(categories)),
        "search": text,
    }
