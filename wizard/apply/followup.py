"""The pages on which an organization reports on its commitment, withdraws it or unsubscribes."""

from typing import Any

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from ..db.engine import reading
from ..db.models import Submission
from ..forms.messages import Message
from ..submissions import progress_reports
from ..submissions.cases import CaseErased, NotAllowed, find_by_reference
from ..web import languages, links
from ..web.errors import ErrorPage, error_response
from ..web.htmx import render_page
from ..web.limits import limiter
from . import access

bp = Blueprint("followup", __name__)

REPORT_LIMIT = "60 per hour"
"""Reports that one client may send."""
TOO_MANY = Message("What you told before still waits to be read. Come back once it is listed.")
ERASED = ErrorPage(
    "These answers were deleted",
    "They were deleted on request, so you can’t send us anything more about them.",
    "To take part again, start from the home page.",
)


@bp.errorhandler(CaseErased)
def on_erased(error: CaseErased) -> Response:
    """Show that the answers were deleted."""
    return error_response(410, ERASED)


@bp.get("/updates/<token>")
def open_update_link(token: str) -> Response:
    """Open a commitment in this browser; redirect, so that the token is not in the address bar."""
    reference, version = links.parse_submission_token(token) or ("", 0)
    with reading():
        submission = find_by_reference(reference)
    if submission is None or submission.erased_at or submission.link_version != version:
        return render_page("apply/no_draft.html", 404)
    access.grant_commitment(reference)
    page = "confirm_unsubscribe" if request.args.get("then") == "stop" else "update"
    return redirect(url_for(f"followup.{page}", reference=reference), 303)


@bp.get("/commitments/<reference>/update")
def update(reference: str) -> Response:
    """Show the page to report on each data set or milestone."""
    return update_page(_own(reference), {}, {})


@bp.post("/commitments/<reference>/update")
@limiter.limit(REPORT_LIMIT, deduct_when=lambda response: response.status_code == 303)
def report(reference: str) -> Response:
    """Store a report, or a request to withdraw, for staff to decide on."""
    submission, typed = _own(reference), request.form.to_dict()
    if typed.get("action") == "withdraw":
        return _ask_to_withdraw(submission, typed)
    return _send_news(submission, typed)


def _ask_to_withdraw(submission: Submission, typed: dict[str, Any]) -> Response:
    if not progress_reports.can_withdraw(submission):
        return _to_update(submission.reference)
    if not typed.get("sure"):
        message = Message("Confirm that you want to withdraw.")
        return update_page(submission, typed, {"sure": message}, 422)
    return _store(submission, typed, {}, "sure")


def _send_news(submission: Submission, typed: dict[str, Any]) -> Response:
    if not progress_reports.can_report(submission):
        return _to_update(submission.reference)
    entries, errors = progress_reports.validate_report(submission, typed)
    if not entries and not errors:
        errors = {"report": Message("Tell something of at least one of them first.")}
    if errors:
        return update_page(submission, typed, errors, 422)
    return _store(submission, typed, entries, "report")


def _store(
    submission: Submission, typed: dict[str, Any], entries: dict[str, Any], place: str
) -> Response:
    """Store a report; without entries it is a request to withdraw. `place` is an error's id."""
    try:
        progress_reports.submit_report(submission.reference, entries, withdraws=not entries)
    except NotAllowed:  # the commitment has just changed, and the page will show it
        return _to_update(submission.reference)
    except progress_reports.TooManyReports:
        return update_page(submission, typed, {place: TOO_MANY}, 422)
    session["notice"] = languages.translate(
        Message("Thank you. Staff of the program read it next.")
    )
    return _to_update(submission.reference)


def _to_update(reference: str) -> Response:
    return redirect(url_for("followup.update", reference=reference), 303)


@bp.get("/commitments/<reference>/reminders")
def confirm_unsubscribe(reference: str) -> Response:
    """Show the page that confirms to unsubscribe from yearly reminders."""
    return render_page("apply/reminders.html", submission=_own(reference))


@bp.post("/commitments/<reference>/reminders")
def unsubscribe(reference: str) -> Response:
    """Unsubscribe from yearly reminders."""
    _own(reference)
    progress_reports.stop_reminders(reference)
    session["notice"] = languages.translate(Message("There will be no yearly message any more."))
    return _to_update(reference)


def _own(reference: str) -> Submission:
    """Return a submission that this browser opened; 404 if it did not, `CaseErased` if erased."""
    if not access.may_open_commitment(reference):
        abort(404)
    with reading():
        submission = find_by_reference(reference) or abort(404)
    if submission.erased_at is not None:
        raise CaseErased
    return submission


def update_page(
    submission: Submission, typed: dict[str, Any], errors: dict[str, str], status: int = 200
) -> Response:
    """Return the update page with the typed values."""
    return render_page(
        "apply/update.html",
        status,
        submission=submission,
        groups=progress_reports.reportable_groups(submission),
        title_of=progress_reports.entry_title,
        news=progress_reports.REPORT_FIELDS,
        given=progress_reports.list_reports(submission),
        can_report=progress_reports.can_report(submission),
        can_withdraw=progress_reports.can_withdraw(submission),
        typed=typed,
        errors=errors,
        said=session.pop("notice", ""),
    )
