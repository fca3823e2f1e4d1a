"""Made-up reports about promises, in bulk; the same seed gives the same ones."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import delete, insert, select, update

from wizard import clock
from wizard.db.batches import read_in_batches
from wizard.db.engine import db, writing
from wizard.db.models import Event, Submission
from wizard.db.promises import Progress, Promise
from wizard.db.upgrades import upgrade_submitted
from wizard.forms import promises
from wizard.forms.promises import OUTCOMES, DatedVersion, Update
from wizard.web.current import current_flow

OUTCOME_WEIGHTS = dict(zip(OUTCOMES, (5, 3, 2, 1), strict=True))
WORDS = {
    "on_track": "The columns are agreed upon, and the first months are in the table.",
    "done": "It is public, with a dictionary of its columns.",
    "delayed": '=The vendor\'s "export", which we need,\ncomes later.',
    "dropped": "The city ended the program that collects it.",
}
"""The words of reports; some would run as a formula, and need quotes in a CSV file."""


def fill_promises(reports: float, *, seed: int = 1) -> None:
    """Write the promises of all submissions, and approved reports: so many for each promise."""
    random, now = Random(seed), clock.now()  # noqa: S311
    query = select(
        Submission.id,
        Submission.reference,
        Submission.flow_version,
        Submission.answers,
        Submission.submitted_at,
        Submission.published_at,
    )
    events: list[dict[str, Any]] = []
    for rows in read_in_batches(db.engine, query, Submission.id):
        found: dict[type, list[dict[str, Any]]] = {Promise: [], Progress: [], Event: []}
        for row in rows:
            _add_rows(random, row, reports, now, found)
        events += found.pop(Event)
        ids = [row.id for row in rows]
        with writing() as session:
            for table in (Promise, Progress):  # those that `demo` made
                session.execute(delete(table).where(table.submission_id.in_(ids)))
            told = Event.submission_id.in_(ids), Event.kind == "progress_approved"
            session.execute(delete(Event).where(*told))
            for table, values in found.items():
                if values:
                    session.execute(insert(table), values)
            session.execute(
                update(Submission).where(Submission.id.in_(ids)).values(promises_at=now)
            )
    events.sort(key=lambda event: event["at"])  # their ids have the order of time
    with writing() as session:
        for place in range(0, len(events), 1_000):
            session.execute(insert(Event), events[place : place + 1_000])


def _add_rows(random: Random, row: Any, reports: float, now: datetime, found: Any) -> None:
    flow, made_on = current_flow(), clock.local(row.submitted_at).date()
    answers = upgrade_submitted(flow, row.reference, row.flow_version, row.answers)
    revisions = [DatedVersion(answers, made_on)]
    known = promises.derive_promises(flow, made_on, revisions, ())
    told = [
        (at, each)
        for promise in known
        if row.published_at and reports
        for at, each in _reports(random, promise, reports, row.published_at, now)
    ]
    told.sort(key=lambda pair: pair[0])
    about = {"submission_id": row.id}
    derived = promises.derive_promises(flow, made_on, revisions, [each for _, each in told])
    names = promises.Promise.__dataclass_fields__
    found[Promise] += [about | {name: getattr(each, name) for name in names} for each in derived]
    for at, each in told:
        found[Progress].append(about | _progress_row(at, each))
        data: dict[str, Any] = {"entries": [each.entry_id]}
        event = {"kind": "progress_approved", "at": at, "actor_kind": "staff", "data": data}
        found[Event].append(about | event | {"actor": "demo@example.org"})


def _reports(
    random: Random, promise: promises.Promise, most: float, start: datetime, now: datetime
) -> Iterator[tuple[datetime, Update]]:
    """Yield reports on a promise between its publication and now; none follows *dropped*."""
    due_on, count = promise.due_on, int(most) + (random.random() < most % 1)
    days: Sequence[float] = sorted(random.random() for _ in range(count))
    for share in days:
        at = start + share * max(now - start, timedelta())
        outcome = random.choices(OUTCOMES, list(OUTCOME_WEIGHTS.values()))[0]
        day, url = _day(random, outcome, due_on, clock.local(at).date()), ""
        if outcome == "done":
            url = f"https://data.example.gov/{promise.entry_id}"
        yield (
            at,
            Update(
                promise.entry_id,
                outcome,
                clock.local(at).date(),
                day,
                due_on,
                url,
                WORDS[outcome],
            ),
        )
        if outcome in ("done", "dropped"):
            return
        due_on = day if outcome == "delayed" and day else due_on


def _day(random: Random, outcome: str, due_on: date, reported_on: date) -> date | None:
    if outcome == "done":
        return reported_on - timedelta(days=random.randrange(20))
    if outcome == "delayed":
        return max(due_on, reported_on) + timedelta(days=random.randrange(10, 200))
    return None


def _progress_row(at: datetime, each: Update) -> dict[str, Any]:
    names = ("entry_id", "outcome", "promised_on", "day", "url", "words")
    decided = {"reported_at": at, "approved": True, "decided_at": at, "reply": ""}
    return {name: getattr(each, name) for name in names} | decided
