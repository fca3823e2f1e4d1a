"""Write the open data files of a made-up store to a folder, for `make check-data`."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from tests.load.page_times import make_app, new_database
from tools import demo
from wizard import clock
from wizard.db.engine import writing
from wizard.db.models import Submission
from wizard.db.promises import Progress, Promise
from wizard.public.open_data import entry_files
from wizard.public.open_data_views import FILES
from wizard.submissions.promises import store_missing, store_promises
from wizard.web.current import current_flow

COUNT = 200


def main(folder: Path) -> None:
    """Fill a store, report on some promises, and write every file."""
    with TemporaryDirectory() as made:
        app = make_app(new_database(Path(made)), made)
        with app.app_context():
            demo.fill(COUNT)
            store_missing()
            report_some()
            names = [*FILES, *(f"commitments/{name}.csv" for name in entry_files(current_flow()))]
        client = app.test_client()
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(client.get(f"/{name}").data)


def report_some() -> None:
    """Store approved updates of each outcome, and withdraw a commitment."""
    today = clock.today()
    told = {"done": today - timedelta(days=2), "delayed": today + timedelta(days=90)}
    with writing() as session:
        query = select(Submission).where(Submission.published_at.is_not(None)).limit(9)
        gone, *others = session.scalars(query.order_by(Submission.id)).all()
        gone.first_published_at, gone.published_at = gone.published_at, None
        gone.status, gone.changed_at = "withdrawn", datetime.now(UTC)
        for number, submission in enumerate(others):
            rows = select(Promise).where(Promise.submission_id == submission.id)
            for promise in session.scalars(rows.order_by(Promise.id)).all():
                outcome = ("done", "delayed", "dropped", "on_track")[number % 4]
                row = Progress(submission_id=submission.id, entry_id=promise.entry_id,
                               outcome=outcome, day=told.get(outcome), approved=True,
                               promised_on=promise.due_on, decided_at=clock.now(),
                               url="https://data.example.gov/a" * (outcome == "done"),
                               words='=1+1; "quoted",\nand a second line')  # fmt: skip
                session.add(row)
            session.flush()
            store_promises(submission)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
