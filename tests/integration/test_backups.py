"""A backup is one moment of the store, taken while it serves; put back, it is all there."""

import sqlite3
import stat
import threading

import pytest
from flask_migrate import downgrade
from sqlalchemy import select

from tests.conftest import create_database, load_case, migrate, postgres_url
from tests.integration.test_mail import old_failure
from tests.staff import add_submission, colleague, events
from tests.walk import walk
from wizard.accounts.audit import COMMAND_LINE, record
from wizard.db.engine import db, writing
from wizard.db.models import StaffSession, Submission
from wizard.notify import outbox
from wizard.ops import backups


def everything(app):
    """Every row of the store, by table; times as they are stored."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in db.metadata.sorted_tables
        }


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request, make_app, tmp_path):
    """A program on a fresh store, of the same kind as the first one or of the other."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    url = f"sqlite:///{folder / 'wizard.sqlite'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        name = f"fresh_{abs(hash(str(tmp_path)))}"
        create_database(server, name)
        url = postgres_url(server, name)
    migrate(url, folder)
    return make_app(DATABASE_URL=url, INSTANCE_PATH=str(folder))


def write(app, file):
    with app.app_context():
        return backups.write_backup(file)


def restore(app, file):
    with app.app_context():
        return backups.restore_backup(file)


def test_all_of_a_store_is_there_again_on_either_kind(app, client, fresh, case, tmp_path):
    walk(client, case)
    add_submission(app, "partner", organization_name="Peñasco 🌵 Verde")
    before = everything(app)
    write(app, tmp_path / "store.backup")
    assert stat.S_IMODE((tmp_path / "store.backup").stat().st_mode) == 0o600
    restore(fresh, tmp_path / "store.backup")
    after = everything(fresh)
    changed = {"audit_event", "message"}
    assert {name for name in before if before[name] != after[name]} <= changed
    assert [event.action for event in events(fresh)] == ["backed_up", "restored"]
    with fresh.app_context():
        add_submission(fresh)  # PostgreSQL counts on where the backup ended


def test_after_a_restore_nothing_is_sent_until_an_operator_says_so(app, client, fresh, tmp_path):
    walk(client, load_case("agency"))
    write(app, tmp_path / "store.backup")
    with app.app_context():
        assert outbox.deliver_due() == 1  # it goes out after the backup
    restore(fresh, tmp_path / "store.backup")
    with fresh.app_context():
        assert outbox.deliver_due() == 0
        (held,) = outbox.unsent()
        assert "may have been sent" in held.last_error
        db.session.remove()
        assert outbox.retry() == 1
        assert outbox.deliver_due() == 1


def test_restore_holds_back_messages_of_the_version_before(app, fresh, tmp_path):
    old_failure(app, failed_at=None, last_error=None)
    write(app, tmp_path / "store.backup")
    restore(fresh, tmp_path / "store.backup")
    with fresh.app_context():
        assert outbox.deliver_due() == 0
        (held,) = outbox.unsent()
        assert "may have been sent" in held.last_error


def test_after_a_restore_nobody_is_signed_in(app, fresh, tmp_path):
    colleague(app, "admin")
    write(app, tmp_path / "store.backup")
    restore(fresh, tmp_path / "store.backup")
    with fresh.app_context():
        assert db.session.scalars(select(StaffSession)).all() == []


def test_a_backup_is_one_moment_however_much_is_written_meanwhile(app, fresh, tmp_path):
    """Each writer adds two events in one transaction: both are in, or none."""
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

    writers = [threading.Thread(target=write_on) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for number in range(5):
            write(app, tmp_path / f"{number}.backup")
    finally:
        stopped.set()
        for writer in writers:
            writer.join()
    restore(fresh, tmp_path / "4.backup")
    seen = [event.subject.split()[0] for event in events(fresh, "noted")]
    assert seen.count("before") == seen.count("after") > 0


def test_a_file_that_exists_is_not_written_over(app, tmp_path):
    (tmp_path / "kept").write_text("dear")
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "kept")])
    assert (result.exit_code, (tmp_path / "kept").read_text()) == (1, "dear")
    assert "name a new file" in result.output


def test_a_backup_that_breaks_off_leaves_no_file_that_looks_whole(app, tmp_path, monkeypatch):
    def broken(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(backups, "_copy", broken)
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "store.backup")])
    assert (result.exit_code, "No space left" in result.output) == (1, True)
    assert not (tmp_path / "store.backup").exists()


def test_a_store_in_use_takes_no_backup(app, tmp_path):
    add_submission(app)
    write(app, tmp_path / "store.backup")
    result = app.test_cli_runner().invoke(args=["restore", str(tmp_path / "store.backup")])
    assert (result.exit_code, "This store is in use" in result.output) == (1, True)
    with app.app_context():
        assert len(db.session.scalars(select(Submission)).all()) == 1


def test_a_store_of_another_version_is_not_backed_up_in_part(app, tmp_path):
    with app.app_context():
        downgrade(revision="-1")
        db.engine.dispose()
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "store.backup")])
    assert (result.exit_code, "migrate it first" in result.output) == (1, True)


def test_a_backup_of_another_version_says_what_to_do(app, fresh, tmp_path):
    write(app, tmp_path / "store.backup")
    with sqlite3.connect(tmp_path / "store.backup") as file:
        file.execute("UPDATE alembic_version SET version_num = '0001'")
    file.close()
    result = fresh.test_cli_runner().invoke(args=["restore", str(tmp_path / "store.backup")])
    assert (result.exit_code, "flask db upgrade" in result.output) == (1, True)


@pytest.mark.parametrize("content", [None, b"", b"no store at all" * 100])
def test_what_is_no_backup_is_said_to_be_none(app, tmp_path, content):
    file = tmp_path / "store.backup"
    if content is not None:
        file.write_bytes(content)
    result = app.test_cli_runner().invoke(args=["restore", str(file)])
    assert result.exit_code == 1
    assert "There is no" in result.output or "is no backup" in result.output


def test_both_commands_work_as_the_manual_says(app, fresh, tmp_path):
    add_submission(app)
    file = str(tmp_path / "store.backup")
    said = app.test_cli_runner().invoke(args=["backup", file])
    assert (said.exit_code, "2 rows" in said.output) == (0, True)  # and what the log says of it
    said = fresh.test_cli_runner().invoke(args=["restore", file])
    assert (said.exit_code, "2 rows" in said.output) == (0, True)


def test_a_backup_goes_through_a_pipe_where_a_command_has_no_folder_to_write_to(app, fresh):
    add_submission(app)
    written = app.test_cli_runner().invoke(args=["backup", "-"])
    assert (written.exit_code, "2 rows" in written.stderr) == (0, True)
    said = fresh.test_cli_runner().invoke(args=["restore", "-"], input=written.stdout_bytes)
    assert (said.exit_code, "2 rows" in said.output) == (0, True)
    with fresh.app_context():
        assert len(db.session.scalars(select(Submission)).all()) == 1


def test_what_comes_out_of_a_pipe_and_is_no_backup_is_said_to_be_none(fresh):
    said = fresh.test_cli_runner().invoke(args=["restore", "-"], input=b"no store at all" * 100)
    assert (said.exit_code, "is no backup" in said.output) == (1, True)
