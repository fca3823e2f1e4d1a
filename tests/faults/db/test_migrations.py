"""Serve the version before the newest migration on today's database, as an upgrade does."""

import io
import subprocess
import tarfile

import pytest

from tests.attack.conftest import app_of
from tests.conftest import load_case
from tests.faults.browser import Browser, stored_rows
from tests.server import ROOT, running_server
from wizard.db.engine import db

pytestmark = pytest.mark.slow
MIGRATIONS = "wizard/migrations/versions"


def git(*arguments: str) -> bytes:
    """Return what git prints about this checkout; skip the test if it has no history."""
    result = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True)
    if result.returncode:
        pytest.skip("not in a git checkout with history")
    return result.stdout


@pytest.fixture
def version_before(tmp_path):
    """Return a folder with the program as it was before the newest migration landed."""
    newest = max(path.name for path in (ROOT / MIGRATIONS).glob("*.py"))
    landed = git("log", "--diff-filter=A", "--format=%H", "--", f"{MIGRATIONS}/{newest}").split()
    before = f"{landed[-1].decode()}^" if landed else "HEAD"
    folder = tmp_path / "before"
    with tarfile.open(fileobj=io.BytesIO(git("archive", before))) as files:
        files.extractall(folder, filter="data")
    assert newest not in {path.name for path in (folder / MIGRATIONS).iterdir()}
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
