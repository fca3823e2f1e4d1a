"""The pages on which an organization changes what it submitted: on request, or to correct it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from flask import Blueprint, abort, redirect, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from .. import clock
from ..db.engine import reading
from ..db.models import Proposal, Submission
from ..forms import outcomes, saving
from ..forms.changes import changed_fields, last_step
from ..forms.flow import Step
from ..forms.messages import Message
from ..forms.outputs import format_raw_answer, typed_texts
from ..submissions import proposals
from ..submissions.cases import TRANSITIONS, CaseErased, CaseNotFound, NotAllowed, locked_case
from ..submissions.events import describe_event, list_events
from ..submissions.messages import describe_opened, find_words
from ..web import errors, languages
from ..web.current import current_flow
from ..web.htmx import render_page
from ..web.limits import limiter
from ..web.security import OriginError
from . import access, answers, steps
from .binding import read_post
from .open_forms import OpenChanges

bp = Blueprint("changes", __name__, url_prefix="/commitments/<reference>/changes")

CORRECTION_LIMIT = "20 per hour"
"""Corrections that one client may begin or take back: each that is sent is a message to staff."""
CLOSING_EVENTS = {each.event for each in TRANSITIONS} | {"correction_proposed", "corrected"}
"""The kinds of events after which changes may be closed."""
RECEIVED_EVENTS = ("resubmitted", "correction_proposed", "corrected")
"""The kinds of events by which changes were sent, or made after that."""
UNSENT_EVENTS = ("changes_requested", "correction_cancelled", "correction_declined")
"""The kinds of events after which changes are made that were not sent yet."""
SENT = Message("Thank you. We received your changes. Program staff will review them next.")
PROPOSED = Message("Thank you. We received your correction. Program staff will decide on it next.")
DISCARDED = Message("We discarded your correction. Your answers stay as they are.")
DISCARDED_ELSEWHERE = Message("Your correction was discarded.")
CLOSED = Message("You can’t change your answers now.")
PAUSED = Message(
    "Your answers are saved. To continue later, on any device, use the link in our emails."
)


def find_step(name: str) -> Step:
    """Return the step of that name, as changes have it; answer 404 if there is none."""
    step = steps.find_step(name)
    return last_step(current_flow()) if step is current_flow().review else step


def read_case(reference: str) -> tuple[Submission, Proposal | None]:
    """Return a submission that this browser opened, and its proposal, to read."""
    submission = access.read_own_submission(reference)
    with reading():
        return submission, proposals.find_proposal(submission)


def open_changes(submission: Submission, proposal: Proposal | None) -> OpenChanges | None:
    """Return the form of changes that can be made and sent now, if there are any."""
    if proposal is None or not proposals.is_open(submission, proposal):
        return None
    return OpenChanges(submission, proposal, access.actor(submission.reference))


@contextmanager
def editing(reference: str) -> Iterator[tuple[Submission, Proposal | None]]:
    """Lock a submission and its proposal for update; answer 404 if this browser may not."""
    access.require_commitment(reference)
    try:
        with locked_case(reference) as submission:
            yield submission, proposals.find_proposal(submission, lock=True)
    except CaseNotFound:
        abort(404)


@bp.get("/")
def overview(reference: str) -> Response:
    """Show what staff asked for, and what became of changes."""
    return overview_page(reference)


def overview_page(reference: str, status: int = 200, error: str = "") -> Response:
    """Return the overview, with an error about its button."""
    submission, proposal = read_case(reference)
    form = open_changes(submission, proposal)
    with reading():
        words = find_words(submission.id, "changes_requested")
    return render_page(
        "apply/changes.html",
        status,
        submission=submission,
        proposal=proposal,
        form=form,
        asked=describe_opened(form.notes) if form else [],
        was_asked=bool(proposal and proposal.opened),
        words=words,
        next_step=form.build_journey(form.answers).first_incomplete if form else "",
        until=proposal.last_day if proposal else None,
        kept=_kept_answers(submission, proposal) if proposal and not form else [],
        is_waiting=proposals.is_waiting(submission, proposal),
        may_correct=proposals.may_correct(submission),
        can_discard=proposals.can_discard(submission, proposal),
        told=_newest_event(submission),
        said=session.pop("notice", ""),
        error=error,
    )


def _kept_answers(submission: Submission, proposal: Proposal) -> list[tuple[str, str]]:
    """Return label and text of each answer that a proposal would change."""
    typed = proposals.newest_answers(submission, proposal)
    names = changed_fields(current_flow(), submission.answers, typed)
    return [(current_flow().fields[name].label, _text(name, typed)) for name in names]


def _text(name: str, typed: Any) -> str:
    return format_raw_answer(current_flow().fields[name], typed.get(name), clock.today())


def _newest_event(submission: Submission) -> str:
    """Return what closed the changes, as the organization is told."""
    return describe_event(_newest_kind(submission, CLOSING_EVENTS)).told


def _newest_kind(submission: Submission, kinds: Collection[str]) -> str:
    """Return the kind of the newest event of some kinds; "" if there is none."""
    with reading():
        happened = [each.kind for each in list_events(submission) if each.kind in kinds]
    return happened[-1] if happened else ""


@bp.post("/")
@limiter.limit(CORRECTION_LIMIT, deduct_when=lambda response: response.status_code == 303)
def correct(reference: str) -> Response:
    """Begin a correction, or take back the one that was sent to change it."""
    try:
        with editing(reference) as (submission, _):
            proposals.propose_correction(submission, access.actor(reference))
    except NotAllowed:
        return overview_page(reference, 422, CLOSED)
    return redirect(
        url_for("changes.step", reference=reference, name=current_flow().review.name), 303
    )


@bp.get("/discard")
def ask_to_discard(reference: str) -> Response:
    """Ask before a correction is discarded."""
    submission, proposal = read_case(reference)
    if not proposals.can_discard(submission, proposal):
        return _to_overview(reference)
    return render_page("apply/discard.html", submission=submission)


@bp.post("/discard")
def discard(reference: str) -> Response:
    """Discard a correction that was not sent."""
    with editing(reference) as (submission, _):
        is_discarded = proposals.discard_correction(submission)
    if not is_discarded:  # it was sent or asked for meanwhile, and the page shows it
        return _to_overview(reference)
    session["notice"] = languages.translate(DISCARDED)
    return redirect(url_for("followup.yours", reference=reference), 303)


@bp.get("/exit")
def ineligible(reference: str) -> Response:
    """Show that the form is not meant for such an organization."""
    read_case(reference)
    flow = current_flow()
    back = url_for("changes.step", reference=reference, name=flow.first.name)
    return render_page(flow.pages.ineligible, back=back)


@bp.get("/<name>")
def step(reference: str, name: str) -> Response:
    """Show a step, or the review, with the answers of the proposal."""
    find_step(name)
    form = open_changes(*read_case(reference))
    return steps.show(form, name) if form else _to_overview(reference)


def _to_overview(reference: str) -> Response:
    return redirect(url_for("changes.overview", reference=reference), 303)


@bp.post("/<name>")
def save_step(reference: str, name: str) -> Response:
    """Save a step, or send the changes."""
    post = read_post(find_step(name))
    with editing(reference) as (submission, proposal):
        if form := open_changes(submission, proposal):
            was_requested, outcome = form.is_requested, answers.save(form, post)
    if form is None:
        return closed_page(submission, proposal, post)
    if isinstance(outcome, outcomes.Submitted):
        session["notice"] = languages.translate(SENT if was_requested else PROPOSED)
    if isinstance(outcome, outcomes.Paused):
        session["notice"] = languages.translate(PAUSED)
    return steps.respond(form, post, outcome)


def closed_page(
    submission: Submission, proposal: Proposal | None, post: saving.StepPost
) -> Response:
    """Return what answers a post to changes that are closed. What was sent twice was received."""
    if _was_sent(submission, proposal) and post.step is last_step(current_flow()):
        return _to_overview(submission.reference)
    return typed_page(submission, proposal, post, 409)


def _was_sent(submission: Submission, proposal: Proposal | None) -> bool:
    """Return True if changes were sent; those that are gone may have been discarded instead."""
    if proposal:
        return proposal.sent_at is not None
    return _newest_kind(submission, (*RECEIVED_EVENTS, *UNSENT_EVENTS)) in RECEIVED_EVENTS


def typed_page(
    submission: Submission, proposal: Proposal | None, post: saving.StepPost, status: int
) -> Response:
    """Return the page that shows what was typed and can no longer be saved, to be copied."""
    is_discarded = proposal is None and not _was_sent(submission, proposal)
    told = DISCARDED_ELSEWHERE if is_discarded else _newest_event(submission)
    return render_page(
        "apply/changes_closed.html",
        status,
        submission=submission,
        typed=typed_texts(post.step.fields, post.answers, clock.today()),
        told=told,
    )


@bp.post("/<name>/autosave")
def autosave(reference: str, name: str) -> tuple[str, int]:
    """Save the answers on a page, valid or not; return a status message as a fragment."""
    post = read_post(find_step(name))
    if post.step is last_step(current_flow()):
        abort(404)
    outcome: outcomes.Outcome = outcomes.Closed()
    with editing(reference) as found:
        if form := open_changes(*found):
            outcome = answers.autosave(form, post)
    return steps.autosave_status(outcome)


@bp.errorhandler(CSRFError)
def handle_csrf_error(error: CSRFError) -> Response:
    """Show the page again, with the typed answers to be confirmed, if its session or token expired
    while it was open."""
    if isinstance(error, OriginError) or request.endpoint != "changes.save_step":
        return errors.handle_csrf_error(error)
    reference, name = (request.view_args or {}).values()
    with suppress(NotFound, CaseErased):
        step, found = find_step(name), read_case(reference)
        form = open_changes(*found)
        return steps.confirm_page(form, step) if form else typed_page(*found, read_post(step), 400)
    return errors.error_response(400, errors.SESSION_ENDED)
