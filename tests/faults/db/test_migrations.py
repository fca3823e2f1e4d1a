"""Serve the previous version on today's database, as an upgrade does."""

import io
import subprocess
import tarfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.attack.conftest import app_of
from tests.conftest import load_case
from tests.factories import add_conversation, add_published, add_submission, staff_client
from tests.faults.browser import Browser, stored_rows
from tests.server import ROOT, Server, running_server
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage, Submission
from wizard.submissions.cases import change_status, locked_case

pytestmark = pytest.mark.slow
MIGRATIONS = Path("wizard/migrations/versions")
FIRST_NEW = "0011_conversation.py"
"""The first migration that the previous version, which serves until this one does, has not."""


def git(*arguments: str) -> bytes:
    """Return what git prints about this checkout; skip the test if it has no history."""
    result = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True)
    if result.returncode:
        pytest.skip("not in a git checkout with history")
    return result.stdout


@pytest.fixture
def version_before(tmp_path):
    """Return a folder with the program as it was before `FIRST_NEW` was written."""
    (*_, added) = git("log", "--diff-filter=A", "--format=%H", "--", MIGRATIONS / FIRST_NEW).split()
    before = f"{added.decode()}^"
    folder = tmp_path / "before"
    with tarfile.open(fileobj=io.BytesIO(git("archive", before))) as files:
        files.extractall(folder, filter="data")
    assert FIRST_NEW not in {path.name for path in (folder / MIGRATIONS).iterdir()}
    return folder


def test_version_before_serves_migrated_database(database_url, tmp_path, version_before):
    case = load_case("agency")
    with running_server(database_url, tmp_path, root=version_before) as server:
        before = Browser(server)
        receipt = before.complete_form(case)
        draft = before.start("agency")
        reference = stored_rows(server, "submission")[0]["reference"]
    with running_server(database_url, tmp_path) as server:
        person = Browser(server)
        person.cookies = before.cookies
        assert reference in person.open("GET", receipt)[2]
        assert person.open("GET", f"{draft}/organization")[0] == 200
        program = app_of(server)
        for name in ("submissions.csv", "data-sets.csv"):
            assert reference in program.test_cli_runner().invoke(args=["export", name]).stdout
        with program.app_context():
            db.engine.dispose()
        person.complete_form(case)
    with running_server(database_url, tmp_path, root=version_before) as server:
        again = Browser(server)
        again.cookies = person.cookies
        assert reference in again.open("GET", receipt)[2]
        again.complete_form(case)
        assert len(stored_rows(server, "submission")) == 3


CONVERSATION = ("event", "submission_version", "proposal", "contact")
"""The tables that the previous version does not know."""


def await_rows(server, tables: Collection[str], expected: Callable[[list], bool]) -> list:
    """Return the rows of the tables once they are as expected, or after 30 seconds as they are."""
    for _ in range(300):
        rows = [dict(row) for table in tables for row in stored_rows(server, table)]
        if expected(rows):
            break
        time.sleep(0.1)
    return rows


def close_database(app) -> None:
    """Close the connections of this process before a server opens the file.

    `stored_rows` uses another SQLite library, and closing a file ends the locks of both.
    """
    with app.app_context():
        db.engine.dispose()


def was_tried(row: Mapping[str, Any]) -> bool:
    """Return True if the message was sent, or sending it failed."""
    return bool(row["sent_at"] or row["attempts"])


def act_as_staff(staff: Browser, reference: str, action: str, **data: str) -> int:
    """Post an action of a case with its token and version; return the status."""
    case = f"/staff/submissions/{reference}"
    hidden = dict(staff.hidden_fields(f"{case}/erase" if action == "erase" else case))
    return staff.open("POST", f"{case}/{action}", list((hidden | data).items()))[0]


def test_version_before_keeps_conversation(database_url, tmp_path, version_before):
    """Give it one of each thing that it does not know, and let it change cases meanwhile."""
    server = Server(database_url, tmp_path)
    app, office = app_of(server), Actor("office@example.gov")
    asked = add_submission(app, status="changes_requested")
    left, public, withdrawn = (
        add_published(app, at=datetime(2026, 3, 1, tzinfo=UTC)) for _ in range(3)
    )
    erased = add_submission(app, status="accepted")
    for reference in (asked, left, public, withdrawn, erased):
        add_conversation(app, reference, f"whisper-{reference}")
    with app.app_context(), locked_case(withdrawn) as submission:
        change_status(submission, "withdrawn", office, reason="We merged")
    with app.app_context(), writing() as session:
        session.execute(update(MailMessage).values(sent_at=clock.now()))
        its = select(Submission.id).where(Submission.reference == public)
        about = {"submission_id": session.scalars(its).one(), "recipient": "a@example.org"}
        for kind in ("confirmation", "published"):
            session.add(MailMessage(**about, kind=kind, message_id=f"<{public}.{kind}@x.org>"))
    staff_client(app, "admin")
    staff = Browser(server)
    staff.cookies["staff"] = '"token of admin@example.gov"'
    close_database(app)
    before = {table: stored_rows(server, table) for table in CONVERSATION}

    server.root = version_before
    with running(server):
        for path in ("/", "/commitments", f"/commitments/{public}", "/commitments.atom"):
            assert staff.open("GET", path)[0] == 200, path
        files = ("commitments.csv", "commitments.json", "staff/export/submissions.jsonl")
        for path in files:
            status, _, text = staff.open("GET", f"/{path}")
            assert (status, public in text) == (200, True), path
            assert (asked in text) == (withdrawn in text) == path.startswith("staff"), path
        listed = staff.open("GET", "/staff/submissions")[2]
        for reference in (asked, left, public, withdrawn, erased):
            status, _, text = staff.open("GET", f"/staff/submissions/{reference}")
            assert (status, reference in listed) == (200, True), reference
        assert "changes_requested" in staff.open("GET", f"/staff/submissions/{asked}")[2]
        assert act_as_staff(staff, left, "status", to="withdrawn") == 303
        assert act_as_staff(staff, erased, "erase") == 303
        rows = await_rows(server, ("message",), lambda rows: all(map(was_tried, rows)))
        assert {row["kind"] for row in rows if not row["sent_at"]} == {"published"}
    assert {table: stored_rows(server, table) for table in CONVERSATION} == before

    server.root = ROOT
    with app.app_context(), writing() as session:
        session.execute(update(MailMessage).values(next_attempt_at=clock.now()))
    close_database(app)
    with running(server):
        pages = {each: staff.open("GET", f"/commitments/{each}") for each in (left, withdrawn)}
        assert [page[0] for page in pages.values()] == [200, 200]
        assert "Withdrawn on" in pages[left][2] and "We merged" in pages[withdrawn][2]
        for reference in (asked, left, public, withdrawn, erased):
            assert staff.open("GET", f"/staff/submissions/{reference}")[0] == 200
        rows = await_rows(server, ("message",), lambda rows: all(row["sent_at"] for row in rows))
        assert [row["last_error"] for row in rows if not row["sent_at"]] == []
        rows = await_rows(server, CONVERSATION, lambda rows: f"whisper-{erased}" not in str(rows))
    assert f"whisper-{erased}" not in str(rows)
    for reference in (asked, left, public, withdrawn):
        assert str(rows).count(f"whisper-{reference}") == 7


@contextmanager
def running(server: Server) -> Iterator[None]:
    """Run a server inside the block."""
    server.start()
    try:
        yield
    finally:
        server.stop()
