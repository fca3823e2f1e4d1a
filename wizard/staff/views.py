"""What came in: the dashboard, the list, and one submission to read and decide."""

from typing import Any

from flask import abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from .. import checks, clock
from ..accounts import audit
from ..accounts.permissions import bp, current_actor
from ..db.models import describe_status
from ..forms.outputs import cards
from ..notify import outbox
from ..submissions import filters, progress_reports
from ..submissions.cases import CaseErased, CaseNotFound, NotAllowed
from ..web import charts
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.htmx import render_page
from ..web.query import PAGE_ARGS, BadQuery, parse_place, whole_number
from . import cases, exports
from . import dashboard as statistics
from .cases import StaleVersion

OLDEST_SHOWN = 5


@bp.errorhandler(CaseNotFound)
def on_not_found(error: CaseNotFound) -> Response:
    """Say that there is no such submission, message or report."""
    return error_response(
        404,
        ErrorPage(
            "There is no such submission",
            "The reference may be mistyped.",
            "Look for it in the list by the organization’s name.",
        ),
    )


@bp.errorhandler(CaseErased)
def on_erased(error: CaseErased) -> Response:
    """Show what is left of the case: the change came after its erasure."""
    text = "The answers were deleted on request; nothing is left to change."
    return case_page((request.view_args or {})["reference"], 422, errors={"case": text})


def parse_list_filters(besides: tuple[str, ...] = ()) -> filters.Filters:
    """The filters of this request's address."""
    return filters.parse_filters(current_flow(), request.args.to_dict(flat=False), besides)


@bp.get("/")
def dashboard() -> Response:
    """What is new, what waits, and how it all adds up."""
    labels = filters.filter_options(current_flow())
    sums = statistics.count_submissions()
    return render_page(
        "staff/dashboard.html",
        paperwork=checks.paperwork_warnings(current_app.config, clock.today()),
        statuses={code: sums.statuses[code] for code in {**labels["status"], **sums.statuses}},
        waiting=cases.oldest_open(OLDEST_SHOWN),
        reported=progress_reports.pending_references(),
        given_up=outbox.failed_submissions(),
        labels=labels,
        by_month=charts.make_bars(statistics.count_by_month()),
        by_kind=charts.make_bars(statistics.by_label(sums.kinds, labels["kind"])),
        by_state=charts.make_tile_map(sums.states, labels["state"]),
        drafts_left=charts.make_bars(statistics.count_drafts_by_step()),
    )


@bp.get("/submissions")
def submissions() -> Response:
    """The list: the newest first, filtered."""
    chosen = parse_list_filters(PAGE_ARGS)
    found = cases.list_page(chosen, parse_place(request.args))
    return render_page(
        "staff/submissions.html",
        address=url_for("staff.submissions", **list_query(chosen)),
        found=found,
        chosen=chosen,
        way_back=list_query(chosen),
        labels=filters.filter_options(current_flow()),
        most_counted=cases.MAX_COUNT,
        exports=exports.export_names(current_flow()),
    )


def list_query(chosen: filters.Filters) -> dict[str, Any]:
    """Return the query of the list: its filters, and which of its pages."""
    return chosen.chosen() | {
        name: request.args[name] for name in PAGE_ARGS if request.args.get(name)
    }


def way_back() -> dict[str, Any]:
    """Return the query of the list that a case was reached from: the case's address has it too.

    Empty if the list itself would refuse it.
    """
    try:
        return list_query(parse_list_filters(PAGE_ARGS))
    except BadQuery:
        return {}


@bp.get("/submissions/<reference>")
def submission(reference: str) -> Response:
    """Show one submission. That somebody read it is on the audit log: it holds personal data."""
    case = cases.get_case(reference)
    audit.record_event(current_actor(), "viewed", reference)
    return case_page(reference, case=case, said=session.pop("said", ""))


def case_page(
    reference: str,
    status: int = 200,
    *,
    case: cases.Case | None = None,
    errors: dict[str, str] | None = None,
    **context: Any,
) -> Response:
    """Show a submission; with an error, what was typed stays."""
    case = case or cases.get_case(reference)
    query = way_back()
    return render_page(
        "staff/submission.html",
        status,
        errors=errors or {},
        back=url_for("staff.submissions", **query),
        way_back=query,
        address=url_for("staff.submission", reference=reference, **query),
        case=case,
        actions=audit.ACTIONS,
        cards=cards(current_flow(), case.submission.answers),
        **context,
    )


@bp.post("/submissions/<reference>/status")
def decide(reference: str) -> Response:
    """Takes a case to another state; a note that is half written stays in its page."""
    typed = request.form.get("text", "")
    version = whole_number(request.form.get("version", ""))
    if version is None:
        abort(400)
    try:
        to = request.form.get("to", "")
        cases.decide(reference, to, version, current_actor())
    except StaleVersion:
        return case_page(reference, 409, stale=True, typed=typed)
    except NotAllowed as error:
        return case_page(reference, 422, errors={"decide": str(error)}, typed=typed)
    said = f"Decided: {describe_status(to).label}."
    if typed:
        return case_page(reference, said=said, typed=typed)
    return _to_case(reference, said)


@bp.post("/submissions/<reference>/note")
def note(reference: str) -> Response:
    """Adds a note."""
    text = request.form.get("text", "")
    try:
        cases.add_note(reference, text, current_actor())
    except NotAllowed as error:
        return case_page(reference, 422, errors={"text": str(error)}, typed=text)
    return _to_case(reference, "The note is added.")


@bp.post("/submissions/<reference>/resend")
def resend(reference: str) -> Response:
    """Sends a message once more."""
    try:
        cases.resend(reference, request.form.get("message", ""), current_actor())
    except NotAllowed as error:
        return case_page(reference, 422, errors={"messages": str(error)})
    return _to_case(reference, "The message goes out again.")


@bp.post("/submissions/<reference>/report")
def decide_report(reference: str) -> Response:
    """Takes up what the organization reported, or not."""
    report = whole_number(request.form.get("report", ""))
    if report is None or request.form.get("action") not in ("approve", "decline"):
        abort(400)
    approved = request.form["action"] == "approve"
    try:
        cases.decide_report(reference, report, approved, current_actor())
    except NotAllowed as error:
        return case_page(reference, 422, errors={"reports": str(error)})
    return _to_case(reference, "The news is taken up." if approved else "The news is not taken up.")


@bp.get("/submissions/<reference>/erase")
def ask_to_erase(reference: str) -> Response:
    """Asks whether the answers are to be deleted."""
    return render_page("staff/erase.html", case=cases.get_case(reference), way_back=way_back())


@bp.post("/submissions/<reference>/erase")
def erase(reference: str) -> Response:
    """Deletes them."""
    cases.erase(reference, current_actor())
    return _to_case(reference, "The answers are deleted.")


def _to_case(reference: str, said: str) -> Response:
    """Redirect to the case, which says once what was done."""
    session["said"] = said
    return redirect(url_for("staff.submission", reference=reference, **way_back()), 303)
