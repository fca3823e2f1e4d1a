"""The open data: files for anyone, from anywhere, as often as they like."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from email.utils import parseaddr
from functools import partial

from flask import Blueprint, Response, abort, current_app, request
from werkzeug.wrappers import Response as Answer

from .. import clock
from ..web.current import current_flow
from . import open_data

bp = Blueprint("open_data", __name__)

CSV_TYPE = "text/csv; charset=utf-8"
VALIDATOR_MIN_AGE = timedelta(seconds=60)
"""How old a change is before its moment serves as a validator (RFC 9110, 8.8.2.2): a younger one
may share its second with the next."""


class StreamedResponse(Response):
    """A file that is made while it is sent, and not at all where only its headers are."""

    implicit_sequence_conversion = False


@bp.get("/commitments.csv")
def commitments_csv() -> Answer:
    """A row for each commitment."""
    return _send(open_data.commitments_csv, CSV_TYPE)


@bp.get("/commitments/<name>.csv")
def entries_csv(name: str) -> Answer:
    """A row for each entry of a group."""
    group = open_data.entry_files(current_flow()).get(name) or abort(404)
    return _send(partial(open_data.entries_csv, group=group), CSV_TYPE)


@bp.get("/commitments.json")
def commitments_json() -> Answer:
    """All of it in one document."""
    return _send(open_data.commitments_json, "application/json")


@bp.get("/commitments/schema.json")
def schema_json() -> Answer:
    """The JSON Schema of that document."""
    return _send(open_data.schema_json, "application/schema+json")


@bp.get("/commitments.atom")
def feed() -> Answer:
    """What was published last."""
    return _send(open_data.feed, "application/atom+xml")


@bp.get("/data.json")
def catalog() -> Answer:
    """Where all of these are, for catalogs that collect from many."""
    return _send(open_data.catalog, "application/json")


def _send(write: Callable[[open_data.Snapshot], Iterable[bytes]], content_type: str) -> Answer:
    """A file of this moment's edition; 304 for a reader who has it.

    What is withdrawn is gone at once: whoever keeps a copy asks again before each use.
    """
    edition = open_data.current_snapshot(current_flow(), _site())
    response = StreamedResponse(write(edition), content_type=content_type)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    response.set_etag(edition.tag, weak=True)
    if clock.now() - edition.changed > VALIDATOR_MIN_AGE:
        response.last_modified = edition.changed + timedelta(seconds=1)  # it holds whole seconds
    return response.make_conditional(request)


def _site() -> open_data.Site:
    config = current_app.config
    _, email = parseaddr(config["PROGRAM_EMAIL"] or config["MAIL_FROM"])
    return open_data.Site(config["PROGRAM_NAME"], email, config["PUBLIC_URL"])
