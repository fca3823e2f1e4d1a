"""Render pages as documents or htmx fragments; only this module handles htmx headers."""

from typing import Any
from urllib.parse import urlsplit

from flask import Response, make_response, render_template, request

from . import languages

SWAP_TO_TOP = "innerHTML show:top showTarget:window"
VARY = f"HX-Request, HX-History-Restore-Request, HX-Request-Type, {languages.VARY}"


def wants_fragment() -> bool:
    """Return True if htmx asks for the content of `#main`; a history restore is a full page."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def is_same_page(address: str = "") -> bool:
    """Return True if the browser shows this path already, or that of an `address`: focus and
    history then stay."""
    try:
        current = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return False
    return wants_fragment() and current.path == (urlsplit(address).path or request.path)


def render_page(template: str, status: int = 200, *, address: str = "", **context: Any) -> Response:
    """Return the page as a document, or as the fragment that htmx swaps into `#main`.

    `address` is the one for the browser to show, if that is not the path alone.
    """
    context["layout"] = "fragment.html" if wants_fragment() else "base.html"
    context["new_page"] = wants_fragment() and not is_same_page(address)
    response = make_response(render_template(template, **context), status)
    response.headers["Vary"] = VARY
    response.headers["Content-Language"] = languages.get_locale()
    if request.headers.get("HX-Request") == "true":
        _set_htmx_headers(response, context["new_page"], address or request.path)
    return response


def _set_htmx_headers(response: Response, new_page: bool, address: str) -> None:
    """Give each page one history entry, and show a new page from its top."""
    if response.status_code >= 400:
        response.headers["HX-Push-Url"] = "false"
    elif is_same_page(address) or not wants_fragment():
        response.headers["HX-Replace-Url"] = address
    swaps_main = request.headers.get("HX-Target") == "main#main"
    if swaps_main and (response.status_code >= 400 or new_page):
        response.headers["HX-Reswap"] = SWAP_TO_TOP
