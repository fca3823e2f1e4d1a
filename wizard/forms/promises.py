"""The state of a promise: an entry of a group with a date, as of a day. Facts, and no score.

A state is never stored. It follows from what was promised and what was approved, by the first rule
of `STATES` that holds; `submissions/promises.py` says the same in SQL.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from .conditions import Answers
from .flow import Flow
from .groups import ENTRY_ID, Group
from .messages import Declaration, Message, join_messages

DUE_SOON_PERIOD = timedelta(days=30)


OUTCOMES = ("on_track", "done", "delayed", "dropped")
"""What an organization can report about a promise."""


@dataclass(frozen=True, slots=True)
class Promise:
    """An entry of the newest version, or one that a correction removed after it was published.

    `group` is the name of its group; `place` counts from 0 in there, and is None once removed.
    `due_on` is the newest date, `first_due_on` that of the version first published. `done_on` and
    `dropped_on` are set once staff approved a report that says so. `submitted_on` is the day of the
    submission. `url`, `words` and `reported_on` are from the newest approved report. If a
    correction that gives a reason removed the entry, `words` are that, and `reported_on` is None.
    """

    entry_id: str
    group: str
    topic: str
    due_on: date
    first_due_on: date
    submitted_on: date
    done_on: date | None = None
    dropped_on: date | None = None
    place: int | None = 0
    title: str = ""
    url: str = ""
    words: str = ""
    reported_on: date | None = None

    @property
    def was_released(self) -> bool:
        """Return True if it was promised as something that is there already.

        A correction that moves a date that was still to come to the past is no release.
        """
        return max(self.due_on, self.first_due_on) < self.submitted_on

    @property
    def is_kept(self) -> bool:
        """Return True if its state, on any day, is one of `KEPT_STATES`."""
        is_released = self.done_on is not None or self.was_released
        return is_released and self.dropped_on is None


@dataclass(frozen=True, slots=True)
class DatedVersion:
    """A version of the answers, the day it was made, and why.

    `slips` are the ids of entries whose date before was a slip, so that the new one is the first.
    """

    answers: Answers
    day: date
    reason: str = ""
    slips: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Update:
    """An approved report on one entry: an outcome of `OUTCOMES`, or none with words alone.

    `day` is when it was done, or the new date of a delay; `promised_on` was the entry's date then.
    """

    entry_id: str
    outcome: str
    reported_on: date
    day: date | None = None
    promised_on: date | None = None
    url: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class State(Declaration):
    """What a state is called, its icon, and the rule by which a promise has it."""

    label: str
    icon: str
    rule: str

    translatable = ("label", "rule")


STATES: Mapping[str, State] = {
    "dropped": State(
        "Dropped",
        "✕",
        "The organization said that it won’t do this. If it gave a reason, it’s shown with the "
        "promise.",
    ),
    "done": State("Done", "✓", "The organization said that it is done, and program staff agreed."),
    "already_released": State(
        "Already released", "✓", "Its date was before the organization made this promise."
    ),
    "overdue": State(
        "Overdue", "!", "Its date has passed, and the organization hasn’t reported that it is done."
    ),
    "delayed": State("Delayed", "→", "The organization gave a later date than the first one."),
    "due_soon": State("Due soon", "○", "It is due within 30 days."),
    "due_later": State("Due later", "○", "It is due in more than 30 days."),
}
"""The states by code, in the order in which their rules are tried."""
KEPT_STATES = ("done", "already_released")
NOT_DUE_STATES = ("due_later", "due_soon", "delayed")
"""The states of promises whose date is still to come."""
LINE_ORDER = (*KEPT_STATES, "overdue", "due_soon", "delayed", "due_later", "dropped")
"""The states from left to right on a line: what is past, then what is to come."""
KEPT_SUMMARY = Message("%(kept)s of %(total)s promises kept")
"""How many promises are kept, if they are of several groups."""
EXCEPTIONS: Mapping[str, Message] = {
    "overdue": Message("%(number)s overdue"),
    "delayed": Message("%(number)s delayed"),
    "dropped": Message("%(number)s dropped"),
}
"""What a summary adds to the number of kept promises."""


def state_of(promise: Promise, today: date) -> str:
    """Return the code of a promise's state on a day."""
    if promise.dropped_on:
        return "dropped"
    if promise.done_on:
        return "done"
    if promise.was_released:
        return "already_released"
    if promise.due_on < today:
        return "overdue"
    if promise.due_on > promise.first_due_on:
        return "delayed"
    return "due_soon" if promise.due_on <= today + DUE_SOON_PERIOD else "due_later"


def days_late(promise: Promise, today: date) -> int:
    """Return by how many days a promise was done late, or is overdue; 0 if it is in time.

    What was done before it was submitted was neither in time nor late.
    """
    if promise.done_on and promise.done_on < promise.submitted_on:
        return 0
    end = promise.done_on or (today if state_of(promise, today) == "overdue" else promise.due_on)
    return max(0, (end - promise.due_on).days)


def days_after_first(promise: Promise) -> int:
    """Return how many days after its first date a promise was done, if a later one took its place;
    0 otherwise."""
    if not promise.done_on or promise.due_on <= promise.first_due_on:
        return 0
    return max(0, (promise.done_on - promise.first_due_on).days)


def promised_groups(flow: Flow) -> tuple[Group, ...]:
    """Return the groups whose entries are promises, since they have a date."""
    return tuple(group for group in flow.groups if group.due)


def shows_promises(group: Group) -> bool:
    """Return True if the entries of a group are promises that anyone may read."""
    visible = [field for field in group.fields if field.name in (group.due, group.title)]
    return group.public and bool(group.due) and all(field.public for field in visible)


def public_groups(flow: Flow) -> tuple[Group, ...]:
    """Return the groups whose promises anyone may read."""
    return tuple(group for group in flow.groups if shows_promises(group))


def promised_entries(flow: Flow, answers: Answers) -> Iterator[tuple[Group, int, Answers]]:
    """Yield each entry that is a promise, with its group and its place in there."""
    for group in promised_groups(flow):
        for place, entry in enumerate(answers.get(group.name, ())):
            if group.due in entry:
                yield group, place, entry


def removes_promise(flow: Flow, before: Answers, after: Answers) -> bool:
    """Return True if answers lack a promise of those before that anyone may read."""
    old, new = (
        {entry[ENTRY_ID] for group, _, entry in promised_entries(flow, each) if group in shown}
        for shown in [public_groups(flow)]
        for each in (before, after)
    )
    return not old <= new


def derive_promises(
    flow: Flow, submitted_on: date, revisions: Sequence[DatedVersion], updates: Iterable[Update]
) -> list[Promise]:
    """Return the promises of a commitment: those of its newest version, then those removed.

    `revisions` are the version first published and all after it, or the newest alone if it was
    never published. `updates` are in the order in which they were reported.
    """
    by_entry: dict[str, list[Update]] = {}
    for update in updates:
        by_entry.setdefault(update.entry_id, []).append(update)
    newest: dict[str, Promise] = {}
    removed: dict[str, Promise] = {}
    for revision in revisions:
        before, newest = newest, {}
        for group, place, entry in promised_entries(flow, revision.answers):
            entry_id, due_on = entry[ENTRY_ID], date.fromisoformat(entry[group.due])
            old = before.pop(entry_id, None) or removed.pop(entry_id, None)
            is_first = old is None or entry_id in revision.slips
            newest[entry_id] = Promise(
                entry_id=entry_id,
                group=group.name,
                topic=str(entry.get(group.topic, "")),
                due_on=due_on,
                first_due_on=due_on if is_first or old is None else old.first_due_on,
                submitted_on=submitted_on,
                place=place,
                title=str(entry.get(group.title, "")),
            )
        for entry_id, old in before.items():
            removed[entry_id] = replace(
                old, place=None, dropped_on=revision.day, words=revision.reason
            )
    found = [*newest.values(), *removed.values()]
    return [_add_updates(promise, by_entry.get(promise.entry_id, ())) for promise in found]


def _add_updates(promise: Promise, updates: Sequence[Update]) -> Promise:
    """Return a promise as its updates have it: the newest one counts, and a delay until the
    organization corrects the date itself. What is done stays done if a correction removes it."""
    if not updates:
        return promise
    outcomes = [update for update in updates if update.outcome]
    last = outcomes[-1] if outcomes else updates[-1]
    is_done = last.outcome == "done"
    removed_on = None if is_done else promise.dropped_on
    return replace(
        promise,
        due_on=_delayed_date(promise.due_on, outcomes),
        done_on=min(last.day or last.reported_on, last.reported_on) if is_done else None,
        dropped_on=last.reported_on if last.outcome == "dropped" else removed_on,
        url=next((update.url for update in reversed(updates) if update.url), ""),
        words=promise.words or updates[-1].words,
        reported_on=None if promise.words else updates[-1].reported_on,
    )


def _delayed_date(declared_on: date, updates: Iterable[Update]) -> date:
    """Return the date that the newest delay leads to; the declared one if none counts.

    A delay counts if its date before was the declared one, or one that an earlier delay led to.
    """
    dates = [declared_on]
    for update in updates:
        if update.outcome == "delayed" and update.day and update.promised_on in dates:
            dates.append(update.day)
    return dates[-1]


def find_replaced_delay(promise: Promise, updates: Iterable[Update]) -> Update | None:
    """Return the newest delay of a promise if its date is still that one, and a newer update took
    the place of the reason that it gave."""
    own = [update for update in updates if update.entry_id == promise.entry_id]
    delay = next((each for each in reversed(own) if each.outcome == "delayed"), None)
    if delay is None or delay is own[-1] or not delay.words:
        return None
    return delay if delay.day == promise.due_on else None


def count_states(promises: Iterable[Promise], today: date) -> Counter[str]:
    """Return the number of promises in each state."""
    return Counter(state_of(promise, today) for promise in promises)


@dataclass(frozen=True, slots=True)
class Tally:
    """The promises of a commitment, or of many, in numbers: by state, and in words."""

    counts: Mapping[str, int]
    sentence: Message

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def kept(self) -> int:
        return sum(self.counts.get(state, 0) for state in KEPT_STATES)

    @property
    def not_due(self) -> int:
        return sum(self.counts.get(state, 0) for state in NOT_DUE_STATES)

    @property
    def parts(self) -> Iterator[tuple[str, int, int]]:
        """The parts of a line: a state, its number, and how many are left of it."""
        left = 0
        for state in LINE_ORDER:
            if number := self.counts.get(state, 0):
                yield state, number, left
                left += number


def tally(groups: Collection[Group], counts: Mapping[str, int]) -> Tally:
    """Sum up the promises of some groups by state, such as *2 of 5 released, 1 overdue*."""
    kept_of = {group.kept_of for group in groups}
    template = kept_of.pop() if len(kept_of) == 1 else KEPT_SUMMARY
    kept = sum(counts.get(state, 0) for state in KEPT_STATES)
    total = sum(counts.values())
    parts = [Message(template, kept=f"{kept:,}", total=f"{total:,}")]
    for state, text in EXCEPTIONS.items():
        if number := counts.get(state, 0):
            parts.append(Message(text, number=f"{number:,}"))
    return Tally(counts, join_messages(", ", parts))
