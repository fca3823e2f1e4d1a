"""What came in: the dashboard, the list, and one submission to read and decide."""

from typing import Any

from flask import abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from ... import (
    casework,
    charts,
    checks,
    clock,
    drafts,
    exports,
    filters,
    outbox,
    reports,
    statistics,
)
from ...audit import ACTIONS
from ...casework import NotAllowed, NotThere, Stale
from ...errors import Words, page
from ...htmx import render_page
from ...outputs import cards
from .. import lists
from ..numbers import whole_number
from .guard import actor, bp

LONGEST_WAITING = 5


@bp.errorhandler(NotThere)
def not_there(error: NotThere) -> Response:
    """No such submission."""
    return page(
        404,
        Words(
            "There is no such submission",
            "The reference may be mistyped.",
            "Look for it in the list by the organization’s name.",
        ),
    )


def chosen_filters(besides: tuple[str, ...] = ()) -> filters.Filters:
    """The filters of this request's address."""
    return filters.parse(drafts.current_flow(), request.args.to_dict(flat=False), besides)


@bp.get("/")
def dashboard() -> Response:
    """What is new, what waits, and how it all adds up."""
    labels = filters.options(drafts.current_flow())
    sums = statistics.sums()
    return render_page(
        "staff/dashboard.html",
        paperwork=checks.paperwork(current_app.config, clock.today()),
        statuses=sums.statuses,
        waiting=casework.longest_waiting(LONGEST_WAITING),
        reported=reports.waiting(),
        given_up=outbox.given_up(),
        labels=labels,
        by_month=charts.bars(statistics.by_month()),
        by_kind=charts.bars([(label, sums.kinds[code]) for code, label in labels["kind"].items()]),
        by_state=charts.tile_map(sums.states, labels["state"]),
        drafts_left=charts.bars(statistics.drafts_by_step()),
        state_link=lambda code: url_for("staff.submissions", state=code),
    )


@bp.get("/submissions")
def submissions() -> Response:
    """The list: the newest first, filtered."""
    chosen = chosen_filters(lists.PLACES)
    found = casework.list_page(chosen, lists.place())
    session["list"] = lists.address(url_for("staff.submissions"), chosen.chosen())
    return render_page(
        "staff/submissions.html",
        address=session["list"],
        found=found,
        chosen=chosen,
        labels=filters.options(drafts.current_flow()),
        most_counted=casework.MOST_COUNTED,
        exports=exports.names(drafts.current_flow()),
    )


@bp.get("/submissions/<reference>")
def submission(reference: str) -> Response:
    """One submission: reading it is on the audit log, since it holds personal data."""
    casework.look_at(reference, actor())
    return case_page(reference)


def case_page(
    reference: str, status: int = 200, errors: dict[str, str] | None = None, **context: Any
) -> Response:
    """A submission's page; with an error, what was typed stays."""
    case = casework.read(reference)
    if case.submission.erased_at and errors:
        errors = {"case": next(iter(errors.values()))}
    return render_page(
        "staff/submission.html",
        status,
        errors=errors or {},
        said="" if errors else session.pop("said", ""),
        back=session.get("list", url_for("staff.submissions")),
        address=url_for("staff.submission", reference=reference),
        case=case,
        actions=ACTIONS,
        cards=cards(drafts.current_flow(), case.submission.answers),
        labels=filters.options(drafts.current_flow()),
        **context,
    )


@bp.post("/submissions/<reference>/status")
def move(reference: str) -> Response:
    """Takes a case to another state; a note that is half written stays in its page."""
    typed = request.form.get("text", "")
    version = whole_number(request.form.get("version", ""))
    if version is None:
        abort(400)
    try:
        to = request.form.get("to", "")
        casework.move(reference, to, version, actor())
    except Stale:
        return case_page(reference, 409, stale=True, typed=typed)
    except NotAllowed as error:
        return case_page(reference, 422, errors={"decide": str(error)}, typed=typed)
    words = filters.options(drafts.current_flow())["status"][to]
    back = _back_to(reference, f"Decided: {words}.")
    return case_page(reference, typed=typed) if typed else back


@bp.post("/submissions/<reference>/note")
def note(reference: str) -> Response:
    """Adds a note."""
    text = request.form.get("text", "")
    try:
        casework.note(reference, text, actor())
    except NotAllowed as error:
        return case_page(reference, 422, errors={"text": str(error)}, typed=text)
    return _back_to(reference, "The note is added.")


@bp.post("/submissions/<reference>/resend")
def resend(reference: str) -> Response:
    """Sends a message once more."""
    try:
        casework.resend(reference, request.form.get("message", ""), actor())
    except NotAllowed as error:
        return case_page(reference, 422, errors={"messages": str(error)})
    return _back_to(reference, "The message goes out again.")


@bp.post("/submissions/<reference>/report")
def decide_report(reference: str) -> Response:
    """Takes up what the organization reported, or not."""
    report = whole_number(request.form.get("report", ""))
    if report is None or request.form.get("action") not in ("approve", "decline"):
        abort(400)
    approved = request.form["action"] == "approve"
    try:
        casework.decide_report(reference, report, approved, actor())
    except NotAllowed as error:
        return case_page(reference, 422, errors={"reports": str(error)})
    return _back_to(reference, "The news is taken up." if approved else "The news is not taken up.")


@bp.get("/submissions/<reference>/erase")
def ask_to_erase(reference: str) -> Response:
    """Asks whether the answers are to be deleted."""
    return render_page("staff/erase.html", case=casework.read(reference))


@bp.post("/submissions/<reference>/erase")
def erase(reference: str) -> Response:
    """Deletes them."""
    try:
        casework.erase(reference, actor())
    except NotAllowed as error:
        return case_page(reference, 422, errors={"decide": str(error)})
    return _back_to(reference, "The answers are deleted.")


def _back_to(reference: str, said: str) -> Response:
    """On to the submission's page, which says once what was done."""
    session["said"] = said
    return redirect(url_for("staff.submission", reference=reference), 303)
