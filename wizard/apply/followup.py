"""The pages on which an organization sees its commitment, withdraws it or stops reminders."""

from typing import Any

from flask import Blueprint, redirect, request, session, url_for
from werkzeug.wrappers import Response

from .. import clock
from ..accounts.audit import ORGANIZATION
from ..db.engine import reading
from ..forms.fields import LongText
from ..forms.messages import Message
from ..forms.outputs import cards
from ..forms.text import Invalid
from ..submissions import (
    contact_changes,
    contacts,
    events,
    messages,
    partial_approvals,
    pdf,
    proposals,
    publication,
    reminders,
    withdrawals,
)
from ..submissions.cases import (
    CLOSED_STATUSES,
    OPEN_STATUSES,
    CaseErased,
    NotAllowed,
    can_report,
    find_by_reference,
    locked_case,
)
from ..web import languages, links
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.htmx import render_page
from ..web.limits import limiter
from . import access

bp = Blueprint("followup", __name__)

REQUEST_LIMIT = "60 per hour"
"""Requests to withdraw, and new links, that one client may ask for."""
LINK_PAGES = {
    "changes": "changes.overview",
    "stop": "followup.confirm_unsubscribe",
    "update": "report.overview",
}
"""The pages to which a link leads, by its `then`."""
REASON = LongText("reason", "Reason", noun="the reason", required=True, max_length=500)
DECIDED_BEFORE = Message("Program staff decided on your request before you took it back.")
TAKEN_BACK = Message("You took back your request to withdraw.")
LINK_ENDED = ErrorPage(
    "This link no longer works", "It works for 10 minutes.", "Use the button on the case again."
)
ACTING_ENDED = ErrorPage(
    "You’re no longer acting for this organization",
    "For security, it ends by itself after a while. Everything you saved is still there.",
    "Use the button on the case again.",
)
ERASED = ErrorPage(
    "These answers were deleted",
    "They were deleted on request, so you can’t send us anything more about them.",
    "To take part again, start from the home page.",
)


@bp.app_context_processor
def add_acting() -> dict[str, Any]:
    """Let every page say that staff act for its organization."""
    return {"acting_as": access.acting_as}


@bp.app_errorhandler(CaseErased)
def on_erased(error: CaseErased) -> Response:
    """Show that the answers were deleted."""
    return error_response(410, ERASED)


def show_lost(error: Exception | None = None) -> Response:
    """Show how to get the new link."""
    return render_page("apply/lost.html", 404, ended=True)


def show_acting_ended(error: Exception) -> Response:
    """Tell staff that they need to begin again."""
    return error_response(404, ACTING_ENDED)


@bp.get("/updates/<token>")
def open_link(token: str) -> Response:
    """Open a commitment in this browser; redirect, so that the token is not in the address bar."""
    reference, version = links.parse_submission_token(token) or ("", 0)
    with reading():
        submission = find_by_reference(reference)
    if submission is None or (submission.link_version != version and not submission.erased_at):
        return show_lost()
    if submission.erased_at:
        raise CaseErased
    access.grant_commitment(submission)
    page = LINK_PAGES.get(request.args.get("then", ""), "followup.yours")
    about: dict[str, Any] = languages.opening_query(submission.language)
    if page == "report.overview" and (promise := request.args.get("promise")):
        page = "report.step"
        about |= {"name": promise, "outcome": request.args.get("outcome", "")}
    return redirect(url_for(page, reference=reference, **about), 303)


@bp.get("/acting/<token>")
def open_for_staff(token: str) -> Response:
    """Open a commitment in this browser for staff who act for its organization."""
    reference, staff = links.parse_acting_token(token) or ("", "")
    with reading():
        submission = find_by_reference(reference)
    if submission is None:
        return error_response(404, LINK_ENDED)
    access.act_for(reference, staff)
    return _to_yours(reference)


@bp.get("/commitments/<reference>/yours")
def yours(reference: str) -> Response:
    """Show *Your commitment*: what happened, the answers, and what can be done now."""
    submission = access.read_own_submission(reference)
    with reading():
        happened, proposal = events.list_events(submission), proposals.find_proposal(submission)
        refused = partial_approvals.read_declined_titles(submission, happened)
        written = messages.list_words(submission.id)
        new_contact = contacts.list_contacts(submission)["contact"].get(False)
        has_public_page = publication.has_public_page(submission)
    return render_page(
        "apply/yours.html",
        submission=submission,
        events=happened,
        refused=refused,
        written=written,
        is_in_review=submission.status in OPEN_STATUSES,
        is_reminded=submission.status not in CLOSED_STATUSES,
        has_public_page=has_public_page,
        changes_asked=proposal is not None and proposals.is_requested(submission, proposal),
        until=proposal.last_day if proposal else None,
        proposal=proposal,
        correction_waits=proposals.is_waiting(submission, proposal),
        may_correct=proposals.may_correct(submission),
        can_discard=proposals.can_discard(submission, proposal),
        cards=cards(current_flow(), submission.answers),
        can_report=can_report(submission),
        can_withdraw=withdrawals.can_withdraw(submission),
        asks_to_withdraw=withdrawals.is_requested(submission),
        new_contact=new_contact,
        link=links.submission_url(reference, submission.link_version),
        notice=session.pop("notice", ""),
    )


@bp.get("/commitments/<reference>/yours.pdf")
def answers_pdf(reference: str) -> Response:
    """Return the answers as a PDF to keep."""
    submission = access.read_own_submission(reference)
    headers = {"Content-Disposition": f'inline; filename="{reference}.pdf"'}
    return Response(pdf.answers_pdf(submission), content_type="application/pdf", headers=headers)


@bp.get("/commitments/<reference>/link")
def ask_to_renew(reference: str) -> Response:
    """Show the page that confirms to replace the link."""
    return render_page("apply/renew.html", submission=access.read_own_submission(reference))


@bp.post("/commitments/<reference>/link")
@limiter.limit(REQUEST_LIMIT, deduct_when=lambda response: response.status_code == 303)
def renew(reference: str) -> Response:
    """Replace the link: those in all messages so far stop working."""
    access.read_own_submission(reference)
    with locked_case(reference) as submission:
        submission.link_version += 1
        contact_changes.forget_pending(submission)  # whoever has the old link may have named one
        events.record_event(submission, "link_renewed", access.actor(reference))
    if access.actor(reference) == ORGANIZATION:
        access.grant_commitment(submission)
    session["notice"] = languages.translate(Message("The old link no longer works."))
    return _to_yours(reference)


@bp.get("/commitments/<reference>/withdraw")
def ask_to_withdraw(reference: str, status: int = 200, **context: Any) -> Response:
    """Show the form that asks to withdraw."""
    submission = access.read_own_submission(reference)
    if withdrawals.is_requested(submission) or not withdrawals.can_withdraw(submission):
        return _to_yours(reference)
    return render_page(
        "apply/withdraw.html",
        status,
        submission=submission,
        keeps_public_page=publication.keeps_public_page(submission),
        **context,
    )


@bp.post("/commitments/<reference>/withdraw")
@limiter.limit(REQUEST_LIMIT, deduct_when=lambda response: response.status_code == 303)
def withdraw(reference: str) -> Response:
    """Ask to withdraw, or take that back."""
    access.read_own_submission(reference)
    actor, typed = access.actor(reference), request.form.get("reason", "")
    if request.form.get("action") == "cancel":
        if withdrawals.cancel_withdrawal(reference, actor):
            session["notice"] = languages.translate(TAKEN_BACK)
        elif withdrawals.was_decided(reference):
            session["notice"] = languages.translate(DECIDED_BEFORE)
        return _to_yours(reference)
    try:
        reason = REASON.parse(typed, clock.today())
    except Invalid as invalid:
        return ask_to_withdraw(reference, 422, typed=typed, error=invalid.message)
    try:
        withdrawals.request_withdrawal(reference, reason, actor)
    except NotAllowed:
        return _refuse_withdrawal(reference, reason)
    session["notice"] = languages.translate(
        Message("We received your request. Program staff will read it next.")
    )
    return _to_yours(reference)


def _refuse_withdrawal(reference: str, reason: str) -> Response:
    """Show the reason of a request that came too late. One that was sent twice was received."""
    submission = access.read_own_submission(reference)
    is_requested = withdrawals.is_requested(submission)
    with reading():
        last_reason = withdrawals.find_reason(events.list_events(submission))
    if is_requested and reason == last_reason:
        return _to_yours(reference)
    return render_page(
        "apply/withdraw_closed.html",
        409,
        submission=submission,
        is_requested=is_requested,
        typed=[(languages.translate(REASON.label), reason)],
    )


def _to_yours(reference: str) -> Response:
    return redirect(url_for("followup.yours", reference=reference), 303)


@bp.get("/commitments/<reference>/reminders")
def confirm_unsubscribe(reference: str) -> Response:
    """Show the page that confirms to stop the reminders, or to get them again."""
    return render_page("apply/reminders.html", submission=access.read_own_submission(reference))


@bp.post("/commitments/<reference>/reminders")
def unsubscribe(reference: str) -> Response:
    """Stop the reminders, or send them again."""
    access.read_own_submission(reference)
    wanted = request.form.get("action") == "start"
    reminders.set_reminders(reference, wanted=wanted)
    stopped = Message("We won’t send you any more reminders.")
    again = Message("We’ll send you reminders again.")
    session["notice"] = languages.translate(again if wanted else stopped)
    return _to_yours(reference)
