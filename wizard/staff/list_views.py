"""The dashboard, the list of submissions and its exports."""

from collections.abc import Mapping
from datetime import date

from flask import abort, current_app, request, session, url_for
from werkzeug.wrappers import Response

from .. import checks, clock
from ..accounts import audit
from ..accounts.accounts import list_people
from ..accounts.permissions import bp, current_actor
from ..forms.dates import format_day
from ..forms.messages import Message
from ..notify import unsent
from ..submissions import colleagues, filters
from ..web import charts
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.htmx import render_page
from ..web.query import DAYS, VALUE, Code, PageStart, parse_args, parse_page_start, wants_bom
from ..web.tables import SheetTooLarge
from . import bulk_actions, case_lists, exports
from . import dashboard as statistics
from .lists import LIST_ARGS, list_query, open_in_list, parse_list_filters
from .report_views import describe_period

OLDEST_SHOWN, REQUESTS_SHOWN = 5, 20
FILTER_LABELS = {
    "branch": "Branch",
    "status": "Status",
    "first_day": "From",
    "last_day": "To",
    "since": "After",
    "q": "Words",
    "todo": "Show",
    "assigned": "Assigned to",
    "seen": "Seen",
    "promises": "Promises",
    "references": "Selected",
}
"""What the list calls its filters; the flow names the others."""
CONTACTS = Code("contacts", "contacts", noun=VALUE, codes=("0", "1"), required=True)
"""Whether an export has contact details."""


@bp.get("/", role="viewer")
def dashboard() -> Response:
    """Show what waits for staff, and the statistics."""
    labels = filters.filter_options(current_flow())
    facets, statuses = statistics.count_submissions()
    return render_page(
        "staff/dashboard.html",
        paperwork=checks.paperwork_warnings(current_app.config, clock.today()),
        statuses={code: statuses[code] for code in {**labels["status"], **statuses}},
        waiting=case_lists.list_longest_waiting(OLDEST_SHOWN),
        requests=statistics.list_requests(limit=REQUESTS_SHOWN),
        request_count=statistics.count_requests(),
        failed=unsent.failed_submissions(),
        labels=labels,
        by_month=charts.make_bars(statistics.count_by_month()),
        by_facet={name: facet_chart(name, facets[name], labels[name]) for name in facets},
        drafts_by_step=charts.make_bars(statistics.count_drafts_by_step()),
        **describe_period(),
    )


def facet_chart(
    name: str, counts: Mapping[str, int], labels: Mapping[str, str]
) -> charts.Bars | charts.TileMap:
    """Return the chart of a facet's counts."""
    mapped = current_flow().mapped
    if mapped and name == mapped.name:
        return charts.make_tile_map(counts, labels)
    return charts.make_bars(statistics.by_label(counts, labels))


@bp.get("/submissions", role="viewer")
def submissions() -> Response:
    """Show the filtered list of submissions, newest first, or the queue, oldest first."""
    chosen = parse_list_filters(LIST_ARGS)
    query = list_query(chosen)
    start = parse_page_start(request.args)
    page = case_lists.read_page(chosen, start)
    if not page.found and start != PageStart():  # what was there has left the list
        return open_in_list("")
    people = colleagues.name_people(list_people())
    labels = filters.filter_options(current_flow())
    labels |= {"assigned": {"me": "Me", "nobody": "Nobody", **people}}
    return render_page(
        "staff/submissions.html",
        address=url_for("staff.submissions", **query),
        **vars(page),
        chosen=chosen,
        list_query=query,
        people=people,
        notice=session.pop("notice", ""),
        decided=session.pop("decided", ""),
        labels=labels,
        exports=exports.export_names(current_flow()),
        actions=bulk_actions.offer_actions(),
        chips=_list_chips(chosen, labels),
        sorts=filters.SORTS,
    )


def _list_chips(
    chosen: filters.Filters, labels: Mapping[str, Mapping[str, str]]
) -> list[tuple[str, str | Message, filters.Filters]]:
    """Return each filter that is set: its label, its value, and the filters without it."""
    names = FILTER_LABELS | {facet.name: facet.title for facet in current_flow().facets}
    return [
        (
            names.get(name, name),
            labels.get(name, {}).get(value) or _describe_value(name, value),
            chosen.without(name),
        )
        for name, value in chosen.items()
        if name != "sort"
    ]


def _describe_value(name: str, value: str) -> str | Message:
    """Return what is typed into a filter as it is shown: a day as on every page."""
    return format_day(date.fromisoformat(value)) if name in DAYS else value.replace(",", ", ")


@bp.get("/export/<name>", role="viewer")
def export(name: str) -> Response:
    """Stream a file of the submissions, filtered like the list, also to a program with a token."""
    chosen, contacts = parse_list_filters(("bom", "contacts")), _wants_contacts()
    choices = {"bom": wants_bom(request.args), "contacts": contacts}
    try:
        stream = exports.export(name, current_flow(), chosen, **choices)
    except exports.UnknownExport:
        abort(404)
    except SheetTooLarge as error:
        advice = "Or filter the list to export fewer submissions."
        page = ErrorPage("Too many rows for a spreadsheet", str(error), advice)
        return error_response(400, page)
    logged = chosen | ({"q": "…"} if "q" in chosen else {})
    audit.record_event(current_actor(), "exported", name, filters=logged, contacts=contacts)
    stem, _, suffix = name.partition(".")
    file_name = f"{stem}-{clock.today()}.{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return Response(stream, content_type=exports.MIMETYPES[suffix], headers=headers)


def _wants_contacts() -> bool:
    """Return True unless the address asks for an export without contact details.

    Raise `BadQuery` for any other value: what looks like a refusal would export them all.
    """
    args = request.args.to_dict(flat=False)
    return parse_args(args, {"contacts": CONTACTS}, ignored=args).get("contacts") != "0"
