"""Pages that anyone may read."""

from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from ..db.engine import end_session
from ..forms.condition_text import describe_condition
from ..forms.messages import Message
from ..forms.promises import LINE_ORDER, STATES
from ..submissions import filters, listing, publication
from ..submissions.cases import find_by_reference
from ..submissions.hits import find_public_hits
from ..web import charts
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.htmx import render_page
from ..web.languages import VARY
from ..web.query import PageStart, list_address, parse_page_start
from . import cards, commitments, open_data, progress
from .edition import current_edition
from .privacy import RETENTION_SCHEDULE
from .selection import select_current

bp = Blueprint("public", __name__)

BY_DATE = "due"
"""The value of `sort` for a list whose next dates come first."""
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
    everything = select_current(filters.PublicFilters())
    facet, labels = current_flow().mapped, filters.filter_options(current_flow())
    mapped = everything.count_by(facet.name) if facet else {}
    return render_page(
        current_flow().pages.landing,
        notice=next(notices, ""),
        featured=commitments.featured_commitment(),
        count=everything.count,
        by_group=progress.count_by_group(everything),
        places=len(mapped),
        map=make_map(mapped, labels),
        labels=labels,
    )


def make_map(counts: Mapping[str, int], labels: listing.Labels) -> charts.TileMap | None:
    """Return the map, if the flow has one."""
    facet = current_flow().mapped
    return charts.make_tile_map(counts, labels[facet.name]) if facet else None


@bp.get("/commitments")
def commitment_list() -> Answer:
    """Show the list of commitments, with its map."""
    flow = current_flow()
    chosen = filters.parse_public_filters(flow, request.args.to_dict(flat=False))
    by_date = request.args.get("sort") == BY_DATE
    query = chosen | ({"sort": BY_DATE} if by_date else {})
    start = parse_page_start(request.args)
    found = commitments.list_page(chosen, start, by_date=by_date)
    if not found.rows and start != PageStart():  # what was there has left the list
        return redirect(list_address(url_for("public.commitment_list"), query, {}), 303)
    references = [each.summary.reference for each in found.rows]
    mapped = found.counts.get(flow.mapped.name, {}) if flow.mapped else {}
    labels = filters.filter_options(flow) | progress.promise_options(found.selection)
    return render_page(
        "public/commitments.html",
        address=list_address(url_for("public.commitment_list"), query, request.args),
        found=found,
        hits=find_public_hits(chosen.get("q", ""), references),
        chosen=chosen,
        query=query,
        labels=labels,
        map=make_map(mapped, labels),
        data_query={**chosen, "status": chosen.get("status", "published")} if chosen else {},
        data_files=open_data.entry_files(flow),
    )


@bp.get("/progress")
def progress_page() -> Response:
    """Show what was promised and kept, in numbers."""
    flow = current_flow()
    chosen = filters.parse_public_filters(flow, request.args.to_dict(flat=False))
    chosen = chosen.without("status")  # what is withdrawn has no numbers
    found = select_current(chosen)
    labels = filters.filter_options(flow) | progress.promise_options(found)
    place = progress.make_place_chart(found)
    numbers = {row.code: row.number for row in place.shares.rows} if place else {}
    return render_page(
        "public/progress.html",
        address=list_address(url_for("public.progress_page"), chosen, {}),
        found=found,
        chosen=chosen,
        counts={name: found.count_by(name) for name in found.edition.sets},
        tally=found.edition.tally(found.promises),
        by_group=progress.count_by_group(found),
        labels=labels,
        map=make_map(numbers, labels),
        place=place,
        charts=progress.make_charts(found),
        states={code: STATES[code] for code in LINE_ORDER},
    )


@bp.get("/commitments/<reference>")
def commitment(reference: str) -> Response:
    """Show a commitment: in full while it is published, in short after it was withdrawn."""
    found = commitments.find_public(reference)
    if found is None:
        if find_by_reference(reference, publication.is_public_erased):
            return error_response(410, ERASED)
        abort(404)
    labels = filters.filter_options(current_flow())
    if found.published_at is None:
        shown = commitments.describe_withdrawn(found)
        return render_page("public/withdrawn.html", found=shown, labels=labels)
    shown = commitments.describe_published(found)
    return render_page("public/commitment.html", found=shown, labels=labels, states=STATES)


@bp.get("/commitments/<reference>.png")
def card(reference: str) -> Answer:
    """Send the preview image of a published commitment; 304 if the client has it."""
    found = commitments.find_public(reference)
    if found is None or found.published_at is None:
        abort(404)
    edition, svg = current_edition(), cards.describe_commitment(found)
    end_session()
    tag = sha256(svg.encode()).hexdigest()[:32]
    response = Response(mimetype="image/png")
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    response.headers["Vary"] = VARY
    response.set_etag(tag)
    if request.if_none_match.contains(tag):
        return response.make_conditional(request)
    response.set_data(cards.cached_card(edition, tag, svg))
    return response.make_conditional(request)


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
    """Keep crawlers out of the staff side, and from addresses that hold a secret."""
    rules = {rule.rule.partition("<token>") for rule in current_app.url_map.iter_rules()}
    closed = sorted({"/staff/", *(before for before, token, _ in rules if token)})
    lines = ["User-agent: *", *(f"Disallow: {each}" for each in closed), ""]
    return Response("\n".join(lines), mimetype="text/plain")


@bp.get("/privacy")
def privacy() -> Response:
    """Show the privacy statement."""
    htmx_host = urlsplit(current_app.config["HTMX_URL"]).hostname
    return render_page("public/privacy.html", rules=RETENTION_SCHEDULE, htmx_host=htmx_host)
