"""Drafts: answers being given, kept on the server, opened only by browsers that may."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from . import clock, languages, links
from .conditions import Answers
from .extensions import db, delete_in_batches, is_sqlite, writing
from .flow import Flow, Step
from .journey import Journey
from .models import Draft, Submission


def current_flow() -> Flow:
    """The flow that this program serves."""
    flow: Flow = current_app.extensions["flow"]
    return flow


def walk(answers: Answers, posted: list[str]) -> Journey:
    """The journey of these answers through the current flow, today."""
    return Journey(current_flow(), answers, posted, today=clock.today())


def journey(draft: Draft) -> Journey:
    """The journey of a draft."""
    return walk(draft.answers, draft.posted)


def lifetime() -> timedelta:
    """How long a draft is kept after its last change."""
    return timedelta(days=current_app.config["DRAFT_DAYS"])


def kept_until(draft: Draft) -> datetime:
    """When a draft is deleted unless it changes before."""
    return draft.updated_at + lifetime()


LIVING = select(Draft).where(Draft.updated_at > bindparam("since"))
ONE = LIVING.where(Draft.id == bindparam("draft_id"))
ONE_AS_IT_IS = ONE.options(joinedload(Draft.submission))
ONE_TO_LOCK = ONE.with_for_update()
"""Statements that are put together once: for each request anew, that costs as much as asking."""


def _since() -> datetime:
    """When a draft must have changed last, to be kept still."""
    return clock.now() - lifetime()


def _is_over() -> ColumnElement[bool]:
    return Draft.updated_at <= _since()


def find(draft_id: uuid.UUID) -> Draft | None:
    """A draft to read."""
    return db.session.scalars(ONE_AS_IT_IS, {"draft_id": draft_id, "since": _since()}).one_or_none()


def find_all(draft_ids: list[uuid.UUID]) -> list[Draft]:
    """Those of these drafts that are there and not submitted, the last changed first."""
    if not draft_ids:
        return []
    submitted = select(Submission.draft_id).where(Submission.draft_id.in_(draft_ids))
    query = LIVING.where(Draft.id.in_(draft_ids), Draft.id.not_in(submitted))
    return list(db.session.scalars(query.order_by(Draft.updated_at.desc()), {"since": _since()}))


def opened_by(token: str, purpose: links.Purpose) -> Draft | None:
    """The draft that a token opens now."""
    named = links.draft_named_by(token, purpose)
    draft = named and find(named[0])
    return draft if draft and named and draft.link_version == named[1] else None


@contextmanager
def editing(draft_id: uuid.UUID) -> Iterator[Draft | None]:
    """A draft to change: locked until the end, then kept whole, or left as it was on an error.

    On SQLite all is locked by then. On PostgreSQL what the draft was submitted as is asked after
    its row is locked: the statement that waits for the lock sees the store as it was before.
    """
    with writing() as session:
        query = ONE_AS_IT_IS if is_sqlite() else ONE_TO_LOCK
        yield session.scalars(query, {"draft_id": draft_id, "since": _since()}).one_or_none()


def start(draft_id: uuid.UUID, typed: Answers) -> Draft:
    """Makes the draft of that id from the answers to the first step.

    Made before, it is changed, unless it went on meanwhile: an old page must not set it back.
    """
    try:
        return _start(draft_id, typed)
    except IntegrityError:  # pressed twice at the same moment, and the other one made it
        return _start(draft_id, typed)


def _start(draft_id: uuid.UUID, typed: Answers) -> Draft:
    flow = current_flow()
    with editing(draft_id) as draft:
        if draft is None:
            db.session.execute(delete(Draft).where(Draft.id == draft_id, _is_over()))
            draft = Draft(id=draft_id, flow_version=flow.version, answers={}, posted=[], saves={})
            db.session.add(draft)
        if not draft.saves and draft.posted in ([], [flow.first.name]):
            keep(draft, flow.first, typed, posted=True)
    return draft


@dataclass(frozen=True, slots=True)
class Save:
    """Which page saves, at which of its turns, and what the answers were when it was drawn.

    A post without these (a script's) saves whatever it brings.
    """

    page: str = ""
    turn: int = 0
    based_on: str = ""


class Verdict(Enum):
    """What becomes of a save: it is kept, comes too late to matter, or must be compared."""

    KEEP = "keep"
    LATE = "late"
    CONFLICT = "conflict"


def essence(step: Step, answers: Answers) -> dict[str, Any]:
    """What was typed on a step, without what is blank."""
    return {field.name: field.without_blanks(answers.get(field.name)) for field in step.fields}


def digest(step: Step, answers: Answers) -> str:
    """A short name for what was typed on a step, for a page to say what it is based on."""
    return sha256(json.dumps(essence(step, answers), sort_keys=True).encode()).hexdigest()[:16]


def digest_of_all(journey: Journey) -> str:
    """The same for all that a review shows."""
    shown = {k: v for k, v in journey.answers.items() if k not in _names(journey.flow.review)}
    return sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def _names(step: Step) -> set[str]:
    return {field.name for field in step.fields}


def judge(draft: Draft, step: Step, typed: Answers, save: Save) -> Verdict:
    """Whether a save may go over what is stored: never over answers that its page did not know."""
    last_page, last_turn = draft.saves.get(step.name, ("", 0))
    if save.page and save.page == last_page:
        return Verdict.KEEP if save.turn >= last_turn else Verdict.LATE
    if not save.based_on or save.based_on == digest(step, draft.answers):
        return Verdict.KEEP
    same = essence(step, typed) == essence(step, draft.answers)
    return Verdict.KEEP if same else Verdict.CONFLICT


def keep(
    draft: Draft, step: Step, typed: Answers, *, posted: bool, save: Save | None = None
) -> None:
    """Puts what was typed on a step into the draft; `posted` when the answerer went on with it."""
    draft.answers = {**draft.answers, **typed}
    if posted and step.name not in draft.posted:
        draft.posted = [*draft.posted, step.name]
    if save and save.page:
        draft.saves = {**draft.saves, step.name: [save.page, save.turn]}
    draft.language = languages.current()
    draft.updated_at = clock.now()
    draft.reminded_at = None


def purge() -> int:
    """Delete every draft whose time is over; return how many there were."""
    return delete_in_batches(Draft.id, _is_over())
