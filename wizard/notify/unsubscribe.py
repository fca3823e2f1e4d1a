"""Stop reminders by one click in a mail program (RFC 8058).

Its post carries nothing but the signed token of the address: no cookie, and no CSRF token. A page
with one button is for mail programs that open the address instead, which changes nothing.
"""

from collections.abc import Callable

from flask import Blueprint, abort
from werkzeug.wrappers import Response

from ..web import links
from ..web.htmx import render_page
from ..web.security import csrf

bp = Blueprint("unsubscribe", __name__)

STOPS: dict[str, Callable[[str], None]] = {}
"""What stops reminders, by the kind of their subject."""


def register(kind: str, stop: Callable[[str], None]) -> None:
    """Declare how reminders about something end; `stop` gets its key, and may be called again."""
    STOPS[kind] = stop


def _parse(token: str) -> tuple[str, str]:
    """Return the kind of what is reminded of, and its key; answer 404 if the token is forged."""
    kind, key = links.parse_unsubscribe_token(token) or ("", "")
    return (kind, key) if kind in STOPS else abort(404)


@bp.get("/unsubscribe/<token>")
def confirm(token: str) -> Response:
    """Show the page with the button."""
    kind, _ = _parse(token)
    return render_page("notify/unsubscribe.html", kind=kind, token=token)


@bp.post("/unsubscribe/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
def stop(token: str) -> Response:
    """End the reminders, whatever was posted and however often."""
    kind, key = _parse(token)
    STOPS[kind](key)
    return render_page("notify/unsubscribe.html", kind=kind)
