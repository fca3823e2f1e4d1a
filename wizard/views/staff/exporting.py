"""Exports over the web, for people who are signed in and for programs with a token."""

from flask import Response as Streamed
from flask import abort
from werkzeug.wrappers import Response

from ... import audit, clock, exports
from ...current import current_flow
from ...errors import ErrorPage, page
from ...tables import TooMany
from .cases import chosen_filters
from .guard import actor, bp


@bp.get("/export/<name>")
def export(name: str) -> Response:
    """A file of what was submitted, filtered like the list, streamed."""
    flow, chosen = current_flow(), chosen_filters()
    try:
        stream = exports.export(name, flow, chosen)
    except exports.UnknownExport:
        abort(404)
    except TooMany as error:
        return page(
            400, ErrorPage("That is more than a sheet holds", str(error), "Or filter first.")
        )
    shown = chosen.without_text().chosen() | ({"text": "…"} if chosen.text else {})
    audit.write(actor(), "exported", name, filters=shown)
    stem, _, suffix = name.partition(".")
    file = f"{stem}-{clock.now().date()}.{suffix}"
    return Streamed(
        stream,
        content_type=exports.MIMETYPES[suffix],
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
