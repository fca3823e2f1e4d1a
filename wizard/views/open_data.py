"""The open data: files for anyone, from anywhere, as often as they like."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from email.utils import parseaddr
from functools import partial

from flask import Blueprint, Response, abort, current_app, request
from werkzeug.wrappers import Response as Answer

from .. import clock, opendata
from ..current import current_flow

bp = Blueprint("open_data", __name__)

CSV = "text/csv; charset=utf-8"
SETTLED = timedelta(seconds=60)
"""How old a change is before its moment serves as a validator (RFC 9110, 8.8.2.2): a younger one
may share its second with the next."""


class Pieces(Response):
    """A file that is made while it is sent, and not at all where only its headers are."""

    implicit_sequence_conversion = False


@bp.get("/commitments.csv")
def commitments_csv() -> Answer:
    """A row for each commitment."""
    return _send(opendata.commitments_csv, CSV)


@bp.get("/commitments/<name>.csv")
def entries_csv(name: str) -> Answer:
    """A row for each entry of a group."""
    group = opendata.groups(current_flow()).get(name) or abort(404)
    return _send(partial(opendata.entries_csv, group=group), CSV)


@bp.get("/commitments.json")
def commitments_json() -> Answer:
    """All of it in one document."""
    return _send(opendata.commitments_json, "application/json")


@bp.get("/commitments/schema.json")
def schema_json() -> Answer:
    """The JSON Schema of that document."""
    return _send(opendata.schema_json, "application/schema+json")


@bp.get("/commitments.atom")
def feed() -> Answer:
    """What was published last."""
    return _send(opendata.feed, "application/atom+xml")


@bp.get("/data.json")
def catalog() -> Answer:
    """Where all of these are, for catalogs that collect from many."""
    return _send(opendata.catalog, "application/json")


def _send(write: Callable[[opendata.Edition], Iterable[bytes]], content_type: str) -> Answer:
    """A file of this moment's edition; 304 for a reader who has it.

    What is withdrawn is gone at once: whoever keeps a copy asks again before each use.
    """
    edition = opendata.current_edition(current_flow(), _site())
    response = Pieces(write(edition), content_type=content_type)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    response.set_etag(edition.tag, weak=True)
    if clock.now() - edition.changed > SETTLED:
        response.last_modified = edition.changed + timedelta(seconds=1)  # it holds whole seconds
    return response.make_conditional(request)


def _site() -> opendata.Site:
    config = current_app.config
    _, email = parseaddr(config["PROGRAM_EMAIL"] or config["MAIL_FROM"])
    return opendata.Site(config["PROGRAM_NAME"], email, config["PUBLIC_URL"])
