"""What the addresses of a step do, the same for every form."""

from typing import Any

from flask import abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from .. import clock
from ..forms import outcomes, saving
from ..forms.flow import Step
from ..web import errors
from ..web.current import current_flow
from ..web.languages import LANGUAGES
from .binding import find_slip, read_post
from .open_forms import OpenForm
from .pages import conflict_page, step_page, too_long_page

EXITS = {
    "home": "public.landing",
    "commitments": "public.commitment_list",
    "progress": "public.progress_page",
    "questions": "public.questions",
    "lost": "contacts.find_link",
    "privacy": "public.privacy",
    "accessibility": "public.accessibility",
    "staff": "staff.dashboard",
}
"""The pages to which buttons of a step lead without JavaScript, by what follows `leave-`."""


def find_step(name: str) -> Step:
    """Return the step of that name; answer 404 if the flow has none."""
    return current_flow().steps.get(name) or abort(404)


def show(form: OpenForm, name: str) -> Response:
    """Show a step, or the review, with the stored answers."""
    journey = form.build_journey(form.answers)
    if not journey.may_visit(name):
        return redirect(form.url("step", name=journey.first_incomplete), 303)
    return step_page(journey, journey.steps[name].step, form.answers, form)


def respond(form: OpenForm, post: saving.StepPost, outcome: outcomes.Outcome) -> Response:
    """Return the response to a save. Call it after the transaction, since it renders pages."""
    match outcome:
        case outcomes.Ineligible():
            return redirect(form.url("exit"), 303)
        case outcomes.GoTo(name, focus_id, is_refresh):
            keep = "1" if is_refresh else None
            address = form.url("step", name=name, at=focus_id, keep=keep)
            return redirect(_exit_url(form, post) or address, 303)
        case outcomes.Completed(name):
            return redirect(form.url("step", **next_place(post, name)), 303)
        case outcomes.Paused():
            return redirect(form.url("pause"), 303)
        case outcomes.Invalid(journey, typed):
            return step_page(journey, post.step, typed, form, status=422)
        case outcomes.Outdated(journey, stored):
            return step_page(journey, post.step, stored, form, status=409)
        case outcomes.Conflict(typed):
            return conflict_page(form, post, typed)
        case outcomes.TooLong(typed):
            return too_long_page(form, post.step, typed)
        case outcomes.Submitted() | outcomes.Closed():
            return redirect(form.url("end"), 303)


def next_place(post: saving.StepPost, name: str) -> dict[str, Any]:
    """Return where a completed step leads: to the next one, or back to ask about an address."""
    path = find_slip(post)
    return {"name": post.step.name if path else name, "at": path}


def _exit_url(form: OpenForm, post: saving.StepPost) -> str:
    """Return the address to which the button of a post leaves its page, if it does."""
    kind, _, target = post.action.partition("-")
    if kind == "language" and target in LANGUAGES:
        return form.url("step", name=post.step.name, lang=target)
    return url_for(EXITS[target]) if kind == "leave" and target in EXITS else ""


def autosave_status(outcome: outcomes.Outcome) -> tuple[str, int]:
    """Return the status message after an autosave, as a fragment."""
    match outcome:
        case outcomes.Closed():
            name, status = "closed", 409
        case outcomes.Conflict():
            name, status = "conflict", 409
        case outcomes.TooLong():
            name, status = "too_long", 413
        case _:
            name, status = "saved", 200
    return render_template("apply/saved.html", outcome=name, moment=clock.now()), status


def confirm_page(form: OpenForm, step: Step) -> Response:
    """Return the page of a step with the typed answers, to be confirmed: nothing is stored yet."""
    post = form.read_state().narrow(read_post(step))
    typed = saving.merge_answers(form.answers, post)
    journey = form.build_journey(typed)
    if step.name in journey.steps:
        return step_page(journey, step, typed, form, status=400)
    return errors.error_response(400, errors.SESSION_ENDED)
