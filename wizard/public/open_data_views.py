"""The open data files: no sign-in, any origin, no limit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr
from functools import partial

from flask import Blueprint, Response, abort, current_app, request
from sqlalchemy import ColumnElement
from werkzeug.wrappers import Response as Answer

from .. import clock
from ..db.models import Submission
from ..submissions.filters import Filters, parse_public_filters
from ..web.current import current_flow
from ..web.query import wants_bom
from . import calendars, catalogs, commitments, feeds, open_data, updates

bp = Blueprint("open_data", __name__)

Writer = Callable[[open_data.Snapshot], Iterable[bytes]]

CSV_TYPE = "text/csv; charset=utf-8"
CALENDAR_TYPE = "text/calendar; charset=utf-8"
FILES: dict[str, tuple[str, Writer, str]] = {
    "commitments.csv": ("commitments_csv", open_data.commitments_csv, CSV_TYPE),
    "commitments.json": ("commitments_json", open_data.commitments_json, "application/json"),
    "commitments/updates.csv": ("updates_csv", updates.updates_csv, CSV_TYPE),
    "commitments.ics": ("calendar", calendars.calendar, CALENDAR_TYPE),
    open_data.SCHEMA: ("schema_json", open_data.schema_json, "application/schema+json"),
    "commitments.atom": ("feed", feeds.feed, "application/atom+xml"),
    "dcat-us-3.json": ("catalog_3", catalogs.catalog_3, "application/ld+json"),
    "datapackage.json": ("data_package", catalogs.data_package, "application/json"),
    "data.json": ("catalog", catalogs.catalog, "application/json"),
}
"""The endpoint, writer and content type of the files that every flow has, by path."""
VALIDATOR_MIN_AGE = timedelta(seconds=60)
"""Minimum age of a change for `Last-Modified` (RFC 9110, 8.8.2.2): the next change may come in the
same second as a newer one."""


class StreamedResponse(Response):
    """A file generated while it is sent, and not generated if only headers are sent."""

    implicit_sequence_conversion = False


def send_file(path: str) -> Answer:
    """Send one of `FILES`."""
    _, write, content_type = FILES[path]
    return _send(write, content_type)


for path, served in FILES.items():
    bp.add_url_rule(f"/{path}", served[0], send_file, defaults={"path": path})


@bp.get("/commitments/<file>.csv")
def entries_csv(file: str) -> Answer:
    """Send a row for each entry of a group."""
    group = open_data.entry_files(current_flow()).get(file) or abort(404)
    return _send(partial(open_data.entries_csv, group=group), CSV_TYPE)


@bp.get("/commitments/<reference>.ics")
def commitment_calendar(reference: str) -> Answer:
    """Send the dates of one commitment: none after it was withdrawn, so that the calendars which
    follow it remove them."""
    found = commitments.find_public(reference) or abort(404)
    only = Submission.id == found.id
    return _send(calendars.calendar, CALENDAR_TYPE, Filters(reference=found.reference), [only])


def _send(
    write: Writer,
    content_type: str,
    chosen: Filters | None = None,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> Answer:
    """Return a file of the current snapshot; 304 if the client has it.

    Caches revalidate before each use, so that a withdrawn commitment disappears at once.
    """
    bom, of_promises = wants_bom(request.args), list[ColumnElement[bool]]()
    if chosen is None:
        chosen = parse_public_filters(current_flow(), request.args.to_dict(flat=False))
        conditions, of_promises = chosen.conditions(), chosen.promise_conditions()
    snapshot = open_data.current_snapshot(current_flow(), _site(), bom=bom)
    snapshot = replace(
        snapshot, filters=chosen, conditions=conditions, promise_conditions=of_promises
    )
    response = StreamedResponse(write(snapshot), content_type=content_type)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    response.set_etag(snapshot.tag, weak=True)
    changed = max(snapshot.changed, clock.midnight(snapshot.today))
    if clock.now() - changed > VALIDATOR_MIN_AGE:
        response.last_modified = changed + timedelta(seconds=1)  # it holds whole seconds
    return response.make_conditional(request)


def _site() -> open_data.Site:
    config = current_app.config
    _, email = parseaddr(config["PROGRAM_EMAIL"] or config["MAIL_FROM"])
    return open_data.Site(config["PROGRAM_NAME"], email, config["PUBLIC_URL"])
