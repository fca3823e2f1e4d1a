"""The pages of a step, and redirects between them."""

import uuid
from dataclasses import replace
from typing import Any, cast

from flask import abort, get_template_attribute, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from .. import clock
from ..db.models import Draft
from ..forms.conditions import Answers
from ..forms.differences import mark_versions
from ..forms.flow import Step
from ..forms.journey import Journey, StepList, StepState
from ..forms.messages import Message, join_messages
from ..forms.outputs import Card, Row, cards, entry_label, format_raw_answer
from ..forms.saving import (
    StepPost,
    describe_shown,
    find_untouched,
    iter_answers,
    journey_digest,
    normalized_answers,
)
from ..forms.text import replace_forbidden
from ..web import links
from ..web.current import current_flow
from ..web.htmx import render_page
from ..web.languages import draw_once, translate
from . import access, drafts
from .binding import ASKED_FIELD, Display, build_questions
from .open_forms import OpenForm


def step_page(
    journey: Journey,
    step: Step,
    answers: Answers,
    form: OpenForm | None = None,
    status: int = 200,
    more_errors: dict[str, str] | None = None,
) -> Response:
    """Return the page of a step with raw answers: 400 to confirm them, 409 if they changed, 422
    with all errors."""
    state, focus = journey.steps[step.name], request.args.get("at", "")
    step = state.step  # with the open questions alone
    errors = _errors_to_show(state, status) | (more_errors or {})
    is_review = step.name == journey.flow.review.name
    if form is None:
        access.start_key()  # in the session before two clicks can need it
        page = _page_fields()
    elif is_review:
        page = _page_fields(form, based_on=journey_digest(journey))
    else:
        page = _page_fields(form, **describe_shown(step, form.answers))
    if status == 400:
        names = ("page", "turn", "based_on", "shown")  # as posted: the same revision again
        page |= {name: replace_forbidden(request.form.get(name, "")) for name in names}
    notes = form.notes if form else {}
    result = state.result
    display = Display(result.visible, result.required, errors, focus, page["page"], notes)
    return render_page(
        (form.REVIEW_PAGE if is_review else form.STEP_PAGE) if form else "apply/step.html",
        status,
        journey=journey,
        step=step,
        steps=journey.list_steps(step.name),
        questions=build_questions(step.fields, answers, display),
        may_skip=not state.result.required,
        errors=_name_entries(step, errors),
        form=form,
        page=page,
        cards=_open_cards(journey) if is_review else (),
        differences=form.differences(journey) if form and is_review else (),
        closed=_closed_rows(journey, step),
        focus=focus,
        must_confirm=status == 400,
        changed=status == 409,
        others=drafts.find_all(access.list_draft_ids()) if form is None else [],
        lost=_lost_draft() if form and not is_review else None,
    )


def draw_step_list(steps: StepList, form: OpenForm | None) -> Markup:
    """Return the list of steps; one of the declared flow is drawn once for all who have come as
    far."""
    saves = form is not None

    def draw() -> Markup:
        macro = get_template_attribute("macros/journey.html", "step_line")
        return cast(Markup, macro(steps, saves=saves))

    is_declared = form is None or form.flow is current_flow()
    return draw_once((steps, saves), draw) if is_declared else draw()


def _open_cards(journey: Journey) -> list[Card]:
    """Return the answers that can be changed, by step."""
    return [
        replace(card, rows=tuple(row for row in card.rows if row.name in names))
        for card in cards(journey.flow, journey.answers)
        if (state := journey.steps.get(card.step.name))
        and (names := {field.name for field in state.step.fields})
    ]


def _closed_rows(journey: Journey, step: Step) -> list[Row]:
    """Return the answers on a page that cannot be changed."""
    whole, names = journey.flow.steps[step.name], {field.name for field in step.fields}
    if all(field.name in names for field in whole.fields):
        return []
    shown = next(
        card for card in cards(journey.flow, journey.answers) if card.step.name == whole.name
    )
    return [row for row in shown.rows if row.name not in names]


def _errors_to_show(state: StepState, status: int) -> dict[str, str]:
    """Return all errors on a refusal, and none if only conditional questions are drawn again."""
    if status == 422:
        return dict(state.result.errors)
    return {} if "keep" in request.args else dict(state.errors_to_show)


def _name_entries(step: Step, errors: dict[str, str]) -> dict[str, str]:
    """Return the errors for the summary, each in a group with the name of its entry."""
    if step.group is None:
        return errors
    named: dict[str, str] = {}
    for path, message in errors.items():
        parts = path.split("-")
        entry = [entry_label(step.group, int(parts[1]) + 1)] if len(parts) == 3 else []
        named[path] = join_messages(": ", [*entry, message])
    return named


def _page_fields(form: OpenForm | None = None, **shown: str) -> dict[str, str]:
    """Return a new page's hidden fields: see `saving.Revision` and `links.Purpose`."""
    revision = {"page": str(uuid.uuid4()), "turn": "0"}
    if form is None:
        preset = request.values.get("for", "")
        return revision | ({"for": preset} if preset in current_flow().presets else {})
    return revision | shown | {"pass": form.page_token()}


def _lost_draft() -> dict[str, Any] | None:
    """Return title and resume link of the draft that a newer one put out of this browser."""
    if (draft := access.pop_lost_draft()) is None:
        return None
    url = links.resume_url(draft.id, draft.link_version)
    return {"title": drafts.party_of(draft), "url": url, "most": access.MAX_DRAFTS}


def too_long_page(form: OpenForm, step: Step, answers: Answers) -> Response:
    """Return the page of a step that a form cannot hold, with the error at its longest answer."""
    journey = form.build_journey(answers)
    if step.name not in journey.steps:
        abort(413)
    given = iter_answers(step.fields, answers)
    path, field, _ = max(given, key=lambda found: len(str(found[2] or "")))
    error = Message(
        "Not saved: all your answers together are too long. Shorten your answer about %(noun)s.",
        noun=field.noun,
    )
    return step_page(journey, step, answers, form, 422, {path: error})


def conflict_page(form: OpenForm, post: StepPost, answers: Answers) -> Response:
    """Return the page to choose, for each answer that differs, between typed and stored.

    The stored one is selected where the typed one is blank, or what its page showed before.
    """
    today, step = clock.today(), form.read_state().narrow(post).step
    typed, stored = (normalized_answers(step, version) for version in (answers, form.answers))
    untouched = find_untouched(step, answers, post.revision.shown)
    differing = [
        (
            field,
            "saved" if field.name in untouched or typed[field.name] is None else "here",
            *mark_versions(
                *(
                    translate(format_raw_answer(field, version[field.name], today))
                    for version in (typed, stored)
                )
            ),
        )
        for field in step.fields
        if typed[field.name] != stored[field.name]
    ]
    names = {field.name for field in step.fields}
    posted = [
        (replace_forbidden(name), replace_forbidden(value))
        for name, value in request.form.items(multi=True)
        if name == ASKED_FIELD or name.split("-")[0] in names
    ]
    return render_page(
        "apply/conflict.html",
        409,
        step=step,
        differing=differing,
        posted=posted,
        page=_page_fields(form, **describe_shown(step, form.answers)),
    )


def to_step(draft_id: uuid.UUID, name: str, **query: Any) -> Response:
    """Redirect to a step; `at` in the query is the HTML id that gets the focus there."""
    return redirect(url_for("apply.step", draft_id=draft_id, name=name, **query), 303)


def to_receipt(draft_id: uuid.UUID) -> Response:
    """Redirect to the receipt."""
    return redirect(url_for("apply.receipt", draft_id=draft_id), 303)


def drafts_in_progress() -> list[dict[str, Any]]:
    """Return title, url and updated_at of the drafts of this browser, the last changed first."""
    return [_draft_link(draft) for draft in drafts.find_all(access.list_draft_ids())]


def _draft_link(draft: Draft) -> dict[str, Any]:
    step = drafts.journey_for(draft).first_incomplete
    url = url_for("apply.step", draft_id=draft.id, name=step)
    return {"title": drafts.party_of(draft), "url": url, "updated_at": draft.updated_at}
