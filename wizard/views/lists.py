"""What the addresses of lists have in common."""

from urllib.parse import urlencode

from flask import request

from ..paging import Place

PLACES = ("older", "newer", "last")
"""What says which page of a list is meant."""


def place() -> Place:
    """Which page of a list this request's address names."""
    given = request.args
    return Place(given.get("older", ""), given.get("newer", ""), bool(given.get("last")))


def address(path: str, query: dict[str, str]) -> str:
    """An address with its query, and with the page of a list that this request names."""
    query = query | {name: request.args[name] for name in PLACES if request.args.get(name)}
    return f"{path}?{urlencode(query)}" if query else path
