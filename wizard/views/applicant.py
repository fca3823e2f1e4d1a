"""The form itself: from the first question to the receipt."""

import uuid
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from .. import clock, drafts, errors, links, submissions
from ..drafts import Save, Verdict
from ..extensions import limiter
from ..fields import Group
from ..flow import Step
from ..htmx import render_page
from ..journey import Journey, Stop
from ..models import Draft
from ..outputs import cards, numbered, typed_in_words
from ..query import whole_number
from ..stepform import ASKED, StepForm, form_class
from ..words import joined
from . import access

bp = Blueprint("wizard", __name__, url_prefix="/respond")

STARTS = "120 per hour"
"""Drafts that one address may start: an office shares one address, a flood does not fit."""


@bp.get("/")
def start() -> Response:
    """The first step; looking at it makes no draft."""
    journey = drafts.walk({}, [])
    return step_page(journey, journey.flow.first, {})


@bp.post("/")
@limiter.limit(STARTS, deduct_when=lambda response: response.status_code == 303)
def begin() -> Response:
    """Makes the draft from the first answer; pressed twice, it is still one draft."""
    step = drafts.current_flow().first
    typed = form_class(step)().posted({})
    journey = drafts.walk(typed, [step.name])
    if journey.exits:
        return redirect(url_for("wizard.leave"), 303)
    if not journey.stops[step.name].complete:
        return step_page(journey, step, typed, status=422)
    page = request.form.get("page")
    draft_id = links.draft_id_for(session["csrf_token"], page) if page else uuid.uuid4()
    draft = drafts.start(draft_id, typed)
    access.open_here(draft.id)
    return to_step(draft.id, drafts.journey(draft).first_open)


@bp.get("/exit")
def leave() -> Response:
    """For a person who answers for nobody but themselves."""
    draft_id = request.args.get("draft", "")
    draft_id = draft_id if draft_id in session.get("drafts", []) else ""
    return render_page("applicant/exit.html", draft_id=draft_id)


@bp.get("/<uuid:draft_id>/<name>")
def step(draft_id: uuid.UUID, name: str) -> Response:
    """One step, as far as it was answered; the review is one of them."""
    check_step(name)
    draft = access.read(draft_id)
    if draft.submission:
        return to_receipt(draft_id)
    journey = drafts.journey(draft)
    if not journey.may_visit(name):
        return to_step(draft_id, journey.first_open)
    return step_page(journey, journey.stops[name].step, draft.answers, draft)


@bp.post("/<uuid:draft_id>/<name>")
def save_step(draft_id: uuid.UUID, name: str) -> Response:
    """Keeps what was typed on a step, and goes where the button said."""
    check_step(name)
    access.enter(draft_id)
    with drafts.editing(draft_id) as draft:
        if draft is None:
            abort(404)
        if draft.submission:
            return to_receipt(draft_id)
        return act(draft, drafts.current_flow().steps[name])


@bp.post("/<uuid:draft_id>/<name>/autosave")
def autosave(draft_id: uuid.UUID, name: str) -> tuple[str, int]:
    """Keeps what is typed, valid or not, and says so in a small fragment."""
    check_step(name)
    access.require(draft_id)
    step = drafts.current_flow().steps[name]
    with drafts.editing(draft_id) as draft:
        if draft is None or step is drafts.current_flow().review:
            abort(404)
        if draft.submission:
            return render_template("applicant/saved.html", outcome="submitted"), 409
        typed, save = form_class(step)().posted(draft.answers), save_of_page()
        verdict = drafts.judge(draft, step, typed, save)
        if verdict is Verdict.KEEP:
            drafts.keep(draft, step, typed, posted=False, save=save)
    if verdict is Verdict.CONFLICT:
        return render_template("applicant/saved.html", outcome="conflict"), 409
    return render_template("applicant/saved.html", outcome="saved", moment=clock.now()), 200


def act(draft: Draft, step: Step) -> Response:
    """Does what a button of a step asks, on a draft that is locked."""
    action, save = request.form.get("action", "continue"), save_of_page()
    form = form_class(step)()
    typed = chosen(form, draft.answers)
    after = drafts.walk({**draft.answers, **typed}, [*draft.posted, step.name])
    if after.exits:
        return redirect(url_for("wizard.leave", draft=draft.id), 303)
    if step is after.flow.review:
        return submit(draft, after, typed, save)
    verdict = drafts.judge(draft, step, typed, save)
    if verdict is Verdict.CONFLICT:
        return conflict_page(draft, step, typed)
    if verdict is Verdict.LATE:
        return to_step(draft.id, drafts.journey(draft).first_open)
    if action != "continue" or not after.may_visit(step.name):
        place = change_entries(step.group, typed, action)
        drafts.keep(draft, step, typed, posted=False, save=save)
        return after_keeping(draft, after, step, action, place)

    found = after.stops[step.name].checked
    unseen = form.unseen(found)
    asks_first = bool(unseen) and set(found.errors) <= set(unseen)
    drafts.keep(draft, step, typed, posted=not asks_first, save=save)
    if asks_first:
        return to_step(draft.id, step.name, at=unseen[0])
    if found.errors:
        return step_page(after, step, draft.answers, draft, status=422)
    return to_step(draft.id, after.first_open)


def chosen(form: StepForm, stored: dict[str, Any]) -> dict[str, Any]:
    """What was typed, and what was saved where a conflict page chose that."""
    typed = form.posted(stored)
    kept = [name for name in typed if request.form.get(f"keep-{name}") == "saved"]
    return typed | {name: stored[name] for name in kept if name in stored}


def after_keeping(
    draft: Draft, journey: Journey, step: Step, action: str, place: str | None
) -> Response:
    """Where a button leads that keeps what was typed and does not go on."""
    if action == "save":
        return redirect(url_for("saving.save", draft_id=draft.id), 303)
    if not journey.may_visit(step.name):
        return to_step(draft.id, journey.first_open)
    return to_step(draft.id, step.name, at=place, keep="1" if action == "update" else None)


def submit(draft: Draft, journey: Journey, typed: dict[str, Any], save: Save) -> Response:
    """Submits a draft that is complete. The declaration of the review is kept only with that, and
    only for the answers that the review showed."""
    review = journey.flow.review
    if request.form.get("action") == "save":
        return redirect(url_for("saving.save", draft_id=draft.id), 303)
    if save.based_on and save.based_on != drafts.digest_of_all(journey):
        return step_page(journey, review, draft.answers, draft, status=409)
    if journey.complete:
        submissions.submit(draft, journey)
        return to_receipt(draft.id)
    if journey.first_open != review.name:
        return to_step(draft.id, journey.first_open)
    return step_page(journey, review, {**draft.answers, **typed}, draft, status=422)


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
        return f"{group.name}-{max(0, min(int(place), len(entries) - 1))}"
    return None


@bp.get("/<uuid:draft_id>/done")
def done(draft_id: uuid.UUID) -> Response:
    """The receipt."""
    draft = access.read(draft_id)
    submission = draft.submission
    if submission is None:
        return to_step(draft_id, drafts.journey(draft).first_open)
    access.open_commitment(submission.reference)
    answers = cards(drafts.current_flow(), submission.answers)
    return render_page("applicant/receipt.html", submission=submission, cards=answers)


@bp.errorhandler(CSRFError)
def confirm(error: CSRFError) -> Response:
    """The session ended while a page was open, or its token aged: the page comes again with what
    was typed, to be confirmed. Nothing is kept until then."""
    name = drafts.current_flow().first.name
    draft, answers, posted = None, {}, []
    if request.endpoint == "wizard.save_step":
        draft_id, name = (request.view_args or {}).values()
        if access.is_open(draft_id) or access.comes_from_its_page(draft_id):
            draft = drafts.find(draft_id)
        if draft is None or name not in drafts.current_flow().steps:
            return errors.page(400, errors.SESSION_ENDED)
        answers, posted = draft.answers, draft.posted
    elif request.endpoint != "wizard.begin":
        return errors.page(400, errors.SESSION_ENDED)
    step = drafts.current_flow().steps[name]
    typed = {**answers, **chosen(form_class(step)(), answers)}
    journey = drafts.walk(typed, posted)
    if name not in journey.stops:
        return errors.page(400, errors.SESSION_ENDED)
    return step_page(journey, step, typed, draft, status=400)


def check_step(name: str) -> None:
    """Answers 404 unless the flow has such a step."""
    if name not in drafts.current_flow().steps:
        abort(404)


def save_of_page() -> Save:
    """What the posted page says of itself."""
    return Save(
        page=request.form.get("page", "")[:36],
        turn=whole_number(request.form.get("turn", "")) or 0,
        based_on=request.form.get("based_on", ""),
    )


def step_page(
    journey: Journey,
    step: Step,
    answers: dict[str, Any],
    draft: Draft | None = None,
    status: int = 200,
) -> Response:
    """A step's page with what was typed; its errors where they may be shown already."""
    stop = journey.stops[step.name]
    found = errors_to_show(stop, status)
    at = request.args.get("at", "")
    form = form_class(step)(formdata=None, data=answers)
    form.show(stop.checked, found, at)
    is_review = step is journey.flow.review
    return render_page(
        "applicant/review.html" if is_review else "applicant/step.html",
        status,
        journey=journey,
        stop=stop,
        form=form,
        errors=summary(step, found),
        draft_id=draft.id if draft else None,
        page=page_of(journey, step, draft) | (as_posted() if status == 400 else {}),
        cards=cards(journey.flow, journey.answers) if is_review else (),
        at=at,
        must_confirm=status == 400,
        changed=status == 409,
        others=drafts.find_all(access.opened()) if draft is None else [],
    )


def errors_to_show(stop: Stop, status: int) -> dict[str, str]:
    """All of them on a refusal, none where only the places of questions are drawn again."""
    if status == 422:
        return dict(stop.checked.errors)
    return {} if "keep" in request.args else dict(stop.errors_to_show)


def summary(step: Step, found: dict[str, str]) -> dict[str, str]:
    """The errors as the summary lists them: of a group, each says which entry it is about."""
    if step.group is None:
        return found
    named: dict[str, str] = {}
    for path, message in found.items():
        parts = path.split("-")
        place = [numbered(step.group, int(parts[1]) + 1)] if len(parts) == 3 else []
        named[path] = joined(": ", [*place, message])
    return named


def as_posted() -> dict[str, str]:
    """What the posted page said of itself: the same page comes again, as old as it was."""
    return {name: request.form.get(name, "") for name in ("page", "turn", "based_on")}


def page_of(journey: Journey, step: Step, draft: Draft | None) -> dict[str, str]:
    """What a page says of itself when it posts: see `drafts.Save` and `links.Purpose`."""
    named = {"page": str(uuid.uuid4()), "turn": "0"}
    if draft is None:
        return named
    if step is journey.flow.review:
        based_on = drafts.digest_of_all(journey)
    else:
        based_on = drafts.digest(step, draft.answers)
    return named | {"based_on": based_on, "pass": links.token(draft, "page")}


def conflict_page(draft: Draft, step: Step, typed: dict[str, Any]) -> Response:
    """Both versions of what differs, side by side, to choose from."""
    today = clock.today()
    here, saved = drafts.essence(step, typed), drafts.essence(step, draft.answers)
    differing = [
        (field, typed_in_words(field, here[field.name], today),
         typed_in_words(field, saved[field.name], today))
        for field in step.fields
        if here[field.name] != saved[field.name]
    ]  # fmt: skip
    names = {field.name for field in step.fields}
    posted = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name == ASKED or name.split("-")[0] in names
    ]
    return render_page(
        "applicant/conflict.html",
        409,
        step=step,
        differing=differing,
        posted=posted,
        page=page_of(drafts.journey(draft), step, draft),
        draft_id=draft.id,
    )


def to_step(draft_id: uuid.UUID, name: str, **query: Any) -> Response:
    """On to a step; `at` in the query is the id of what to look at there."""
    return redirect(url_for("wizard.step", draft_id=draft_id, name=name, **query), 303)


def to_receipt(draft_id: uuid.UUID) -> Response:
    """On to the receipt."""
    return redirect(url_for("wizard.done", draft_id=draft_id), 303)
