"""Measure the reminders of due promises: how long a transaction holds the store. See README.md."""

import argparse
import gc
import tempfile
import uuid
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time

from sqlalchemy import func, insert, select

from tests.conftest import load_case
from tests.load.page_times import make_app, new_database
from wizard import clock
from wizard.db.engine import WriteLock, db, writing
from wizard.db.models import MailMessage, Submission
from wizard.db.promises import Promise, ReminderStart
from wizard.flows.commitment import COMMITMENT
from wizard.submissions import reminders
from wizard.submissions.listing import index_columns

GOAL_MS = 50.0


class TimedLock(WriteLock):
    """The lock of the store, which remembers for how long it was held each time."""

    def __init__(self) -> None:
        super().__init__()
        self.held_ms: list[float] = []
        self.cpu_ms: list[float] = []
        self.since = self.cpu_since = 0.0

    def __enter__(self) -> None:
        super().__enter__()
        self.since, self.cpu_since = perf_counter(), thread_time()

    def __exit__(self, *error: object) -> None:
        self.held_ms.append((perf_counter() - self.since) * 1000)
        self.cpu_ms.append((thread_time() - self.cpu_since) * 1000)
        super().__exit__(*error)


def fill(count: int, due: int) -> None:
    """Store that many submissions with two promises each, of which the first `due` are to be
    reminded of."""
    answers, now, today = load_case("agency"), clock.now() - timedelta(days=200), clock.today()
    common = {"flow": COMMITMENT.name, "flow_version": COMMITMENT.version, "branch": "agency"}
    common |= {"submitted_at": now, "status": "published", "published_at": now}
    with writing() as session:
        session.add(ReminderStart(id=1, day=today - timedelta(days=30)))
        for number in range(count):
            reference = f"PDI-{number:08d}"
            given = answers | {"contact_email": f"desk{number}@example.org"}
            listed = index_columns(COMMITMENT, reference, given)
            row = {"reference": reference, "draft_id": uuid.UUID(int=number), "answers": given}
            session.add(Submission(**common, **row, **listed))
    with writing() as session:
        rows = [
            {
                "submission_id": submission_id,
                "entry_id": f"{place:08x}",
                "group": "data_sets",
                "place": place,
                "title": f"Data set {place}",
                "topic": "stops",
                "due_on": today + timedelta(days=25 if 2 * number + place < due else 300),
                "first_due_on": today,
                "submitted_on": now.date(),
                "url": "",
                "words": "",
            }
            for number, submission_id in enumerate(session.scalars(select(Submission.id)))
            for place in range(2)
        ]
        session.execute(insert(Promise), rows)


def main() -> None:
    """Send the reminders once, and once more, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=11_000, help="submissions")
    parser.add_argument("--due", type=int, default=10_000, help="promises to remind of")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        app = make_app(new_database(Path(made)), made)
        with app.app_context():
            fill(chosen.count, chosen.due)
            gc.collect()
            gc.freeze()  # as `serve` does
            for name in ("reminders", "nothing left to send"):
                lock = app.extensions["sqlite_write_lock"] = TimedLock()
                began = perf_counter()
                sent = reminders.send_due()
                seconds = perf_counter() - began
                held = lock.held_ms or [0.0]
                print(f"{name}: {sent:,} submissions in {seconds:.1f} s, {len(held)} transactions")
                print(f"  held the store for {median(held):.0f} ms, {max(held):.0f} ms at most;")
                cpu = lock.cpu_ms or [0.0]
                print(f"  CPU time in there: {median(cpu):.0f} ms, {max(cpu):.0f} ms at most")
                met = "met" if max(held) <= GOAL_MS else "MISSED"
                print(f"  goal at most {GOAL_MS:.0f} ms: {met}")
            with db.session() as session:
                print(f"{session.scalar(select(func.count(MailMessage.id))):,} messages")


if __name__ == "__main__":
    main()
