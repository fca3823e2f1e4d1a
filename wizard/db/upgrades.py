"""Answers that are stored in an older version of the flow, read as the current one has them.

Nothing is written by reading: `flow_version` remains that of the stored answers.
"""

from collections.abc import Collection
from itertools import product
from typing import Any

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm.attributes import flag_modified, set_committed_value

from .models import Draft, Submission


def listen() -> None:
    """Upgrade every draft and submission from now on; it costs each row that is read."""
    for model, name in product((Draft, Submission), ("load", "refresh")):
        if not event.contains(model, name, upgrade_loaded):
            event.listen(model, name, upgrade_loaded)


def upgrade_loaded(
    row: Draft | Submission, context: Any, attributes: Collection[str] | None = None
) -> None:
    """Upgrade the answers of a row, and the completed steps of a draft, that were just loaded."""
    if "answers" not in (vars(row) if attributes is None else attributes):
        return
    flow = current_app.extensions["flow"]
    if row.flow_version < flow.version and row.flow == flow.name:
        steps = row.completed_steps if isinstance(row, Draft) else ()
        answers, steps = flow.upgrade(row.flow_version, row.answers, steps)
        set_committed_value(row, "answers", answers)
        if isinstance(row, Draft):
            set_committed_value(row, "completed_steps", list(steps))


def store_version(draft: Draft) -> None:
    """Store a draft's answers in the current version, even where they are as they were read."""
    draft.flow_version = current_app.extensions["flow"].version
    for name in ("answers", "completed_steps"):
        flag_modified(draft, name)
