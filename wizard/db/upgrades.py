"""Answers that are stored in an older version of the flow, read as the current one has them.

Nothing is written by reading: `flow_version` remains that of the stored answers.
"""

from collections.abc import Collection
from typing import Any

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm.attributes import flag_modified, set_committed_value

from .models import Draft, Submission


@event.listens_for(Draft, "load")
@event.listens_for(Draft, "refresh")
@event.listens_for(Submission, "load")
@event.listens_for(Submission, "refresh")
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
