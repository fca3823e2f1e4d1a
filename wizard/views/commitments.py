"""What organizations committed to, for all to read; and their way back to it."""

from typing import Any

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from .. import charts, commitments, drafts, filters, languages, links, opendata, reports
from ..extensions import limiter
from ..htmx import render_page
from ..models import Submission
from ..query import list_address, parse_place
from ..words import Message
from . import access

bp = Blueprint("commitments", __name__)

REPORTS = "60 per hour"
"""Reports that one address may give."""


@bp.get("/commitments")
def listing() -> Response:
    """The list, with its map."""
    chosen = filters.parse_public(request.args.to_dict(flat=False))
    labels = filters.options(drafts.current_flow())
    found = commitments.list_page(chosen, parse_place(request.args))
    query: dict[str, Any] = chosen.chosen()

    def with_state(code: str) -> str:
        return url_for("commitments.listing", **{**query, "state": code})

    return render_page(
        "public/commitments.html",
        address=list_address(url_for("commitments.listing"), query, request.args),
        found=found,
        chosen=chosen,
        labels=labels,
        map=charts.tile_map(found.states, labels["state"]),
        with_state=with_state,
        data_files=opendata.groups(drafts.current_flow()),
    )


@bp.get("/commitments/<reference>")
def commitment(reference: str) -> Response:
    """One commitment."""
    found = commitments.read(reference)
    if found is None:
        abort(404)
    return render_page(
        "public/commitment.html", found=found, labels=filters.options(drafts.current_flow())
    )


@bp.get("/updates/<token>")
def come_back(token: str) -> Response:
    """Opens a commitment's update page in this browser, and takes the token off the address."""
    reference = links.submission_named_by(token)
    if reference is None or reports.find(reference) is None:
        return render_page("applicant/no_draft.html", 404)
    access.open_commitment(reference)
    to = "stop" if request.args.get("then") == "stop" else "update"
    return redirect(url_for(f"commitments.{to}", reference=reference), 303)


@bp.get("/commitments/<reference>/update")
def update(reference: str) -> Response:
    """Asks what became of each data set or milestone."""
    return update_page(_own(reference), {}, {})


@bp.post("/commitments/<reference>/update")
@limiter.limit(REPORTS, deduct_when=lambda response: response.status_code == 303)
def report(reference: str) -> Response:
    """Keeps what is told, or the wish to withdraw, for staff to decide on."""
    submission, typed = _own(reference), request.form.to_dict()
    withdraws = typed.get("action") == "withdraw"
    if not _is_offered(submission, withdraws):
        return redirect(url_for("commitments.update", reference=reference), 303)
    told, errors = ({}, {}) if withdraws else reports.check(submission, typed)
    if withdraws and not typed.get("sure"):
        errors = {"sure": Message("Confirm that you want to withdraw.")}
    elif not withdraws and not told and not errors:
        errors = {"report": Message("Tell something of at least one of them first.")}
    if errors:
        return update_page(submission, typed, errors, 422)
    try:
        reports.give(reference, told, withdraws=withdraws)
    except reports.TooMany:
        message = Message(
            "What you told before still waits to be read. Come back once it is listed."
        )
        return update_page(submission, typed, {"sure" if withdraws else "report": message}, 422)
    session["said"] = languages.words(Message("Thank you. Staff of the program read it next."))
    return redirect(url_for("commitments.update", reference=reference), 303)


@bp.get("/commitments/<reference>/reminders")
def stop(reference: str) -> Response:
    """Asks whether the yearly message is to stop."""
    return render_page("applicant/reminders.html", submission=_own(reference))


@bp.post("/commitments/<reference>/reminders")
def stopped(reference: str) -> Response:
    """Stops it."""
    _own(reference)
    reports.stop_reminders(reference)
    session["said"] = languages.words(Message("There will be no yearly message any more."))
    return redirect(url_for("commitments.update", reference=reference), 303)


def _is_offered(submission: Submission, withdraws: bool) -> bool:
    """Whether the page asks for that, in the state that the commitment is in."""
    if withdraws:
        return submission.status != "withdrawn"
    return submission.status in reports.REPORTING


def _own(reference: str) -> Submission:
    """A submission that this browser came back to; answers 404 for any other."""
    found = reports.find(reference) if access.is_open_commitment(reference) else None
    return found or abort(404)


def update_page(
    submission: Submission, typed: dict[str, Any], errors: dict[str, str], status: int = 200
) -> Response:
    """The page that asks, with what was typed."""
    return render_page(
        "applicant/update.html",
        status,
        submission=submission,
        groups=reports.groups(submission),
        title_of=reports.title_of,
        news=reports.NEWS,
        given=reports.of(submission),
        can_report=_is_offered(submission, withdraws=False),
        typed=typed,
        errors=errors,
        said=session.pop("said", ""),
    )
