"""Tests of the daily jobs: small transactions, and one job that fails stops no other."""

import errno
import uuid
from contextlib import contextmanager
from datetime import timedelta
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from sqlalchemy import event, func, select

from wizard import clock
from wizard.accounts import accounts, sign_in
from wizard.accounts.audit import COMMAND_LINE
from wizard.apply import drafts, resume
from wizard.db.accounts import SignInThrottle, StaffSession, StaffUser
from wizard.db.engine import WRITE_BATCH_SIZE, db, writing
from wizard.db.models import Draft, Submission
from wizard.notify import outbox
from wizard.ops import job_lock, serve
from wizard.submissions import reminders

MANY = 2 * WRITE_BATCH_SIZE + 1
"""Rows that take three transactions to process."""


def add_drafts(age_days: int) -> None:
    """Add `MANY` drafts with an email address, last changed `age_days` ago."""
    at = clock.now() - timedelta(days=age_days)
    with writing() as session:
        session.add_all(
            Draft(
                flow_version=1,
                answers={},
                completed_steps=[],
                updated_at=at,
                link_email=f"{n}@x.example",
            )
            for n in range(MANY)
        )


def add_commitments() -> None:
    """Add `MANY` submissions that were accepted more than a year ago."""
    at = clock.now() - timedelta(days=400)
    with writing() as session:
        session.add_all(
            Submission(
                reference=f"PDI-{n}",
                draft_id=uuid.uuid4(),
                flow_version=1,
                branch="agency",
                status="accepted",
                answers={"contact_email": f"{n}@x.example"},
                submitted_at=at,
            )
            for n in range(MANY)
        )


def add_sessions() -> None:
    """Add `MANY` ended sessions and `MANY` expired failed attempts."""
    at = clock.now() - timedelta(days=2)
    with writing() as session:
        user = StaffUser(email="a@example.gov", role="viewer", password_hash="none")
        session.add(user)
        session.flush()
        for n in range(MANY):
            session.add(StaffSession(token_hash=f"{n}", user_id=user.id, created_at=at, seen_at=at))
            session.add(SignInThrottle(key=f"{n}", next_at=at))


@contextmanager
def counted_commits():
    """Yield a list that grows with every commit."""
    commits: list[object] = []

    def count(connection):
        commits.append(connection)

    event.listen(db.engine, "commit", count)
    try:
        yield commits
    finally:
        event.remove(db.engine, "commit", count)


@pytest.mark.parametrize(
    ("add", "job", "transactions"),
    [
        (lambda: add_drafts(55), resume.send_reminders, 3),
        (lambda: add_drafts(62), drafts.purge_expired, 3),
        (add_commitments, reminders.send_yearly, 3),
        (add_sessions, sign_in.purge_expired, 6),
    ],
    ids=["drafts.remind", "drafts.purge", "reports.remind", "sign_in.purge_expired"],
)
def test_long_daily_job_lets_other_writers_in(app, add, job, transactions):
    with app.app_context():
        add()
        with counted_commits() as commits:
            job()
        assert len(commits) >= transactions
        assert not job()  # nothing is left to do


def test_interrupted_reminders_continue_after_last_batch(app, monkeypatch):
    queue, queued = resume._queue, []

    def break_off(draft, address, *args):
        if len(queued) == WRITE_BATCH_SIZE + WRITE_BATCH_SIZE // 2:
            raise OSError("No space left on device")
        queued.append(address)
        queue(draft, address, *args)

    with app.app_context():
        add_drafts(55)
        monkeypatch.setattr(resume, "_queue", break_off)
        with pytest.raises(OSError, match="No space"):
            resume.send_reminders()
        monkeypatch.setattr(resume, "_queue", queue)
        assert resume.send_reminders() == MANY - WRITE_BATCH_SIZE
        reminded = select(func.count()).where(Draft.reminded_at.is_not(None))
        assert db.session.scalar(reminded) == MANY


def test_failed_daily_job_blocks_no_other_and_is_retried_hourly(app, monkeypatch, caplog):
    calls = []

    def broken():
        calls.append("broken")
        raise ValueError("a bad row")

    monkeypatch.setattr(serve, "JOBS", {"one": broken, "other": lambda: calls.append("other")})
    with app.app_context():
        jobs = serve.DailyJobs()
        assert jobs.run_due().keys() == {"other"}
        assert "one" in caplog.text
        assert jobs.run_due() == {}
        start = clock.now()
        monkeypatch.setattr(clock, "now", lambda: start + timedelta(hours=1))
        jobs.run_due()
        assert calls == ["broken", "other", "broken"]
        monkeypatch.setattr(clock, "now", lambda: start + timedelta(days=1))
        jobs.run_due()
        assert calls == ["broken", "other", "broken", "broken", "other"]


def test_hourly_job_runs_each_hour_and_is_logged_if_it_did_something(app, monkeypatch, caplog):
    counts = [0, 3]
    monkeypatch.setattr(serve, "JOBS", {"digests queued": lambda: counts.pop(0), "other": list})
    caplog.set_level("INFO", "wizard.ops.serve")
    with app.app_context():
        jobs, start = serve.DailyJobs(), clock.now()
        jobs.run_due()
        assert "digests" not in caplog.text and "other: []" in caplog.text
        monkeypatch.setattr(clock, "now", lambda: start + timedelta(hours=1, seconds=1))
        assert jobs.run_due() == {"digests queued": 3}
        assert "digests queued: 3" in caplog.text


def test_background_work_reads_the_staff_anew_each_time(app, monkeypatch):
    stopped, seen = serve.threading.Event(), []
    monkeypatch.setattr(serve, "POLL_SECONDS", 0.01)

    def work() -> None:
        seen.append(sorted(accounts.list_people()))
        with app.app_context():  # as another process does
            accounts.add_account(f"person{len(seen)}@example.gov", "viewer", COMMAND_LINE)
        if len(seen) == 3:
            stopped.set()

    with app.app_context():
        serve.repeat_until(stopped, work)
    assert [len(each) for each in seen] == [0, 1, 2]


def test_job_lock_is_of_one_process_until_released(app):
    with app.app_context():
        first, second = job_lock.make_job_lock(), job_lock.make_job_lock()
        assert [first.acquire(), second.acquire(), first.acquire()] == [True, False, True]
        first.release()
        assert [second.acquire(), first.acquire()] == [True, False]
        second.release()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_job_lock_opens_its_folder_once(app, monkeypatch):
    opened: list[str] = []

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    system = SimpleNamespace(open=lambda path, _: opened.append(path) or 99, O_RDONLY=0)
    monkeypatch.setattr(job_lock, "os", system)
    monkeypatch.setattr(job_lock.fcntl, "flock", refuse)
    with app.app_context():
        lock = job_lock.make_job_lock()
        for _ in range(2):
            with pytest.raises(OSError):
                lock.acquire()
    assert len(opened) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_job_lock_is_one_whatever_path_leads_to_the_database(app, tmp_path, make_app):
    (tmp_path / "link.sqlite").symlink_to(app.config["SQLALCHEMY_DATABASE_URI"].database)
    other = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/link.sqlite")
    with app.app_context():
        first = job_lock.make_job_lock()
        assert first.acquire()
    with other.app_context():
        assert not job_lock.make_job_lock().acquire()
    first.release()


def test_slow_mail_server_does_not_delay_daily_jobs(app, monkeypatch):
    """Start a mail server that never responds; assert that the jobs run meanwhile."""
    stopped, ran = serve.threading.Event(), serve.threading.Event()
    monkeypatch.setattr(serve, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(serve, "JOBS", {"job": ran.set})
    monkeypatch.setattr(serve.outbox, "deliver_due", lambda *functions: stopped.wait(30))
    with app.app_context():
        lock = job_lock.make_job_lock()
    workers = serve.start_workers(app, SimpleNamespace(is_serving=False), lock, stopped)
    try:
        assert ran.wait(10)
    finally:
        stopped.set()
        for worker in workers:
            worker.join()


@pytest.mark.one_store
@pytest.mark.parametrize(
    "is_serving, is_stopping, waits", [(False, False, 0), (True, True, 1), (True, False, 3)]
)
def test_next_message_waits_for_requests_until_its_turn(
    monkeypatch, is_serving, is_stopping, waits
):
    monkeypatch.setattr(serve, "MAX_PAUSES", 3)
    paused: list[float] = []
    stopped = SimpleNamespace(wait=lambda seconds: paused.append(seconds) or is_stopping)
    serve.let_requests_pass(SimpleNamespace(is_serving=is_serving), stopped)
    assert paused == waits * [serve.PAUSE_SECONDS]


def test_requests_pass_after_each_message(app, monkeypatch):
    stopped, pauses = serve.threading.Event(), SimpleQueue()
    monkeypatch.setattr(serve, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(serve, "JOBS", {})
    monkeypatch.setattr(serve, "let_requests_pass", lambda *given: pauses.put(given))
    with app.app_context():
        with writing():
            for name in "ab":
                outbox.queue_message("unknown", "office@example.gov", "en", name)
        lock = job_lock.make_job_lock()
    served = SimpleNamespace(is_serving=False)
    workers = serve.start_workers(app, served, lock, stopped)
    try:
        assert [pauses.get(timeout=10) for _ in "ab"] == 2 * [(served, stopped)]
    finally:
        stopped.set()
        for worker in workers:
            worker.join()


def test_purge_command_runs_every_job_and_reports_failure(app, monkeypatch):
    def broken():
        raise ValueError("a bad row")

    monkeypatch.setitem(serve.JOBS, "drafts reminded", broken)
    with app.app_context():
        add_drafts(62)
    result = app.test_cli_runner().invoke(args=["drafts", "purge"])
    assert result.exit_code == 1
    assert (
        f"Drafts deleted: {MANY}\n" in result.output and "drafts reminded failed" in result.output
    )
