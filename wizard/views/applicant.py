"""The form itself: from the first question to the receipt."""

import uuid
from typing import Any

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from .. import drafts, submissions
from ..extensions import limiter
from ..fields import Group
from ..flow import Step
from ..htmx import render_page
from ..journey import Journey
from ..models import Draft
from ..outputs import cards
from ..stepform import form_class

bp = Blueprint("wizard", __name__, url_prefix="/respond")

STARTS = "120 per hour"
"""Drafts that one address may start: an office shares one address, a flood does not fit."""

MOST_DRAFTS = 20
"""Drafts that one browser keeps open: a cookie has room for about a hundred."""


@bp.get("/")
def start() -> Response:
    """The first step; looking at it makes no draft."""
    journey = drafts.walk({}, [])
    return step_page(journey, journey.flow.first, {})


@bp.post("/")
@limiter.limit(STARTS)
def begin() -> Response:
    """Makes the draft from the first answer."""
    step = drafts.current_flow().first
    typed = form_class(step)().posted({})
    journey = drafts.walk(typed, [step.name])
    if journey.exits:
        return redirect(url_for("wizard.leave"), 303)
    if not journey.stops[step.name].complete:
        return step_page(journey, step, typed, status=422)
    draft = drafts.start(typed)
    session.permanent = True
    session["drafts"] = [*session.get("drafts", []), str(draft.id)][-MOST_DRAFTS:]
    return redirect(url_for("wizard.step", draft_id=draft.id, name=journey.first_open), 303)


@bp.get("/exit")
def leave() -> Response:
    """For a person who answers for nobody but themselves."""
    draft_id = request.args.get("draft", "")
    draft_id = draft_id if draft_id in session.get("drafts", []) else ""
    return render_page("applicant/exit.html", draft_id=draft_id)


@bp.get("/<uuid:draft_id>/<name>")
def step(draft_id: uuid.UUID, name: str) -> Response:
    """One step, as far as it was answered; the review is one of them."""
    check_access(draft_id, name)
    draft = drafts.find(draft_id) or abort(404)
    if submissions.of_draft(draft):
        return to_receipt(draft_id)
    journey = drafts.journey(draft)
    if not journey.may_visit(name):
        return to_step(draft_id, journey.first_open)
    return step_page(journey, journey.stops[name].step, draft.answers, draft_id)


@bp.post("/<uuid:draft_id>/<name>")
def save_step(draft_id: uuid.UUID, name: str) -> Response:
    """Keeps what was typed on a step, and goes where the button said."""
    check_access(draft_id, name)
    with drafts.editing(draft_id) as draft:
        if draft is None:
            abort(404)
        if submissions.of_draft(draft):
            return to_receipt(draft_id)
        journey = drafts.journey(draft)
        if not journey.may_visit(name):
            return to_step(draft_id, journey.first_open)
        return act(draft, journey.stops[name].step, request.form.get("action", "continue"))


def act(draft: Draft, step: Step, action: str) -> Response:
    """Does what a button of a step asks, on a draft that is locked."""
    form = form_class(step)()
    typed = form.posted(draft.answers)
    if drafts.walk({**draft.answers, **typed}, draft.posted).exits:
        return redirect(url_for("wizard.leave", draft=draft.id), 303)
    if step is drafts.current_flow().review:
        return submit(draft, step, typed)
    if action != "continue":
        place = change_entries(step.group, typed, action)
        drafts.keep(draft, step, typed, posted=False)
        return to_step(draft.id, step.name, at=place, keep="1" if action == "update" else None)

    unseen = form.unseen(drafts.walk({**draft.answers, **typed}, []).stops[step.name].checked)
    drafts.keep(draft, step, typed, posted=not unseen)
    journey = drafts.journey(draft)
    if journey.stops[step.name].checked.errors:
        return step_page(journey, step, draft.answers, draft.id, status=422)
    if unseen:
        return to_step(draft.id, step.name, at=unseen[0])
    return to_step(draft.id, journey.first_open)


def submit(draft: Draft, review: Step, typed: dict[str, Any]) -> Response:
    """Submits a draft that is complete. The declaration of the review is kept only with that."""
    journey = drafts.walk({**draft.answers, **typed}, [*draft.posted, review.name])
    if journey.complete:
        submissions.submit(draft, journey)
        return to_receipt(draft.id)
    if journey.first_open != review.name:
        return to_step(draft.id, journey.first_open)
    return step_page(journey, review, typed, draft.id, status=422)


def change_entries(group: Group | None, typed: dict[str, Any], action: str) -> str | None:
    """Adds or removes an entry of a group; the id of what to look at next."""
    if group is None:
        return None
    entries = typed[group.name]
    if action == "add" and len(entries) < group.max_entries:
        entries.append({})
        return f"{group.name}-{len(entries) - 1}"
    verb, _, place = action.partition("-")
    if verb == "remove" and place in map(str, range(len(entries))):
        del entries[int(place)]
        return group.name
    return None


@bp.get("/<uuid:draft_id>/done")
def done(draft_id: uuid.UUID) -> Response:
    """The receipt."""
    check_access(draft_id)
    draft = drafts.find(draft_id) or abort(404)
    submission = submissions.of_draft(draft)
    if submission is None:
        return to_step(draft_id, drafts.journey(draft).first_open)
    answers = cards(drafts.current_flow(), submission.answers)
    return render_page("applicant/receipt.html", submission=submission, cards=answers)


def check_access(draft_id: uuid.UUID, name: str | None = None) -> None:
    """Answers 404 unless this browser opened the draft, and the flow has such a step."""
    if str(draft_id) not in session.get("drafts", []):
        abort(404)
    if name is not None and name not in drafts.current_flow().steps:
        abort(404)


def step_page(
    journey: Journey,
    step: Step,
    answers: dict[str, Any],
    draft_id: uuid.UUID | None = None,
    status: int = 200,
) -> Response:
    """A step's page with what was typed; its errors where they may be shown already."""
    stop = journey.stops[step.name]
    at = request.args.get("at", "")
    errors = stop.checked.errors if status == 422 else stop.errors_to_show
    form = form_class(step)(formdata=None, data=answers)
    form.show(stop.checked, errors, at)
    is_review = step is journey.flow.review
    return render_page(
        "applicant/review.html" if is_review else "applicant/step.html",
        status,
        journey=journey,
        stop=stop,
        form=form,
        errors=errors,
        draft_id=draft_id,
        cards=cards(journey.flow, journey.answers) if is_review else (),
        at=at,
    )


def to_step(draft_id: uuid.UUID, name: str, **query: Any) -> Response:
    """On to a step; `at` in the query is the id of what to look at there."""
    return redirect(url_for("wizard.step", draft_id=draft_id, name=name, **query), 303)


def to_receipt(draft_id: uuid.UUID) -> Response:
    """On to the receipt."""
    return redirect(url_for("wizard.done", draft_id=draft_id), 303)
