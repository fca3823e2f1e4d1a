"""Tests of backup and restore."""

import os
import shutil
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from flask_migrate import downgrade
from sqlalchemy import select

from tests.complete_form import complete_form
from tests.conftest import create_database, load_case, postgres_url
from tests.factories import add_old_failure, add_submission, audit_events, staff_client
from wizard.accounts.audit import COMMAND_LINE, record, record_event
from wizard.db.accounts import StaffSession
from wizard.db.engine import db, writing
from wizard.db.models import Submission
from wizard.notify import outbox, unsent
from wizard.ops import backups


def stored_rows(app):
    """Return every row of every table."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in db.metadata.sorted_tables
        }


@pytest.fixture(params=["other", pytest.param("same", marks=pytest.mark.slow)])
def fresh_app(request, make_app, database_url, tmp_path):
    """Return a program on an empty database, of the other kind or of the same."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    if database_url.startswith("sqlite") == (request.param == "same"):
        shutil.copy(request.getfixturevalue("migrated_sqlite"), folder / "wizard.sqlite")
        url = f"sqlite:///{folder / 'wizard.sqlite'}"
    else:
        server = request.getfixturevalue("postgres")
        name = f"fresh_{abs(hash(str(tmp_path)))}"
        create_database(server, f"{name} TEMPLATE {request.getfixturevalue('migrated_postgres')}")
        url = postgres_url(server, name)
    return make_app(DATABASE_URL=url, INSTANCE_PATH=str(folder))


def count_rows(app) -> str:
    """Return what a backup says it holds: all but the index, with the line about itself."""
    stored = {name: rows for name, rows in stored_rows(app).items() if name != "search_entry"}
    return f"{sum(map(len, stored.values())) + 1} rows"


def write_backup(app, file):
    with app.app_context():
        return backups.write_backup(file)


def restore_backup(app, file):
    with app.app_context():
        return backups.restore_backup(file)


def test_restore_returns_every_row_on_either_database(app, client, fresh_app, case, tmp_path):
    complete_form(client, case)
    add_submission(app, "partner", organization_name="Peñasco 🌵 Verde")
    before = stored_rows(app)
    write_backup(app, tmp_path / "store.backup")
    assert stat.S_IMODE((tmp_path / "store.backup").stat().st_mode) == 0o600
    restore_backup(fresh_app, tmp_path / "store.backup")
    after = stored_rows(fresh_app)
    changed = {"audit_event", "message", "search_entry"}  # indexed again by the daily job
    assert {name for name in before if before[name] != after[name]} <= changed
    assert [event.action for event in audit_events(fresh_app)] == ["backed_up", "restored"]
    with fresh_app.app_context():
        add_submission(fresh_app)  # PostgreSQL counts on where the backup ended


def test_restore_holds_unsent_messages(app, client, fresh_app, tmp_path):
    complete_form(client, load_case("agency"))
    write_backup(app, tmp_path / "store.backup")
    with app.app_context():
        assert outbox.deliver_due() == 1  # it goes out after the backup
    restore_backup(fresh_app, tmp_path / "store.backup")
    with fresh_app.app_context():
        assert outbox.deliver_due() == 0
        (held,) = unsent.unsent()
        assert "may already have been sent" in held.last_error
        db.session.remove()
        assert unsent.retry() == 1
        assert outbox.deliver_due() == 1


def test_restore_holds_messages_of_previous_version(app, fresh_app, tmp_path):
    add_old_failure(app, failed_at=None, last_error=None)
    write_backup(app, tmp_path / "store.backup")
    restore_backup(fresh_app, tmp_path / "store.backup")
    with fresh_app.app_context():
        assert outbox.deliver_due() == 0
        (held,) = unsent.unsent()
        assert "may already have been sent" in held.last_error


def test_restore_ends_sessions(app, fresh_app, tmp_path):
    staff_client(app, "admin")
    write_backup(app, tmp_path / "store.backup")
    restore_backup(fresh_app, tmp_path / "store.backup")
    with fresh_app.app_context():
        assert db.session.scalars(select(StaffSession)).all() == []


def test_backup_is_consistent_during_writes(app, fresh_app, tmp_path):
    """Each writer adds two events in one transaction; the backup holds both or neither."""
    stopped = threading.Event()

    def write_on():
        with app.app_context():
            number = 0
            while not stopped.is_set():
                number += 1
                with writing() as session:
                    record(COMMAND_LINE, "noted", f"before {number}")
                    session.flush()
                    record(COMMAND_LINE, "noted", f"after {number}")
                stopped.wait(0.002)  # of thousands of events, the backup is as consistent

    writers = [threading.Thread(target=write_on) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for number in range(5):
            write_backup(app, tmp_path / f"{number}.backup")
    finally:
        stopped.set()
        for writer in writers:
            writer.join()
    restore_backup(fresh_app, tmp_path / "4.backup")
    seen = [event.subject.split()[0] for event in audit_events(fresh_app, "noted")]
    assert seen.count("before") == seen.count("after") > 0


def test_backup_is_of_the_moment_it_began(app, tmp_path, monkeypatch):
    copy = backups._copy

    def write() -> None:
        with app.app_context():
            record_event(COMMAND_LINE, "noted")

    def copy_table(table, source, target):
        copied = copy(table, source, target)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(write).result()
        return copied

    monkeypatch.setattr(backups, "_copy", copy_table)
    write_backup(app, tmp_path / "store.backup")
    assert len(audit_events(app, "noted")) > 10
    with sqlite3.connect(tmp_path / "store.backup") as file:
        kept = file.execute("SELECT action FROM audit_event").fetchall()
    file.close()
    assert kept == [("backed_up",)]


def test_backup_overwrites_no_file(app, tmp_path):
    (tmp_path / "kept").write_text("dear")
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "kept")])
    assert (result.exit_code, (tmp_path / "kept").read_text()) == (1, "dear")
    assert "Choose a new file name" in result.output


def test_failed_backup_leaves_no_file(app, tmp_path, monkeypatch):
    def broken(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(backups, "_copy", broken)
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "store.backup")])
    assert (result.exit_code, "No space left" in result.output) == (1, True)
    assert not list(tmp_path.glob("*store.backup*"))


def test_restore_into_used_database_is_refused(app, tmp_path):
    add_submission(app)
    write_backup(app, tmp_path / "store.backup")
    result = app.test_cli_runner().invoke(args=["restore", str(tmp_path / "store.backup")])
    assert (result.exit_code, "The database isn’t empty" in result.output) == (1, True)
    with app.app_context():
        assert len(db.session.scalars(select(Submission)).all()) == 1


def test_backup_of_unmigrated_database_is_refused(app, tmp_path):
    with app.app_context():
        downgrade(revision="-1")
        db.engine.dispose()
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "store.backup")])
    assert (result.exit_code, "db upgrade" in result.output) == (1, True)


def test_restore_of_other_version_says_what_to_do(app, fresh_app, tmp_path):
    write_backup(app, tmp_path / "store.backup")
    with sqlite3.connect(tmp_path / "store.backup") as file:
        file.execute("UPDATE alembic_version SET version_num = '0001'")
    file.close()
    result = fresh_app.test_cli_runner().invoke(args=["restore", str(tmp_path / "store.backup")])
    assert (result.exit_code, "the command `db upgrade`" in result.output) == (1, True)


@pytest.mark.parametrize("content", [None, b"", b"no store at all" * 100])
def test_invalid_backup_file_is_refused(app, tmp_path, content):
    file = tmp_path / "store.backup"
    if content is not None:
        file.write_bytes(content)
    result = app.test_cli_runner().invoke(args=["restore", str(file)])
    assert result.exit_code == 1
    says = "File not found: " if content is None else "isn’t a backup" if content else "is empty."
    assert says in result.output


def test_database_of_something_else_is_refused(app, tmp_path):
    file = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    result = app.test_cli_runner().invoke(args=["restore", str(file)])
    assert "This isn’t a backup of this program." in result.output


def test_backup_is_restored_from_a_named_pipe(app, fresh_app, tmp_path):
    add_submission(app)
    rows = count_rows(app)
    written = app.test_cli_runner().invoke(args=["backup", "-"])
    os.mkfifo(pipe := tmp_path / "pipe")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(pipe.write_bytes, written.stdout_bytes)
        said = fresh_app.test_cli_runner().invoke(args=["restore", str(pipe)])
    assert (said.exit_code, rows in said.output) == (0, True)


def test_backup_and_restore_commands_print_row_count(app, fresh_app, tmp_path):
    add_submission(app)
    rows = count_rows(app)
    file = str(tmp_path / "store.backup")
    said = app.test_cli_runner().invoke(args=["backup", file])
    assert (said.exit_code, rows in said.output) == (0, True)  # and what the log says of it
    said = fresh_app.test_cli_runner().invoke(args=["restore", file])
    assert (said.exit_code, rows in said.output) == (0, True)


def test_backup_and_restore_work_through_pipe(app, fresh_app):
    add_submission(app)
    rows = count_rows(app)
    written = app.test_cli_runner().invoke(args=["backup", "-"])
    assert (written.exit_code, rows in written.stderr) == (0, True)
    said = fresh_app.test_cli_runner().invoke(args=["restore", "-"], input=written.stdout_bytes)
    assert (said.exit_code, rows in said.output) == (0, True)
    with fresh_app.app_context():
        assert len(db.session.scalars(select(Submission)).all()) == 1


def test_invalid_backup_from_pipe_is_refused(fresh_app):
    said = fresh_app.test_cli_runner().invoke(args=["restore", "-"], input=b"no store at all" * 100)
    assert (said.exit_code, "Standard input isn’t a backup" in said.output) == (1, True)
