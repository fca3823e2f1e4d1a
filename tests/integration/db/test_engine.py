"""Tests of transactions and stored text."""

import errno
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from sqlalchemy import NullPool, create_engine, func, insert, select, text
from sqlalchemy.exc import OperationalError

from tests.complete_form import complete_form, form_data
from tests.conftest import load_case
from tests.factories import add_submission
from wizard import create_app
from wizard.apply import drafts
from wizard.config import sqlite
from wizard.db import engine
from wizard.db.engine import db, reading, writing
from wizard.db.models import Contact, Draft, MailMessage, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.submissions.cases import locked_case

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def test_writing_in_open_transaction_raises(app):
    with app.app_context():
        db.session.get(Draft, uuid.uuid4())
        with pytest.raises(RuntimeError, match="only reads"), writing():
            pass


def test_nested_reading_is_part_of_the_outer_one(app):
    with app.app_context():
        with reading(snapshot=True) as outer:
            with reading() as inner:
                inner.get(Draft, uuid.uuid4())
            assert outer.in_transaction()
        assert not outer.in_transaction()
        with writing():
            pass


def test_unusual_text_is_stored_unchanged(app):
    awkward = {"text": "\x00 \ud83d 😀 \u202e e\u0301 \\u0041 '; DROP TABLE draft; --"}
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), awkward).id
    with app.app_context():
        assert drafts.find(draft_id).answers == awkward


@on_postgresql
def test_statement_is_prepared_unless_it_is_a_list(app):
    query = select(func.count(Draft.id))
    with app.app_context():
        db.engine.dispose()  # one new connection is used from here on
    for _ in range(8):  # psycopg prepares what was executed five times
        with app.test_request_context(), reading() as session:
            session.execute(query)
            session.execute(query.limit(1))
    with app.app_context(), reading() as session:
        prepared = session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    counts = [each for each in prepared if "count(draft.id)" in each]
    assert len(counts) == 1 and "LIMIT" not in counts[0]


@contextmanager
def other_thread_writing(app):
    """Hold a transaction open in another thread until the block ends."""
    began, ended = threading.Event(), threading.Event()

    def write() -> None:
        with app.app_context(), writing():
            began.set()
            ended.wait(3)

    with ThreadPoolExecutor(1) as threads:
        work = threads.submit(write)
        began.wait(3)
        try:
            yield
        finally:
            ended.set()
        work.result()


@on_sqlite
def test_write_lock_timeout_is_503(app, monkeypatch):
    monkeypatch.setattr(engine, "WRITE_TIMEOUT_SECONDS", 0.1)
    client, case = app.test_client(), load_case("agency")
    page = complete_form(client, case, until="contact")
    path = page.path.replace("contact", "organization")
    typed = form_data(COMMITMENT.steps["organization"], case | {"city": "Tampa"})
    with other_thread_writing(app):
        busy = client.send(path, typed)
    assert (busy.status, busy.response.headers["Retry-After"]) == (503, "10")
    assert busy.values()["city"] == ["Tampa"]
    assert client.post(path, data=busy.values()).status_code == 303


@on_sqlite
def test_others_write_while_one_waits_for_the_disk(app, monkeypatch):
    synced: list[int] = []

    def write() -> int:
        with app.app_context():
            drafts.start_draft(uuid.uuid4(), {})
            return os.stat(f"{db.engine.url.database}-wal").st_ino

    def sync(number: int) -> None:
        synced.append(os.fstat(number).st_ino)
        if len(synced) == 1:
            with ThreadPoolExecutor(1) as other:
                assert other.submit(write).result(10)

    monkeypatch.setattr(engine, "sync_file", sync)
    assert [write()] * 2 == synced


@on_sqlite
def test_disk_that_fails_is_503_and_form_can_be_resent(app, monkeypatch):
    client, case = app.test_client(), load_case("agency")
    page = complete_form(client, case, until="review")
    data = page.values() | form_data(COMMITMENT.steps["review"], case)

    def fail(number: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(engine, "sync_file", fail)
        assert client.post(page.path, data=data).status_code == 503
    assert client.post(page.path, data=data).location.endswith("/done")
    with app.app_context():
        assert db.session.scalar(select(func.count(Submission.id))) == 1


@on_postgresql
def test_lost_connection_is_replaced(app):
    count = select(func.count(Draft.id))

    def lose_connection() -> None:
        own = db.session.scalar(select(func.pg_backend_pid()))
        with db.engine.connect() as other:
            other.execute(select(func.pg_terminate_backend(own)))
        with pytest.raises(OperationalError):
            db.session.scalar(count)

    with app.app_context():
        lose_connection()
        engine.end_session()
        with reading():
            lose_connection()
        assert db.session.scalar(count) == 0


@on_postgresql
@pytest.mark.parametrize("unseen", [False, True], ids=["told", "idle for long"])
def test_connection_that_ended_in_the_pool_is_replaced(app, monkeypatch, unseen):
    if unseen:  # as if a firewall had dropped it
        monkeypatch.setattr(engine, "_has_ended", lambda connection: False)
        monkeypatch.setattr(engine, "MAX_IDLE_SECONDS", -1)
    with app.app_context():
        with reading() as session:
            own = session.scalar(select(func.pg_backend_pid()))
        other = create_engine(db.engine.url, poolclass=NullPool)
        with other.connect() as connection:
            connection.execute(select(func.pg_terminate_backend(own, 5_000)))
        with reading() as session:
            assert session.scalar(select(func.pg_backend_pid())) != own


@contextmanager
def other_process_writing(app):
    """Hold SQLite's own lock inside the block; yield the function that ends it."""
    with app.app_context():
        other = sqlite.connect(db.engine.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield lambda: other.execute("COMMIT")
    finally:
        other.close()


@on_sqlite
def test_writing_begins_when_other_process_ends(app, monkeypatch):
    pauses = []
    with other_process_writing(app) as end:

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                end()

        monkeypatch.setattr(engine.time, "sleep", pause)
        with app.app_context(), writing() as session:
            waits = session.execute(text("PRAGMA busy_timeout")).scalar()
    assert pauses == [engine.WRITE_POLL_SECONDS] * 3
    assert waits == engine.WRITE_TIMEOUT_SECONDS * 1000


def give_up_writing(app) -> None:
    """Begin to write while another process writes, until that is refused."""
    with (
        other_process_writing(app),
        app.app_context(),
        pytest.raises(OperationalError, match="locked"),
        writing(),
    ):
        pass


@on_sqlite
def test_writing_gives_up_while_other_process_writes(app, monkeypatch):
    monkeypatch.setattr(engine, "WRITE_TIMEOUT_SECONDS", 0.05)
    give_up_writing(app)


@on_sqlite
def test_wait_for_threads_counts_in_the_wait_for_processes(app, monkeypatch):
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    def enter(lock: engine.WriteLock) -> None:
        wait(engine.WRITE_TIMEOUT_SECONDS - 1)

    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=wait))
    monkeypatch.setattr(engine.WriteLock, "__enter__", enter)
    monkeypatch.setattr(engine.WriteLock, "__exit__", lambda *_: None)
    give_up_writing(app)
    assert now[0] == pytest.approx(engine.WRITE_TIMEOUT_SECONDS, abs=0.1)


@on_sqlite
def test_write_lock_is_per_app(app, tmp_path):
    other = create_app({"INSTANCE_PATH": str(tmp_path / "other"), "TESTING": True})
    other_lock = other.extensions["sqlite_write_lock"]
    with other_thread_writing(app), other_lock:
        pass


@on_sqlite
def test_nested_writing_raises(app):
    def write_twice() -> None:
        with app.app_context(), writing(), app.app_context(), writing():
            pass

    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="wait for itself"):
        threads.submit(write_twice).result(timeout=3)
    with app.app_context(), writing():
        pass


def execute_beside(statement) -> None:
    """Execute a statement in another transaction, which waits for no lock."""
    with db.engine.begin() as other:
        other.execute(text("SET LOCAL lock_timeout = '50ms'"))
        other.execute(statement)


@on_postgresql
def test_locked_row_can_be_referred_to_and_not_be_locked(app):
    reference, address = add_submission(app), "ann@example.org"
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), {}).id
        with locked_case(reference) as found:
            named = insert(Contact).values(submission_id=found.id, role="second", email=address)
            execute_beside(named)
            with pytest.raises(OperationalError, match="lock timeout"):
                execute_beside(engine.lock_rows(select(Submission)))
        with drafts.locked_draft(draft_id):
            about = {"draft_id": draft_id, "recipient": address, "message_id": "<resume@x>"}
            execute_beside(insert(MailMessage).values(kind="resume", **about))
