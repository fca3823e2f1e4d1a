"""Answers that are stored in an older version of the flow, read as the current one has them.

Nothing is written by reading: `flow_version` remains that of the stored answers. Entries that were
stored without an id get one, the same at each reading; the next save stores it.
"""

from collections.abc import Collection
from itertools import product
from typing import Any

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm.attributes import flag_modified, set_committed_value

from ..forms.conditions import Answers
from ..forms.flow import Flow
from ..forms.groups import add_entry_ids
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
    if row.flow != flow.name:
        return
    if isinstance(row, Submission):
        answers = upgrade_submitted(flow, row.reference, row.flow_version, row.answers)
    else:
        steps = row.completed_steps if isinstance(row, Draft | Proposal) else ()
        answers, steps = flow.upgrade(row.flow_version, row.answers, steps)
        answers = add_entry_ids(flow.groups, answers, str(row.id))
        if row.flow_version < flow.version and isinstance(row, Draft | Proposal):
            set_committed_value(row, "completed_steps", list(steps))
    if answers is not row.answers:
        set_committed_value(row, "answers", answers)


def upgrade_submitted(flow: Flow, reference: str, version: int, answers: Answers) -> Answers:
    """Return the stored answers of a submission as the current version of the flow has them."""
    answers, _ = flow.upgrade(version, answers)
    return add_entry_ids(flow.groups, answers, reference)


def store_version(draft: Draft | Proposal) -> None:
    """Store what is answered in the current version, even where it is as it was read."""
    draft.flow_version = current_app.extensions["flow"].version
    for name in ("answers", "completed_steps"):
        flag_modified(draft, name)
