"""Save answers: `forms/saving.py` decides, on a locked form, what is stored."""

import uuid

from .. import clock
from ..forms import outcomes, saving
from ..forms.conditions import Answers
from ..web.current import current_flow
from . import drafts
from .open_forms import OpenForm


def begin(
    draft_id: uuid.UUID, post: saving.StepPost, preset: Answers
) -> tuple[outcomes.Outcome, uuid.UUID]:
    """Create a draft from valid answers to the first step; return the outcome and the draft's id.

    The draft also gets the `preset` answers, which later steps show.
    See `drafts.start_draft` for when that is another id than the given one.
    """
    first = saving.StepPost(post.step, post.answers, revision=saving.Revision(post.revision.page))
    outcome, state = saving.decide(current_flow(), saving.DraftState(), first, clock.today())
    if not isinstance(outcome, outcomes.Completed):
        return outcome, draft_id
    draft = drafts.start_draft(draft_id, {**preset, **state.answers})
    return outcomes.Completed(drafts.journey_for(draft).first_incomplete), draft.id


def save(form: OpenForm, post: saving.StepPost) -> outcomes.Outcome:
    """Save or submit the post of a step's button. The form must be locked."""
    state = form.read_state()
    outcome, after = saving.decide(form.flow, state, post, clock.today())
    if isinstance(outcome, outcomes.Submitted):
        form.submit(outcome.journey)
    if after is state or form.store(after):
        return outcome
    return outcomes.TooLong(saving.merge_answers(state.answers, state.narrow(post)))


def autosave(form: OpenForm, post: saving.StepPost) -> outcomes.Outcome:
    """Save the answers on a page, valid or not. The form must be locked."""
    state = form.read_state()
    outcome, after = saving.decide_autosave(state, post)
    if after is state or form.store(after):
        return outcome
    return outcomes.TooLong(post.answers)
