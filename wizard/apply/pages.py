"""The pages of a step: what its templates show, and where an answer leads."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from .. import clock
from ..db.models import Draft
from ..forms.conditions import Answers
from ..forms.flow import Step
from ..forms.journey import Journey, StepState
from ..forms.messages import join_messages
from ..forms.outputs import cards, entry_label, format_raw
from ..forms.saving import journey_digest, normalized_answers, step_digest
from ..forms.text import replace_forbidden
from ..web import links
from ..web.htmx import render_page
from . import access, drafts
from .binding import ASKED_FIELD, Display, build_questions


def step_page(
    journey: Journey, step: Step, answers: Answers, draft: Draft | None = None, status: int = 200
) -> Response:
    """Return the page of a step with these raw answers, and the errors that may be shown."""
    stop, at = journey.steps[step.name], request.args.get("at", "")
    errors = errors_to_show(stop, status)
    is_review = step is journey.flow.review
    if draft is None:
        access.start_key()  # in the session before two clicks can need it
        page = page_fields()
    else:
        digest = journey_digest(journey) if is_review else step_digest(step, draft.answers)
        page = page_fields(draft, digest)
    return render_page(
        "apply/review.html" if is_review else "apply/step.html",
        status,
        journey=journey,
        stop=stop,
        questions=build_questions(step.fields, answers, Display(stop.checked.visible, errors, at)),
        errors=error_summary(step, errors),
        draft_id=draft.id if draft else None,
        page=page | (posted_page_fields() if status == 400 else {}),
        cards=cards(journey.flow, journey.answers) if is_review else (),
        at=at,
        must_confirm=status == 400,
        changed=status == 409,
        others=drafts.find_all(access.open_draft_ids()) if draft is None else [],
    )


def errors_to_show(stop: StepState, status: int) -> dict[str, str]:
    """Return all errors on a refusal, none where only the places of questions are drawn again."""
    if status == 422:
        return dict(stop.checked.errors)
    return {} if "keep" in request.args else dict(stop.errors_to_show)


def error_summary(step: Step, errors: dict[str, str]) -> dict[str, str]:
    """Return the errors as the summary lists them; each in a group says which entry it is about."""
    if step.group is None:
        return errors
    named: dict[str, str] = {}
    for path, message in errors.items():
        parts = path.split("-")
        place = [entry_label(step.group, int(parts[1]) + 1)] if len(parts) == 3 else []
        named[path] = join_messages(": ", [*place, message])
    return named


def page_fields(draft: Draft | None = None, based_on: str = "") -> dict[str, str]:
    """Return a new page's hidden fields: see `saving.Revision` and `links.Purpose`."""
    own = {"page": str(uuid.uuid4()), "turn": "0"}
    if draft is None:
        return own
    token = links.draft_token(draft.id, draft.link_version, "page")
    return own | {"based_on": based_on, "pass": token}


def posted_page_fields() -> dict[str, str]:
    """Return the hidden fields as they were posted, to show the same revision again."""
    return {
        name: replace_forbidden(request.form.get(name, "")) for name in ("page", "turn", "based_on")
    }


def conflict_page(draft: Draft, step: Step, answers: Answers) -> Response:
    """Return the page that shows both versions of what differs, side by side, to choose from."""
    today = clock.today()
    here = normalized_answers(step, answers)
    saved = normalized_answers(step, draft.answers)
    differing = [
        (field, format_raw(field, here[field.name], today),
         format_raw(field, saved[field.name], today))
        for field in step.fields
        if here[field.name] != saved[field.name]
    ]  # fmt: skip
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
        page=page_fields(draft, step_digest(step, draft.answers)),
        draft_id=draft.id,
    )


def to_step(draft_id: uuid.UUID, name: str, **query: Any) -> Response:
    """Redirect to a step; `at` in the query is the id of what to look at there."""
    return redirect(url_for("apply.step", draft_id=draft_id, name=name, **query), 303)


def to_receipt(draft_id: uuid.UUID) -> Response:
    """Redirect to the receipt."""
    return redirect(url_for("apply.receipt", draft_id=draft_id), 303)


@dataclass(frozen=True, slots=True)
class DraftLink:
    """A draft in progress, for a page to lead back to."""

    title: str
    url: str
    updated_at: datetime


def drafts_in_progress() -> list[DraftLink]:
    """Return the drafts that are open in this browser, the last changed first."""
    return [_draft_link(draft) for draft in drafts.find_all(access.open_draft_ids())]


def _draft_link(draft: Draft) -> DraftLink:
    title = draft.answers.get("organization_name")
    step = drafts.journey_for(draft).first_incomplete
    url = url_for("apply.step", draft_id=draft.id, name=step)
    return DraftLink(title if isinstance(title, str) else "", url, draft.updated_at)
