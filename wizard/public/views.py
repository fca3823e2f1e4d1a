"""Pages that anyone may read."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, request, url_for

from ..forms.messages import Message
from ..forms.promises import STATES
from ..forms.wording import describe_condition
from ..submissions import filters, listing, search
from ..submissions.cases import find_by_reference
from ..web import charts
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.htmx import render_page
from ..web.query import list_address, parse_page_start
from . import commitments, open_data
from .privacy import RETENTION_SCHEDULE

bp = Blueprint("public", __name__)

NEWEST_SHOWN = 3
"""Commitments on the landing page."""
FLASH_MESSAGES = {
    "left": Message(
        "Your answers have been cleared from this browser. If you have a link to them, you can use "
        "it to open them again."
    ),
    "deleted": Message("Draft deleted."),
}
ERASED = ErrorPage(
    "This page was deleted",
    "What was published here was withdrawn, and its answers were deleted on request.",
    "You can go to the home page to see what others have published.",
)


@bp.get("/")
def landing() -> Response:
    """Show the landing page."""
    notices = (text for name, text in FLASH_MESSAGES.items() if name in request.args)
    mapped = commitments.count_by_mapped(filters.PublicFilters())
    labels = filters.filter_options(current_flow())
    return render_page(
        current_flow().pages.landing,
        notice=next(notices, ""),
        newest=commitments.newest_commitments(NEWEST_SHOWN),
        count=sum(mapped.values()),
        places=len(mapped),
        map=make_map(mapped, labels),
        labels=labels,
    )


def make_map(counts: Mapping[str, int], labels: listing.Labels) -> charts.TileMap | None:
    """Return the map, if the flow has one."""
    facet = current_flow().mapped
    return charts.make_tile_map(counts, labels[facet.name]) if facet else None


@bp.get("/commitments")
def commitment_list() -> Response:
    """Show the list of commitments, with its map."""
    chosen = filters.parse_public_filters(current_flow(), request.args.to_dict(flat=False))
    labels = filters.filter_options(current_flow())
    found = commitments.list_page(chosen, parse_page_start(request.args))
    return render_page(
        "public/commitments.html",
        address=list_address(url_for("public.commitment_list"), chosen, request.args),
        found=found,
        hits=search.find_hits(chosen.get("q", ""), "public", [row.reference for row in found.rows]),
        chosen=chosen,
        labels=labels,
        map=make_map(found.mapped, labels),
        data_files=open_data.entry_files(current_flow()),
    )


@bp.get("/commitments/<reference>")
def commitment(reference: str) -> Response:
    """Show a commitment: in full while it is published, in short after it was withdrawn."""
    found = commitments.find_public(reference)
    if found is None:
        if find_by_reference(reference, filters.is_public_erased):
            return error_response(410, ERASED)
        abort(404)
    labels = filters.filter_options(current_flow())
    if found.published_at is None:
        shown = commitments.describe_withdrawn(found)
        return render_page("public/withdrawn.html", found=shown, labels=labels)
    shown = commitments.describe_published(found)
    return render_page("public/commitment.html", found=shown, labels=labels, states=STATES)


@bp.get("/questions")
def questions() -> Response:
    """Show every question of every branch."""
    return render_page("public/questions.html", in_words=describe_condition)


@bp.get("/accessibility")
def accessibility() -> Response:
    """Show the accessibility statement."""
    return render_page("public/accessibility.html")


@bp.get("/robots.txt")
def robots() -> Response:
    """Keep crawlers out of the staff side and resume links."""
    return Response("User-agent: *\nDisallow: /staff/\nDisallow: /resume/\n", mimetype="text/plain")


@bp.get("/privacy")
def privacy() -> Response:
    """Show the privacy statement."""
    htmx_host = urlsplit(current_app.config["HTMX_URL"]).hostname
    return render_page("public/privacy.html", rules=RETENTION_SCHEDULE, htmx_host=htmx_host)
