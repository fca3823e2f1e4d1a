"""Save answers: the rules (`saving.py`) decide about a locked draft; store what they say."""

import uuid

from .. import clock
from ..db.models import Draft
from ..forms.saving import (
    Completed,
    DraftState,
    Outcome,
    StepPost,
    Submitted,
    decide,
    decide_autosave,
)
from ..web.current import current_flow
from . import drafts, submit


def begin(draft_id: uuid.UUID, post: StepPost) -> Outcome:
    """Make the draft of that id from the answers to the first step, if these are complete."""
    first = StepPost(post.step, post.answers)
    outcome, _ = decide(current_flow(), DraftState(), first, clock.today())
    if not isinstance(outcome, Completed):
        return outcome
    draft = drafts.start_draft(draft_id, post.answers)
    return Completed(drafts.journey_for(draft).first_incomplete)


def save(draft: Draft, post: StepPost) -> Outcome:
    """Save a step whose button was pressed. The draft must be locked."""
    state = drafts.state_of(draft)
    outcome, after = decide(current_flow(), state, post, clock.today())
    if isinstance(outcome, Submitted):
        submit.submit_draft(draft, outcome.journey)
    if after is not state:
        drafts.store_answers(draft, after)
    return outcome


def autosave(draft: Draft, post: StepPost) -> Outcome:
    """Save what is typed on a page, valid or not. The draft must be locked."""
    state = drafts.state_of(draft)
    outcome, after = decide_autosave(state, post)
    if after is not state:
        drafts.store_answers(draft, after)
    return outcome
