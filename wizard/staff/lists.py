"""The list that a case was opened from: carried in the address, with what follows a decision."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import redirect, request, session, url_for
from werkzeug.wrappers import Response

from ..submissions import filters
from ..web.current import current_flow
from ..web.query import PAGE_ARGS, BadQuery
from . import case_lists

LIST_ARGS = (*PAGE_ARGS, "then")
"""What an address of a list may hold beside filters: its page, and what follows a decision."""


def parse_list_filters(ignored: tuple[str, ...] = ()) -> filters.Filters:
    """Return the filters in this request's address. Raise `BadQuery`."""
    return filters.parse_filters(current_flow(), request.args.to_dict(flat=False), ignored)


def list_query(chosen: filters.Filters) -> dict[str, Any]:
    """Return the query string of the list: its filters, its page, and what follows a decision."""
    others = {name: request.args[name] for name in LIST_ARGS if request.args.get(name)}
    return chosen | others


def return_filters() -> filters.Filters:
    """Return the list's filters as carried by the address of a case; none if they are invalid."""
    try:
        return parse_list_filters(LIST_ARGS)
    except BadQuery:
        return filters.Filters()


def return_query() -> dict[str, Any]:
    """Return the list's query string as carried by the address of a case; empty if invalid."""
    try:
        return list_query(parse_list_filters(LIST_ARGS))
    except BadQuery:
        return {}


def open_in_list(reference: str) -> Response:
    """Redirect to a case of the list, or to the beginning of the list if there is none."""
    query = return_query()
    if reference:
        return redirect(url_for("staff.submission", reference=reference, **query), 303)
    rest = {name: query[name] for name in query if name not in PAGE_ARGS}
    return redirect(url_for("staff.submissions", **rest), 303)


def opens_next_case(query: dict[str, Any]) -> bool:
    """Return True if a decision leads to the next case: in the queue, unless the address says."""
    return bool(query.get("then", "next" if "todo" in query else "stay") == "next")


def continue_to_next_case(decide: Callable[[str], Response]) -> Callable[[str], Response]:
    """Let a view go on to the next case of the list after a decision, or to the list at its end."""

    @wraps(decide)
    def decide_and_go_on(reference: str) -> Response:
        if not opens_next_case(return_query()):
            return decide(reference)
        # Before the decision, which may take the case off the list.
        following = case_lists.find_neighbor(reference, return_filters())
        response = decide(reference)
        if response.status_code != 303:
            return response
        session["decided"] = reference
        return open_in_list(following)

    return decide_and_go_on
