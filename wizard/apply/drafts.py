"""Drafts: answers being given, kept on the server, opened only by browsers that may."""

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from .. import clock
from ..db.engine import db, delete_in_batches, is_sqlite, writing
from ..db.models import Draft, Submission
from ..forms.conditions import Answers
from ..forms.journey import Journey
from ..forms.saving import DraftState, StepPost
from ..web import languages, links
from ..web.current import current_flow


def build_journey(answers: Answers, completed_steps: Collection[str]) -> Journey:
    """Return the journey of these answers through the current flow, today."""
    return Journey(current_flow(), answers, completed_steps, today=clock.today())


def journey_for(draft: Draft) -> Journey:
    """Return the journey of a draft."""
    return build_journey(draft.answers, draft.completed_steps)


def draft_lifetime() -> timedelta:
    """How long a draft is kept after its last change."""
    return timedelta(days=current_app.config["DRAFT_DAYS"])


def expires_at(draft: Draft) -> datetime:
    """When a draft is deleted unless it changes before."""
    return draft.updated_at + draft_lifetime()


UNEXPIRED = select(Draft).where(Draft.updated_at > bindparam("since"))
BY_ID = UNEXPIRED.where(Draft.id == bindparam("draft_id"))
WITH_SUBMISSION = BY_ID.options(joinedload(Draft.submission))
FOR_UPDATE = BY_ID.with_for_update()
"""Statements that are put together once: for each request anew, that costs as much as asking."""


def _expiry_cutoff() -> datetime:
    """When a draft must have changed last, to be kept still."""
    return clock.now() - draft_lifetime()


def _expired() -> ColumnElement[bool]:
    return Draft.updated_at <= _expiry_cutoff()


def find(draft_id: uuid.UUID) -> Draft | None:
    """A draft to read."""
    return db.session.scalars(
        WITH_SUBMISSION, {"draft_id": draft_id, "since": _expiry_cutoff()}
    ).one_or_none()


def find_all(draft_ids: list[uuid.UUID]) -> list[Draft]:
    """Those of these drafts that are there and not submitted, the last changed first."""
    if not draft_ids:
        return []
    submitted = select(Submission.draft_id).where(Submission.draft_id.in_(draft_ids))
    query = UNEXPIRED.where(Draft.id.in_(draft_ids), Draft.id.not_in(submitted))
    return list(
        db.session.scalars(query.order_by(Draft.updated_at.desc()), {"since": _expiry_cutoff()})
    )


def find_by_token(token: str, purpose: links.Purpose) -> Draft | None:
    """The draft that a token opens now."""
    named = links.parse_draft_token(token, purpose)
    draft = named and find(named[0])
    return draft if draft and named and draft.link_version == named[1] else None


@contextmanager
def locked_draft(draft_id: uuid.UUID) -> Iterator[Draft | None]:
    """A draft to change: locked until the end, then kept whole, or left as it was on an error.

    On SQLite all is locked by then. On PostgreSQL what the draft was submitted as is asked after
    its row is locked: the statement that waits for the lock sees the store as it was before.
    """
    with writing() as session:
        query = WITH_SUBMISSION if is_sqlite() else FOR_UPDATE
        yield session.scalars(
            query, {"draft_id": draft_id, "since": _expiry_cutoff()}
        ).one_or_none()


def start_draft(draft_id: uuid.UUID, typed: Answers) -> Draft:
    """Makes the draft of that id from the answers to the first step.

    Made before, it is changed, unless it went on meanwhile: an old page must not set it back.
    """
    try:
        return _start(draft_id, typed)
    except IntegrityError:  # pressed twice at the same moment, and the other one made it
        return _start(draft_id, typed)


def _start(draft_id: uuid.UUID, typed: Answers) -> Draft:
    flow = current_flow()
    with locked_draft(draft_id) as draft:
        if draft is None:
            db.session.execute(delete(Draft).where(Draft.id == draft_id, _expired()))
            draft = Draft(
                id=draft_id, flow_version=flow.version, answers={}, completed_steps=[], saves={}
            )
            db.session.add(draft)
        state, post = state_of(draft), StepPost(flow.first, typed)
        if state.is_new(flow.first):
            answers = {**state.answers, **typed}
            store_answers(draft, state.with_answers(post, answers, completed=True))
    return draft


def state_of(draft: Draft) -> DraftState:
    """Return what a save of the draft depends on."""
    return DraftState(
        answers=draft.answers,
        completed_steps=tuple(draft.completed_steps),
        saves={name: (page, turn) for name, (page, turn) in draft.saves.items()},
        is_submitted=draft.submission is not None,
    )


def store_answers(draft: Draft, state: DraftState) -> None:
    """Store what a save left; the draft is kept for its whole lifetime from now."""
    draft.answers = dict(state.answers)
    draft.completed_steps = list(state.completed_steps)
    draft.saves = {name: [page, turn] for name, (page, turn) in state.saves.items()}
    draft.language = languages.get_locale()
    draft.updated_at = clock.now()
    draft.reminded_at = None


def purge_expired() -> int:
    """Delete every draft whose time is over; return how many there were."""
    return delete_in_batches(Draft.id, _expired())
