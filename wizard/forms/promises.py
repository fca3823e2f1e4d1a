"""The state of a promise: an entry of a group with a date, as of a day. Facts, and no score.

A state is never stored. It follows from what was promised and what was approved, by the first rule
of `STATES` that holds; `submissions/promises.py` says the same in SQL.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from .conditions import Answers
from .flow import Flow
from .groups import Group
from .messages import Declaration

SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Promise:
    """An entry of the newest version, by its id and the name of its group.

    `due_on` is the newest date, `first_due_on` that of the version first published. `done_on` and
    `dropped_on` are set once staff approved a report that says so. `submitted_on` is the day of the
    submission.
    """

    entry_id: str
    group: str
    topic: str
    due_on: date
    first_due_on: date
    submitted_on: date
    done_on: date | None = None
    dropped_on: date | None = None


@dataclass(frozen=True, slots=True)
class State(Declaration):
    """What a state is called, its sign, and the rule by which a promise has it."""

    label: str
    sign: str
    rule: str

    translatable = ("label", "rule")


STATES: Mapping[str, State] = {
    "dropped": State(
        "Dropped", "✕", "The organization said that it won’t do this. The reason is next to it."
    ),
    "done": State("Done", "✓", "The organization said that it is done, and program staff agreed."),
    "already_released": State(
        "Already released", "✓", "Its date was before the organization made this commitment."
    ),
    "overdue": State(
        "Overdue", "!", "Its date has passed, and the organization hasn’t reported that it is done."
    ),
    "delayed": State("Delayed", "→", "The organization gave a later date than the first one."),
    "due_soon": State("Due soon", "○", "It is due within 30 days."),
    "due_later": State("Due later", "○", "It is due in more than 30 days."),
}
"""The states by code, in the order in which their rules are tried."""
KEPT = ("done", "already_released")


def state_of(promise: Promise, today: date) -> str:
    """Return the code of a promise's state on a day."""
    if promise.dropped_on:
        return "dropped"
    if promise.done_on:
        return "done"
    if promise.due_on < promise.submitted_on:
        return "already_released"
    if promise.due_on < today:
        return "overdue"
    if promise.due_on > promise.first_due_on:
        return "delayed"
    return "due_soon" if promise.due_on <= today + SOON else "due_later"


def days_late(promise: Promise, today: date) -> int:
    """Return by how many days a promise was done late, or is overdue; 0 if it is in time."""
    end = promise.done_on or (today if state_of(promise, today) == "overdue" else promise.due_on)
    return max(0, (end - promise.due_on).days)


def promised_groups(flow: Flow) -> tuple[Group, ...]:
    """Return the groups whose entries are promises, since they have a date."""
    return tuple(group for group in flow.groups if group.due)


def promised_entries(flow: Flow, answers: Answers) -> Iterator[tuple[Group, Answers]]:
    """Yield each entry that is a promise, with its group."""
    for group in promised_groups(flow):
        for entry in answers.get(group.name, ()):
            if group.due in entry and "id" in entry:
                yield group, entry


def count_states(promises: Iterable[Promise], today: date) -> Counter[str]:
    """Return the number of promises in each state."""
    return Counter(state_of(promise, today) for promise in promises)
