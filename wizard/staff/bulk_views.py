"""Many cases at once: the preview of what would happen, and the page that goes through them."""

from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response

from ..accounts.permissions import bp, current_actor, may, refuse
from ..forms.text import replace_forbidden
from ..submissions.filters import MAX_REFERENCES_CHARS, UNCODED_FILTERS, Filters
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.form_fields import own_fields
from ..web.htmx import render_page
from ..web.query import MAX_SHOWN, BadQuery, parse_args
from . import bulk_actions, case_lists, exports
from .decisions import InvalidDecision
from .lists import LIST_ARGS, list_query, parse_list_filters

SELECTION_ARGS = ("reference", "page", "all", "action")
"""What the list says beside its filters: the boxes that are checked, and what to do."""

OLD_PAGE = ErrorPage(
    "This page is out of date",
    "The program was updated after this page was opened, or its form was cut off. What was done"
    " before stays done.",
    "Select the submissions on the list again, then repeat the action.",
)


@bp.get("/submissions/many", role="viewer")
def preview_many() -> Response:
    """Show what an action would do to each selected case, or offer the files with them."""
    selection, action = _parse_selection(), request.args.get("action", "export")
    if action not in bulk_actions.ACTIONS and not action.startswith(bulk_actions.ASSIGN):
        shown = replace_forbidden(action[:MAX_SHOWN])
        raise BadQuery("“%(name)s” isn’t an action. Choose one from the list.", name=shown)
    if action == "export":
        names = exports.export_names(current_flow())
        return _page("staff/export.html", exports=names, selection=selection)
    if not may("staff.act_on_many"):
        return refuse("staff.act_on_many")
    return _preview(action, selection)


@bp.post("/submissions/many", role="editor")
def act_on_many() -> Response:
    """Act on the next cases of a run, and show how far it is."""
    try:
        run = bulk_actions.load_run(request.form.get("run", ""))
    except bulk_actions.BadState:
        return error_response(400, OLD_PAGE)
    try:
        if not run.is_started:
            bulk_actions.start(run, own_fields(request.form, bulk_actions.KEY))
    except InvalidDecision as invalid:
        selection = Filters(_order() | {"references": ",".join(run.references)})
        return _preview(run.action, selection, 422, errors=invalid.errors)
    bulk_actions.act_on_batch(run, current_actor())
    parties = case_lists.find_parties(run.references)
    return _page(
        "staff/bulk_actions.html",
        run=run,
        action=bulk_actions.find_action(run.action),
        parties=parties,
    )


def _preview(action: str, selection: Filters | None, status: int = 200, **context: Any) -> Response:
    found, has_more = (
        case_lists.list_to_act_on(selection, bulk_actions.MAX_CASES)
        if selection is not None
        else ([], False)
    )
    shown = bulk_actions.preview(action, found)
    return _page("staff/preview.html", status, preview=shown, has_more=has_more, **context)


def _page(template: str, status: int = 200, **context: Any) -> Response:
    """Show a page of many cases, which keeps the address of the preview."""
    query = list_query(_parse_filters())
    return render_page(
        template,
        status,
        address=request.full_path.rstrip("?"),
        back=url_for("staff.submissions", **query),
        list_query=query,
        max_cases=bulk_actions.MAX_CASES,
        english_names=bulk_actions.ENGLISH_NAMES,
        **context,
    )


def _parse_filters() -> Filters:
    return parse_list_filters((*LIST_ARGS, *SELECTION_ARGS))


def _parse_selection() -> Filters | None:
    """Return the filters that find what is selected; None if nothing is."""
    chosen = _parse_filters()
    if request.args.get("all"):
        return chosen
    pages = request.args.get("page", "").split(",")
    references = ",".join(dict.fromkeys(filter(None, [*request.args.getlist("reference"), *pages])))
    if len(references) > MAX_REFERENCES_CHARS:
        raise BadQuery("Too many submissions are selected. Select all on the list instead.")
    field = UNCODED_FILTERS["references"]
    selected = parse_args({field.name: [references]}, {field.name: field})
    return Filters(_order() | selected) if selected else None


def _order() -> dict[str, str]:
    """Return the filter that names the order of the list, if there is one."""
    return {name: value for name, value in _parse_filters().items() if name == "sort"}
