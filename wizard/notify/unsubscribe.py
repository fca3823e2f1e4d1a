"""The end of reminders by one click in a mail program (RFC 8058).

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
"""What ends the reminders, by the kind of what they are about."""


def register(kind: str, stop: Callable[[str], None]) -> None:
    """Declare how reminders about something end; `stop` gets its key, and may be called again."""
    STOPS[kind] = stop


def _parse(token: str) -> tuple[Callable[[str], None], str]:
    """Return what ends the reminders, and the key to call it with; answer 404 if it is forged."""
    kind, key = links.parse_unsubscribe_token(token) or ("", "")
    return STOPS.get(kind) or abort(404), key


@bp.get("/unsubscribe/<token>")
def confirm(token: str) -> Response:
    """Show the page with the button."""
    _parse(token)
    return render_page("notify/unsubscribe.html", token=token)


@bp.post("/unsubscribe/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
def stop(token: str) -> Response:
    """End the reminders, whatever was posted and however often."""
    stop_reminders, key = _parse(token)
    stop_reminders(key)
    return render_page("notify/unsubscribe.html")
