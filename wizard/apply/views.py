"""The pages of the form, from the first step to the receipt."""

import uuid
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from .. import clock
from ..db.engine import reading
from ..db.models import Draft
from ..forms import saving
from ..forms.flow import Step
from ..forms.outputs import cards
from ..submissions.events import list_events
from ..web import errors, links
from ..web.current import current_flow
from ..web.htmx import render_page
from ..web.languages import LANGUAGES
from ..web.limits import limiter
from ..web.security import OriginError
from . import access, answers, drafts
from .binding import find_slip, read_post
from .pages import conflict_page, drafts_in_progress, step_page, to_receipt, to_step, too_long_page

bp = Blueprint("apply", __name__, url_prefix="/respond")

START_LIMIT = "120 per hour"
"""Drafts that one network address may start: enough for an office that shares one."""


EXITS = {
    "home": "public.landing",
    "commitments": "public.commitment_list",
    "questions": "public.questions",
    "privacy": "public.privacy",
    "accessibility": "public.accessibility",
    "staff": "staff.dashboard",
}
"""The pages to which buttons of a step lead without JavaScript, by what follows `leave-`."""


@bp.app_context_processor
def add_drafts_in_progress() -> dict[str, Any]:
    """Let every page list the drafts that are open in this browser."""
    return {"drafts_in_progress": drafts_in_progress}


@bp.get("/")
def start() -> Response:
    """Show the first step, without creating a draft."""
    preset = current_flow().presets.get(request.args.get("for", ""), {})
    journey = drafts.build_journey(preset, [])
    return step_page(journey, journey.flow.first, preset)


@bp.post("/")
@limiter.limit(START_LIMIT, deduct_when=lambda response: response.status_code == 303)
def begin() -> Response:
    """Create the draft from the first answers: only one, even if the button is pressed twice."""
    step, page = current_flow().first, request.form.get("page")
    draft_id = links.derive_draft_id(access.start_key(), page) if page else uuid.uuid4()
    preset = current_flow().presets.get(request.form.get("for", ""), {})
    post = read_post(step)
    g.outcome, draft_id = answers.begin(draft_id, post, preset)
    match g.outcome:
        case saving.Completed(name):
            access.grant_access(draft_id)
            return to_next_step(draft_id, post, name)
        case saving.Invalid(journey, typed):
            return step_page(journey, step, typed, status=422)
    return redirect(url_for("apply.ineligible"), 303)


@bp.get("/exit")
def ineligible() -> Response:
    """Show what a person can do who does not answer for an organization."""
    flow, draft_id = current_flow(), request.args.get("draft", "")
    draft_id = draft_id if draft_id in session.get("drafts", []) else ""
    return render_page(flow.pages.ineligible, draft_id=draft_id, first=flow.first.name)


@bp.get("/<uuid:draft_id>/<name>")
def step(draft_id: uuid.UUID, name: str) -> Response:
    """Show a step, or the review, with the stored answers."""
    find_step(name)
    draft = access.read_draft(draft_id)
    if draft.submission:
        return to_receipt(draft_id)
    journey = drafts.journey_for(draft)
    if not journey.may_visit(name):
        return to_step(draft_id, journey.first_incomplete)
    return step_page(journey, journey.steps[name].step, draft.answers, draft)


@bp.post("/<uuid:draft_id>/<name>")
def save_step(draft_id: uuid.UUID, name: str) -> Response:
    """Save a step, and do what its button says."""
    post = read_post(find_step(name))
    access.require_and_remember(draft_id)
    with access.editing(draft_id) as draft:
        outcome = answers.save(draft, post)
    if isinstance(outcome, saving.GoTo) and (url := exit_url(draft_id, post)):
        return redirect(url, 303)
    return respond(draft, post, outcome)


def to_next_step(draft_id: uuid.UUID, post: saving.StepPost, name: str) -> Response:
    """Redirect from a completed step to the next one, or back to ask about an address."""
    if path := find_slip(post):
        return to_step(draft_id, post.step.name, at=path)
    return to_step(draft_id, name)


def exit_url(draft_id: uuid.UUID, post: saving.StepPost) -> str:
    """Return the address to which the button of a post leaves its page, if it does."""
    kind, _, target = post.action.partition("-")
    if kind == "language" and target in LANGUAGES:
        return url_for("apply.step", draft_id=draft_id, name=post.step.name, lang=target)
    return url_for(EXITS[target]) if kind == "leave" and target in EXITS else ""


@bp.post("/<uuid:draft_id>/<name>/autosave")
def autosave(draft_id: uuid.UUID, name: str) -> tuple[str, int]:
    """Save the answers on a page, valid or not; return a status message as a fragment."""
    post = read_post(find_step(name))
    access.require_access(draft_id)
    if post.step is current_flow().review:
        abort(404)
    with access.editing(draft_id) as draft:
        outcome = answers.autosave(draft, post)
    if isinstance(outcome, saving.Closed | saving.Conflict):
        name = "submitted" if isinstance(outcome, saving.Closed) else "conflict"
        return render_template("apply/saved.html", outcome=name), 409
    if isinstance(outcome, saving.TooLong):
        return render_template("apply/saved.html", outcome="too_long"), 413
    return render_template("apply/saved.html", outcome="saved", moment=clock.now()), 200


def respond(draft: Draft, post: saving.StepPost, outcome: saving.Outcome) -> Response:
    """Return the response to a save. Call it after the transaction, since it renders pages."""
    g.outcome = outcome
    match outcome:
        case saving.Ineligible():
            return redirect(url_for("apply.ineligible", draft=draft.id), 303)
        case saving.GoTo(name, focus_id, is_refresh):
            return to_step(draft.id, name, at=focus_id, keep="1" if is_refresh else None)
        case saving.Completed(name):
            return to_next_step(draft.id, post, name)
        case saving.Paused():
            return redirect(url_for("resume.save_link", draft_id=draft.id), 303)
        case saving.Invalid(journey, typed):
            return step_page(journey, post.step, typed, draft, status=422)
        case saving.Outdated(journey, stored):
            return step_page(journey, post.step, stored, draft, status=409)
        case saving.Conflict(typed):
            return conflict_page(draft, post.step, typed)
        case saving.TooLong(typed):
            return too_long_page(draft, post.step, typed)
        case saving.Submitted() | saving.Closed():
            return to_receipt(draft.id)


@bp.get("/<uuid:draft_id>/done")
def receipt(draft_id: uuid.UUID) -> Response:
    """Show the receipt."""
    draft = access.read_draft(draft_id)
    submission = draft.submission
    if submission is None:
        return to_step(draft_id, drafts.journey_for(draft).first_incomplete)
    access.grant_commitment(submission.reference)
    with reading():
        happened = list_events(submission)
    shown = cards(current_flow(), submission.answers)
    return render_page("apply/receipt.html", submission=submission, events=happened, cards=shown)


@bp.errorhandler(CSRFError)
def handle_csrf_error(error: CSRFError) -> Response:
    """Show the page again, with the typed answers to be confirmed, if its session or token expired
    while it was open. Nothing is stored until then.

    A first page without any cookie would be shown again for ever: it gets the reason instead.
    """
    if isinstance(error, OriginError) or (
        request.endpoint == "apply.begin" and not errors.has_session_cookie()
    ):
        return errors.handle_csrf_error(error)
    name, draft = current_flow().first.name, None
    if request.endpoint == "apply.save_step":
        draft_id, name = (request.view_args or {}).values()
        if access.is_open(draft_id) or access.has_page_token(draft_id):
            draft = drafts.find(draft_id)
    step = current_flow().steps.get(name)
    if step and (draft or request.endpoint == "apply.begin"):
        stored, completed = (draft.answers, draft.completed_steps) if draft else ({}, [])
        typed = saving.merge_answers(stored, read_post(step))
        journey = drafts.build_journey(typed, completed)
        if name in journey.steps:
            return step_page(journey, step, typed, draft, status=400)
    return errors.error_response(400, errors.SESSION_ENDED)


def find_step(name: str) -> Step:
    """Return the step of that name; answer 404 if the flow has none."""
    return current_flow().steps.get(name) or abort(404)
