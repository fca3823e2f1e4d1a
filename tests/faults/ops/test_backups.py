"""Fill the disk under a backup, an export and a restore."""

import resource
import sqlite3
import subprocess

import pytest

from tests.integration.ops.test_mistakes import assert_refused, names_in, process_of, run_command
from tools import demo
from wizard import create_app
from wizard.db.engine import db

pytestmark = pytest.mark.slow
LIMIT_BYTES = 96 * 1024
"""Enough for SQLite's write-ahead log, but not for what the commands write."""


@pytest.fixture
def full_store(sqlite_url, tmp_path):
    """Fill a store with more than fits below the limit."""
    app = create_app({"DATABASE_URL": sqlite_url, "INSTANCE_PATH": str(tmp_path)})
    with app.app_context():
        demo.fill(150)
        db.engine.dispose()
    return tmp_path


def run_on_full_disk(folder, *command, **environment):
    """Run a command that can make no file larger than the limit (RLIMIT_FSIZE)."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))

    process = process_of(folder, *command, **environment)
    return subprocess.run(**process, capture_output=True, timeout=60, preexec_fn=limit)


@pytest.mark.parametrize("name", ["backup", "submissions.csv", "submissions.jsonl"])
def test_full_disk_leaves_no_file(full_store, name):
    before = names_in(full_store)
    target = str(full_store / "target")
    command = ["backup", target] if name == "backup" else ["export", name, "--output", target]
    assert_refused(run_on_full_disk(full_store, *command), target)
    assert names_in(full_store) == before


def test_full_disk_for_temporary_files_is_told(full_store):
    target = full_store / "target"
    command = ["export", "submissions.xlsx", "--output", str(target)]
    result = run_on_full_disk(full_store, *command, TMPDIR=str(full_store))
    assert_refused(result, f"{full_store}: File too large. Make room")
    assert not target.exists() and not list(full_store.glob("tmp*"))


def test_full_disk_keeps_an_earlier_export(full_store):
    (full_store / "target").write_text("dear")
    command = ["export", "submissions.csv", "--output", str(full_store / "target")]
    assert_refused(run_on_full_disk(full_store, *command), "Make room")
    assert (full_store / "target").read_text() == "dear"


def test_full_disk_restores_nothing(full_store, migrated_sqlite):
    assert run_command(full_store, "backup", str(full_store / "all.backup")).returncode == 0
    folder = full_store / "fresh"
    folder.mkdir()
    (folder / "wizard.sqlite").write_bytes(migrated_sqlite.read_bytes())
    result = run_on_full_disk(folder, "restore", str(full_store / "all.backup"))
    assert_refused(result, f"{folder}/wizard.sqlite")
    with sqlite3.connect(folder / "wizard.sqlite") as store:
        assert store.execute("SELECT count(*) FROM submission").fetchone() == (0,)
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store.close()


@pytest.mark.parametrize(
    "command", [["backup", "-"], ["export", "submissions.csv"], ["export", "dictionary.csv"]],
    ids=" ".join,
)  # fmt: skip
def test_full_disk_behind_pipe_is_told(full_store, command):
    with open("/dev/full", "wb") as full:
        process = process_of(full_store, *command)
        result = subprocess.run(**process, stdout=full, stderr=subprocess.PIPE)
    result.stdout = ""
    assert_refused(result, "No space left on device")


def test_reader_that_has_enough_ends_export_quietly(full_store):
    process = process_of(full_store, "export", "submissions.csv")
    with subprocess.Popen(**process, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        writer.stdout.close()
        assert writer.stderr.read() == ""
