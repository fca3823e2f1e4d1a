"""The pages of the form, from the first step to the receipt."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, g, redirect, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from .. import clock
from ..db.engine import reading
from ..forms import outcomes, saving
from ..forms.outputs import cards, typed_texts
from ..submissions.events import list_events
from ..submissions.messages import list_words
from ..submissions.partial_approvals import read_declined_titles
from ..web import errors, links
from ..web.current import current_flow
from ..web.htmx import render_page
from ..web.limits import limiter
from ..web.security import OriginError
from . import access, answers, drafts, steps
from .binding import read_post
from .open_forms import OpenDraft
from .pages import drafts_in_progress, step_page, to_receipt, to_step
from .steps import find_step

bp = Blueprint("apply", __name__, url_prefix="/respond")

START_LIMIT = "120 per hour"
"""Drafts that one network address may start: enough for an office that shares one."""


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
        case outcomes.Completed(name):
            access.grant_access(draft_id)
            return to_step(draft_id, **steps.next_place(post, name))
        case outcomes.Invalid(journey, typed):
            return step_page(journey, step, typed, status=422)
    return redirect(url_for("apply.ineligible"), 303)


@bp.get("/exit")
def ineligible() -> Response:
    """Show what a person can do who does not answer for an organization."""
    flow, draft_id = current_flow(), request.args.get("draft_id", "")
    back = ""
    if draft_id in session.get("drafts", []):
        back = url_for("apply.step", draft_id=draft_id, name=flow.first.name)
    return render_page(flow.pages.ineligible, back=back)


@bp.get("/<uuid:draft_id>/<name>")
def step(draft_id: uuid.UUID, name: str) -> Response:
    """Show a step, or the review, with the stored answers."""
    find_step(name)
    draft = access.read_draft(draft_id)
    return to_receipt(draft_id) if draft.submission else steps.show(OpenDraft(draft), name)


@bp.post("/<uuid:draft_id>/<name>")
def save_step(draft_id: uuid.UUID, name: str) -> Response:
    """Save a step, and do what its button says."""
    post = read_post(find_step(name))
    access.renew_access(draft_id)
    with access.editing(draft_id) as draft:
        form = OpenDraft(draft)
        g.outcome = answers.save(form, post)
    if isinstance(g.outcome, outcomes.Closed) and (unsent := _unsent_answers(draft_id, post)):
        return _receipt_page(draft_id, 409, unsent)
    return steps.respond(form, post, g.outcome)


def _unsent_answers(draft_id: uuid.UUID, post: saving.StepPost) -> list[tuple[str, str]]:
    """Return what a post has that is not in the submission of its draft, with the labels."""
    submission, today = access.read_draft(draft_id).submission, clock.today()
    sent = typed_texts(post.step.fields, submission.answers, today) if submission else []
    return [each for each in typed_texts(post.step.fields, post.answers, today) if each not in sent]


@bp.post("/<uuid:draft_id>/<name>/autosave")
def autosave(draft_id: uuid.UUID, name: str) -> tuple[str, int]:
    """Save the answers on a page, valid or not; return a status message as a fragment."""
    post = read_post(find_step(name))
    access.require_access(draft_id)
    if post.step is current_flow().review:
        abort(404)
    with access.editing(draft_id) as draft:
        outcome = answers.autosave(OpenDraft(draft), post)
    return steps.autosave_status(outcome)


@bp.get("/<uuid:draft_id>/done")
def receipt(draft_id: uuid.UUID) -> Response:
    """Show the receipt."""
    return _receipt_page(draft_id)


def _receipt_page(
    draft_id: uuid.UUID, status: int = 200, unsent: Sequence[tuple[str, str]] = ()
) -> Response:
    """Return the receipt, with what was entered after the submission and not stored."""
    draft = access.read_draft(draft_id)
    submission = draft.submission
    if submission is None:
        return to_step(draft_id, drafts.journey_for(draft).first_incomplete)
    access.require_newest_link(submission)
    with reading():
        happened = list_events(submission)
        refused = read_declined_titles(submission, happened)
        written = list_words(submission.id)
    return render_page(
        "apply/receipt.html",
        status,
        unsent=unsent,
        submission=submission,
        events=happened,
        refused=refused,
        written=written,
        cards=cards(current_flow(), submission.answers),
    )


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
    if request.endpoint == "apply.save_step":
        draft_id, name = (request.view_args or {}).values()
        is_known = access.is_open(draft_id) or access.has_page_token(draft_id)
        if is_known and name in current_flow().steps and (draft := drafts.find(draft_id)):
            return steps.confirm_page(OpenDraft(draft), find_step(name))
    if request.endpoint == "apply.begin":
        typed = saving.merge_answers({}, read_post(current_flow().first))
        journey = drafts.build_journey(typed, [])
        return step_page(journey, current_flow().first, typed, status=400)
    return errors.error_response(400, errors.SESSION_ENDED)
