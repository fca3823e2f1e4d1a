"""Exports over the web, for signed-in staff and for programs with a token."""

from flask import abort
from werkzeug.wrappers import Response

from .. import clock
from ..accounts import audit
from ..accounts.permissions import bp, current_actor
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.tables import SheetTooLarge
from . import exports
from .views import parse_list_filters


@bp.get("/export/<name>")
def export(name: str) -> Response:
    """Stream a file of the submissions, filtered like the list."""
    chosen = parse_list_filters()
    try:
        stream = exports.export(name, current_flow(), chosen)
    except exports.UnknownExport:
        abort(404)
    except SheetTooLarge as error:
        return error_response(
            400, ErrorPage("That is more than a sheet holds", str(error), "Or filter first.")
        )
    logged = chosen.without_text().chosen() | ({"text": "…"} if chosen.text else {})
    audit.record_event(current_actor(), "exported", name, filters=logged)
    stem, _, suffix = name.partition(".")
    file_name = f"{stem}-{clock.now().date()}.{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return Response(stream, content_type=exports.MIMETYPES[suffix], headers=headers)
