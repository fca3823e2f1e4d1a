"""The promises of a published commitment, each with its state and what was said about it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from .. import clock
from ..db.models import Submission
from ..forms import promises
from ..forms.groups import ENTRY_ID, Group
from ..forms.messages import Message
from ..forms.outputs import entry_label
from ..forms.promises import (
    Promise,
    Update,
    days_after_first,
    days_late,
    find_replaced_delay,
    state_of,
)
from ..forms.reports import OUTCOME_LABELS
from ..forms.timeline import ReportedUpdate
from ..submissions.promises import approved_updates, list_promises
from ..web.current import current_flow

UPDATE = Message("Update")
"""What an old report with words alone is called."""


@dataclass(frozen=True, slots=True)
class ShownPromise:
    """A promise for a reader; `days` is by how many it is late, `answers` are its other answers.

    `url` is where to see it: what was reported, or promised. `delay` is the report that led to its
    date, if a newer one took the place of its words.
    """

    promise: Promise
    title: str
    code: str
    label: str
    days: int
    url: str
    answers: Sequence[tuple[str, str]]
    delay: Update | None = None

    @property
    def is_timed(self) -> bool:
        """Return True if it was done after it was submitted, so that its date says something."""
        done_on = self.promise.done_on
        return done_on is not None and done_on >= self.promise.submitted_on

    @property
    def days_after_first(self) -> int:
        """By how many days it was done after its first date, if that was put off."""
        return days_after_first(self.promise)

    @property
    def kept_on(self) -> date | None:
        """The day on which it was kept, if it is; of what was released before, its date."""
        return self.promise.due_on if self.code == "already_released" else self.promise.done_on


def describe_promises(found: Submission, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the promises by group, their sum and what was reported, the oldest first."""
    today, updates = clock.today(), approved_updates(found)
    shown: dict[str, list[ShownPromise]] = {}
    for group, promise in _listed(found):
        row = _show(group, promise, record.get(group.name, ()), today)
        row = replace(row, delay=find_replaced_delay(promise, [each for _, each in updates]))
        shown.setdefault(group.name, []).append(row)
    groups = [group for group in promises.public_groups(current_flow()) if group.name in shown]
    rows = [row for each in shown.values() for row in each]
    counts = promises.count_states([row.promise for row in rows], today)
    by_entry = {row.promise.entry_id: (group, row) for group in groups for row in shown[group.name]}
    return {
        "promised": [(group, shown[group.name]) for group in groups],
        "tally": promises.tally(groups, counts) if rows else None,
        "reported": list(_reported(updates, by_entry)),
    }


def _listed(found: Submission) -> Iterator[tuple[Group, Promise]]:
    groups = {group.name: group for group in promises.public_groups(current_flow())}
    for promise in list_promises([found.id]).get(found.id, ()):
        if promise.group in groups:
            yield groups[promise.group], promise


def _show(
    group: Group, promise: Promise, entries: Sequence[Mapping[str, Any]], today: date
) -> ShownPromise:
    state = state_of(promise, today)
    entry = next((each for each in entries if each.get(ENTRY_ID) == promise.entry_id), {})
    fields = [each for each in group.fields if each.name not in (group.title, group.due)]
    url = promise.url or entry.get(group.link, "")
    return ShownPromise(
        promise,
        promise.title or entry_label(group, (promise.place or 0) + 1),
        state,
        group.kept if state == "done" else promises.STATES[state].label,
        days_late(promise, today),
        url,
        [
            (each.label, each.display(entry[each.name]))
            for each in fields
            if entry.get(each.name, url) != url
        ],
    )


def _reported(
    updates: Iterable[tuple[datetime, Update]], by_entry: Mapping[str, tuple[Group, ShownPromise]]
) -> Iterator[ReportedUpdate]:
    for at, update in updates:
        if update.entry_id in by_entry:
            group, row = by_entry[update.entry_id]
            is_done = update.outcome == "done"
            label = group.kept if is_done else OUTCOME_LABELS.get(update.outcome, UPDATE)
            topic = _public_topic(group, row.promise)
            yield ReportedUpdate(clock.local(at), row.title, label, update, topic)


def _public_topic(group: Group, promise: Promise) -> str:
    """Return the topic of a promise in words; empty if it has none, or a private one."""
    field = next((each for each in group.fields if each.name == group.topic), None)
    return field.display(promise.topic) if field and field.public and promise.topic else ""
