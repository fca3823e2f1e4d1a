"""Drafts: answers in progress, until they are submitted or expire."""

import json
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app, g
from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from .. import clock
from ..config import MEBIBYTE
from ..db import upgrades
from ..db.engine import db, delete_in_batches, is_sqlite, writing
from ..db.models import Draft, Proposal, Submission
from ..db.promises import ReportDraft
from ..forms.conditions import Answers
from ..forms.journey import Journey
from ..forms.saving import DraftState, StepPost
from ..web import languages, links
from ..web.current import current_flow
from ..web.limits import limiter

UNEXPIRED = select(Draft).where(
    Draft.updated_at >= bindparam("cutoff"), Draft.flow == bindparam("flow")
)
MAX_DRAFT_BYTES = MEBIBYTE
"""Of all answers as JSON, so that steps do not add up to more."""
MIN_COUNTED_BYTES = 64 * 1024
"""Smaller drafts grow uncounted: counting takes a tenth of a save, and the number of drafts that an
address may start is limited. A complete one has 5 to 20 KiB."""
MAX_DAILY_BYTES = 32 * MEBIBYTE
"""By which larger drafts of one network address may grow in a day."""
BY_ID = UNEXPIRED.where(Draft.id == bindparam("draft_id"))
WITH_SUBMISSION = BY_ID.options(joinedload(Draft.submission))
FOR_UPDATE = BY_ID.with_for_update(key_share=True)
"""Prebuilt statements: building them costs as much as running them."""


def build_journey(answers: Answers, completed_steps: Collection[str]) -> Journey:
    """Return the journey of these answers through the current flow, today."""
    return Journey(current_flow(), answers, completed_steps, today=clock.today())


def journey_for(draft: Draft) -> Journey:
    """Return the journey of a draft."""
    return build_journey(draft.answers, draft.completed_steps)


def party_of(draft: Draft) -> str:
    """Return the name of who answers, as typed; an empty string if there is none."""
    name = draft.answers.get(current_flow().roles.party)
    return name if isinstance(name, str) else ""


def draft_lifetime() -> timedelta:
    """Return how long a draft is stored after its last change."""
    return timedelta(days=current_app.config["DRAFT_DAYS"])


def last_day(draft: Draft) -> date:
    """Return the day at whose end a draft expires unless it changes before."""
    return clock.local(draft.updated_at).date() + draft_lifetime()


def expiry_cutoff() -> datetime:
    """Return the start of the day on which a draft that expires tonight was last changed."""
    return clock.midnight(clock.today() - draft_lifetime())


def _load(query: Select[Draft], draft_id: uuid.UUID) -> Draft | None:
    return db.session.scalars(query, {"draft_id": draft_id, **_unexpired()}).one_or_none()


def _unexpired() -> dict[str, Any]:
    """Return the parameters of `UNEXPIRED`."""
    return {"cutoff": expiry_cutoff(), "flow": current_flow().name}


def find(draft_id: uuid.UUID) -> Draft | None:
    """Return a draft to read, with its submission; None if there is none or it expired."""
    return _load(WITH_SUBMISSION, draft_id)


def find_all(draft_ids: list[uuid.UUID]) -> list[Draft]:
    """Return those of the drafts that are not submitted or expired, the last changed first."""
    if not draft_ids:
        return []
    submitted = select(Submission.draft_id).where(Submission.draft_id.in_(draft_ids))
    query = UNEXPIRED.where(Draft.id.in_(draft_ids), Draft.id.not_in(submitted))
    query = query.order_by(Draft.updated_at.desc())
    return list(db.session.scalars(query, _unexpired()))


def find_by_token(token: str, purpose: links.Purpose) -> Draft | None:
    """Return the draft that a token opens; None if the token is invalid or replaced."""
    draft_id, version = links.parse_draft_token(token, purpose) or (None, 0)
    draft = find(draft_id) if draft_id else None
    return draft if draft and draft.link_version == version else None


@contextmanager
def locked_draft(draft_id: uuid.UUID) -> Iterator[Draft | None]:
    """Lock a draft for update; commit at the end, roll back on an error.

    On PostgreSQL the submission is loaded later: a statement that waits for the row's lock sees the
    other tables as they were before. On SQLite the whole database is locked by then.
    """
    with writing():
        yield _load(WITH_SUBMISSION if is_sqlite() else FOR_UPDATE, draft_id)


def start_draft(draft_id: uuid.UUID, typed: Answers) -> Draft:
    """Create the draft of that id from the answers to the first step, or change it.

    A draft with later answers stays as it is: an old page must not undo them. If the draft was
    submitted and is gone, the new one gets another id, since the old one leads to the submission.
    """
    try:
        return _start(draft_id, typed)
    except IntegrityError:  # a second click at the same moment has just created it
        return _start(draft_id, typed)


def _start(draft_id: uuid.UUID, typed: Answers) -> Draft:
    first = current_flow().first
    with locked_draft(draft_id) as draft:
        draft = draft or _add_draft(draft_id)
        state, post = state_of(draft), StepPost(first, typed)
        if state.is_new(first):
            answers = {**state.answers, **typed}
            store_answers(draft, state.with_answers(post, answers, completed=True))
    return draft


def _add_draft(draft_id: uuid.UUID) -> Draft:
    expired = Draft.updated_at < expiry_cutoff()
    db.session.execute(delete(Draft).where(Draft.id == draft_id, expired))
    is_taken = db.session.scalar(select(Submission.id).where(Submission.draft_id == draft_id))
    draft = Draft(
        id=uuid.uuid4() if is_taken else draft_id,
        flow=current_flow().name,
        flow_version=current_flow().version,
        answers={},
        completed_steps=[],
        saves={},
    )
    db.session.add(draft)
    return draft


def state_of(draft: Draft) -> DraftState:
    """Return the state that decides about a save of the draft."""
    return DraftState(
        answers=draft.answers,
        completed_steps=tuple(draft.completed_steps),
        saves=read_saves(draft),
        is_submitted=draft.submission is not None,
    )


def read_saves(draft: Draft | Proposal | ReportDraft) -> dict[str, tuple[str, int]]:
    """Return the page that saved each step last, and its turn."""
    return {name: (page, turn) for name, (page, turn) in draft.saves.items()}


def count_bytes(answers: Answers) -> int:
    """Return the size of answers as JSON."""
    return len(json.dumps(answers, ensure_ascii=False).encode(errors="surrogatepass"))


@limiter.shared_limit(
    lambda: f"{MAX_DAILY_BYTES} per day", "bytes of drafts", cost=lambda: g.growth
)
def charge_growth() -> None:
    """Count `g.growth` bytes against `MAX_DAILY_BYTES`. Raise `RateLimitExceeded`."""


def store_answers(draft: Draft | Proposal | ReportDraft, state: DraftState) -> bool:
    """Store the state after a save; the lifetime of a draft starts again.

    Return False, with the draft as it was, if all answers together exceed `MAX_DRAFT_BYTES`. Raise
    `RateLimitExceeded` at the end of what the drafts of an address may grow in a day.
    """
    size = count_bytes(state.answers)
    if size > MAX_DRAFT_BYTES:
        return False
    if size > MIN_COUNTED_BYTES and (growth := size - count_bytes(draft.answers)) > 0:
        g.growth = growth
        charge_growth()
    draft.answers = dict(state.answers)
    draft.completed_steps = list(state.completed_steps)
    if not isinstance(draft, ReportDraft) and draft.flow_version != current_flow().version:
        upgrades.store_version(draft)
    draft.saves = {name: [page, turn] for name, (page, turn) in state.saves.items()}
    draft.language = languages.get_locale()
    draft.updated_at = clock.now()
    if isinstance(draft, Draft):
        draft.reminded_at = None
    return True


def purge_expired() -> int:
    """Delete every expired draft; return how many there were."""
    return delete_in_batches(Draft.id, Draft.updated_at < expiry_cutoff())
