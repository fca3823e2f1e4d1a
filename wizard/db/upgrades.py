"""Answers that are stored in an older version of the flow, read as the current one has them.

Nothing is written by reading: `flow_version` remains that of the stored answers.
"""

from collections.abc import Collection
from itertools import product
from typing import Any

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm.attributes import flag_modified, set_committed_value

from .models import Draft, Proposal, Submission, SubmissionVersion


def listen() -> None:
    """Upgrade every row with answers from now on; it costs each row that is read."""
    models = (Draft, Proposal, Submission, SubmissionVersion)
    for model, name in product(models, ("load", "refresh")):
        if not event.contains(model, name, upgrade_loaded):
            event.listen(model, name, upgrade_loaded)


def upgrade_loaded(
    row: Draft | Proposal | Submission | SubmissionVersion,
    context: Any,
    attributes: Collection[str] | None = None,
) -> None:
    """Upgrade the answers, and the completed steps, of a row that was just loaded."""
    if "answers" not in (vars(row) if attributes is None else attributes):
        return
    flow = current_app.extensions["flow"]
    if row.flow_version < flow.version and row.flow == flow.name:
        steps = row.completed_steps if isinstance(row, Draft | Proposal) else ()
        answers, steps = flow.upgrade(row.flow_version, row.answers, steps)
        set_committed_value(row, "answers", answers)
        if isinstance(row, Draft | Proposal):
            set_committed_value(row, "completed_steps", list(steps))


def store_version(draft: Draft | Proposal) -> None:
    """Store what is answered in the current version, even where it is as it was read."""
    draft.flow_version = current_app.extensions["flow"].version
    for name in ("answers", "completed_steps"):
        flag_modified(draft, name)
