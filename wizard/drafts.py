"""Drafts: answers being given, kept on the server, opened only by browsers that may."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app
from sqlalchemy import select

from . import clock
from .conditions import Answers
from .extensions import db, writing
from .flow import Flow, Step
from .journey import Journey
from .models import Draft


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


def start(typed: dict[str, Any]) -> Draft:
    """Makes a draft from the answers to the first step."""
    flow = current_flow()
    with writing() as session:
        draft = Draft(
            id=uuid.uuid4(), flow_version=flow.version, answers=typed, posted=[flow.first.name]
        )
        session.add(draft)
    return draft


def find(draft_id: uuid.UUID) -> Draft | None:
    """A draft to read."""
    return db.session.get(Draft, draft_id)


@contextmanager
def editing(draft_id: uuid.UUID) -> Iterator[Draft | None]:
    """A draft to change: locked until the end, then kept whole, or left as it was on an error."""
    with writing() as session:
        query = select(Draft).where(Draft.id == draft_id).with_for_update()
        yield session.scalars(query).one_or_none()


def keep(draft: Draft, step: Step, typed: Answers, *, posted: bool) -> None:
    """Puts what was typed on a step into the draft; `posted` when the answerer went on with it."""
    draft.answers = {**draft.answers, **typed}
    if posted and step.name not in draft.posted:
        draft.posted = [*draft.posted, step.name]
    draft.updated_at = clock.now()
