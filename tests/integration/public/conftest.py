"""Fixtures and helpers of the open data tests."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from tests.export_files import unescape_cell
from tests.factories import add_submission
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.engine import writing
from wizard.db.models import Submission

FILES = {
    "/commitments.csv": "text/csv; charset=utf-8",
    "/commitments/data-sets.csv": "text/csv; charset=utf-8",
    "/commitments/milestones.csv": "text/csv; charset=utf-8",
    "/commitments.json": "application/json",
    "/commitments/updates.csv": "text/csv; charset=utf-8",
    "/commitments.ics": "text/calendar; charset=utf-8",
    "/commitments/schema.json": "application/schema+json",
    "/commitments.atom": "application/atom+xml",
    "/data.json": "application/json",
    "/dcat-us-3.json": "application/ld+json",
    "/datapackage.json": "application/json",
}
COMMITMENT_FILES = [
    name
    for name in FILES
    if name
    not in ("/commitments/schema.json", "/data.json", "/dcat-us-3.json", "/datapackage.json")
]
OFFICE = Actor("office@example.gov", "127.0.0.1")


def add_commitment(app, case: str = "agency", *, at: datetime | None = None, **answers) -> str:
    """Store a published commitment; return its reference."""
    reference = add_submission(app, case, status="published", **answers)
    if at:
        update_columns(app, reference, published_at=at, first_published_at=at)
    return reference


def update_columns(app, reference: str, **columns) -> None:
    """Change stored columns of a submission."""
    with app.app_context(), writing() as session:
        of_it = Submission.reference == reference
        session.execute(update(Submission).where(of_it).values(columns))


def age_changes(app) -> None:
    """Date all changes an hour back."""
    with app.app_context(), writing() as session:
        session.execute(update(Submission).values(changed_at=clock.now() - timedelta(hours=1)))


def file_text(client, address: str) -> str:
    """Return the text of a file."""
    with client.get(address) as response:
        assert response.status_code == 200, address
        return response.get_data().decode("utf-8-sig")


def csv_rows(client, address: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file, each cell with its exact value."""
    table = csv.DictReader(io.StringIO(file_text(client, address), newline=""))
    return [{name: unescape_cell(cell) for name, cell in row.items()} for row in table]


def json_records(client) -> list[dict]:
    """Return the commitments of the JSON file."""
    return json.loads(file_text(client, "/commitments.json"))["commitments"]


@pytest.fixture
def both_commitments(app) -> list[str]:
    """Store one commitment of each branch; return their references, oldest first."""
    newer = add_commitment(app, "partner", at=datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC))
    return [add_commitment(app, "agency", at=datetime(2026, 1, 1, tzinfo=UTC)), newer]
