"""The entries of submissions, each with its answers and the state of its promise, for exports."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import Engine, select

from ..db.batches import READ_BATCH_SIZE
from ..db.models import Submission
from ..forms import promises
from ..forms.conditions import Answers
from ..forms.fields import Field
from ..forms.flow import Flow
from ..forms.groups import ENTRY_ID, Group, add_entry_ids
from ..submissions.cases import REPORTABLE_STATUSES
from ..submissions.dictionary import PROMISE_COLUMNS, RECORD_COLUMNS
from ..submissions.promises import read_promises

Submitted = tuple[Any, ...]
"""The answers of a submission, then the columns of `RECORD_COLUMNS`."""
Entries = Mapping[str, Mapping[str, Answers]]
"""What is known of the entries of a submission, by the name of their group and by their id."""


def entry_fields(group: Group) -> tuple[Field, ...]:
    """Return what an export says about each entry: its answers, then the state of the promise."""
    return (*group.fields, *(PROMISE_COLUMNS if group.due else ()))


def read_entries(
    engine: Engine,
    flow: Flow,
    groups: Collection[Group],
    submitted: Iterable[Submitted],
    today: date,
) -> Iterator[tuple[Submitted, Entries]]:
    """Yield each submission with its entries in some groups, those that were removed last.

    Promises are read for many submissions at once. It needs no application context.
    """
    rest, promised = iter(submitted), [group for group in groups if group.due]
    while batch := list(islice(rest, READ_BATCH_SIZE)):
        known = select(Submission.id, Submission.reference).where(
            Submission.reference.in_([reference for _, reference, *_ in batch])
        )
        with engine.connect() as connection:
            ids = {reference: key for key, reference in connection.execute(known)}
            found = read_promises(connection, promised, ids.values())
        for submission in batch:
            rows = found.get(ids.get(submission[1], 0), ())
            yield submission, _join(flow, groups, submission, rows, today)


def _join(
    flow: Flow,
    groups: Collection[Group],
    submission: Submitted,
    rows: Iterable[promises.Promise],
    today: date,
) -> Entries:
    answers, *record = submission
    named = add_entry_ids(flow.groups, answers, record[0])
    status = record[list(RECORD_COLUMNS).index("status")]
    entries = {
        group.name: {entry[ENTRY_ID]: entry for entry in named.get(group.name, ())}
        for group in groups
    }
    by_name = {group.name: group for group in groups}
    for promise in rows:
        group = by_name[promise.group]
        entry = entries[group.name].get(promise.entry_id) or _removed_entry(group, promise)
        state = _promise_values(promise, status, today)
        entries[group.name][promise.entry_id] = {**entry, **state}
    return entries


def _removed_entry(group: Group, promise: promises.Promise) -> Answers:
    """Return what is known of an entry that a correction removed."""
    named = (group.title, promise.title), (group.topic, promise.topic)
    return {name: text for name, text in named if name and text}


def _promise_values(promise: promises.Promise, status: str, today: date) -> Answers:
    """Return the values of `PROMISE_COLUMNS`; the state only where it counts."""
    days = ("due_on", "first_due_on", "done_on", "dropped_on")
    values = {name: day.isoformat() for name in days if (day := getattr(promise, name))}
    if status in REPORTABLE_STATUSES:
        values["progress"] = promises.state_of(promise, today)
    return values
