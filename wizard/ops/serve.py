"""The server, and its background work."""

import gc
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from .. import checks, clock
from ..accounts import invitations, sign_in
from ..apply import drafts, resume
from ..db import failures
from ..db.engine import db, end_session, is_sqlite
from ..notify import email, outbox
from ..staff import digest, erasure
from ..submissions import contacts, promises, proposals, reminders, search
from ..web import logs
from ..web.limits import limiter
from . import job_lock, processes, server
from .check import require_database
from .cli import Command, describe_os_error

POLL_SECONDS = 2.0
"""Pause of each background thread between two looks at its work."""
MAX_PAUSES, PAUSE_SECONDS = 100, 0.01
"""How often, and for how long each time, email waits for requests before the next message."""
JOBS: dict[str, Callable[[], int]] = {
    "drafts deleted": drafts.purge_expired,
    "drafts reminded": resume.send_reminders,
    "requests for changes ended": proposals.expire_changes,
    "requests for changes reminded": proposals.remind,
    "digests queued": digest.queue_digests,
    "sessions ended": sign_in.purge_expired,
    "links to join deleted": invitations.purge_ended,
    "contacts of older commitments stored": contacts.store_missing,
    "promises of older commitments stored": promises.store_missing,
    "commitments reminded of dates": reminders.send_due,
    "commitments reminded after a year": reminders.send_yearly,
    "leftovers of deleted answers removed": erasure.purge_after_erasure,
    "submissions indexed": search.index_stale,
}
"""Daily jobs, by what the number that each returns counts."""
HOURLY = ("digests queued",)
"""Those that run each hour, since they wait for one of them."""
STOP_SECONDS = 32.0
"""Wait for the background work at the end: `email.SMTP_TIMEOUT_SECONDS` and a little. Requests are
answered meanwhile, and `deploy/` kills a process after 40."""

log = logging.getLogger(__name__)


class DailyJobs:
    """The daily jobs, with the time at which each runs next."""

    def __init__(self) -> None:
        self.next_at = dict.fromkeys(JOBS, clock.now())

    def run_due(self) -> dict[str, int]:
        """Run the jobs that are due; return the result of each that succeeded."""
        done = {}
        due = [name for name, at in self.next_at.items() if at <= clock.now()]
        for name in due:
            try:
                done[name] = JOBS[name]()
            except Exception:
                log.exception("%s failed; trying again in an hour", name)
            is_daily = name in done and name not in HOURLY
            wait = timedelta(days=1) if is_daily else timedelta(hours=1)
            self.next_at[name] = clock.now() + wait
            end_session()
        counts = {name: count for name, count in done.items() if count or name not in HOURLY}
        if counts:
            log.info("%s", ", ".join(f"{name}: {count}" for name, count in counts.items()))
        return done


def repeat_until(stopped: threading.Event, work: Callable[[], object]) -> None:
    """Work every `POLL_SECONDS` until stopped; log an error and try again.

    What is kept for one request, such as the names of the staff, is read anew each time.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    while not stopped.wait(POLL_SECONDS):
        with app.app_context():
            try:
                work()
            except SQLAlchemyError as error:
                log.error("%s", failures.describe_failure(error))
            except Exception:
                log.exception("the background work failed; trying again")
            finally:
                end_session()


def let_requests_pass(served: server.Server, stopped: threading.Event) -> None:
    """Wait until no request is being answered, for at most `MAX_PAUSES`.

    A message takes as much CPU time as three requests, and people wait for requests.
    """
    for _ in range(MAX_PAUSES):
        if not served.is_serving or stopped.wait(PAUSE_SECONDS):
            return


def start_workers(
    app: Flask, served: server.Server, lock: job_lock.JobLock, stopped: threading.Event
) -> list[threading.Thread]:
    """Start one thread for the outbox and one for the daily jobs: neither waits for the other."""

    def run(work: Callable[[], object]) -> None:
        with app.app_context():
            try:
                repeat_until(stopped, work)
            finally:
                if work is works["daily jobs"]:
                    lock.release()

    jobs = DailyJobs()
    works: dict[str, Callable[[], object]] = {
        "outbox": lambda: outbox.deliver_due(
            stopped.is_set, lambda: let_requests_pass(served, stopped)
        ),
        "daily jobs": lambda: lock.acquire() and jobs.run_due(),
    }
    workers = [
        threading.Thread(target=run, args=[work], name=name, daemon=True)
        for name, work in works.items()
    ]
    for worker in workers:
        worker.start()
    return workers


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on the address of the settings. Raise a `ClickException` if that is impossible."""
    try:
        return server.bind_sockets(host, port)
    except (OSError, UnicodeError) as error:  # a port in use, a bad host
        reason = describe_os_error(error) if isinstance(error, OSError) else f"{error}."
        text = f"Cannot listen on {host} port {port}: {reason} Change WIZARD_HOST or WIZARD_PORT."
        raise click.ClickException(text) from error


@click.command("serve", cls=Command)
@click.option("--sockets", hidden=True, help="File descriptors of a process that others share.")
@with_appcontext
def serve(sockets: str | None) -> None:
    """Run the site, and send email and run the daily jobs in the background."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    logs.configure_logging(app.config["ENV"] == "production")
    lock = job_lock.make_job_lock()
    if sockets:
        bound = [socket.socket(fileno=int(number)) for number in sockets.split()]
        sys.exit(run_process(app, bound, lock, processes.report_ready))
    for line in checks.warnings(app.config, clock.today()):
        log.warning(line)
    if not limiter.storage.check():
        log.warning(logs.STORAGE_AWAY)
    if mismatch := require_database():
        log.warning("%s", mismatch)
    if not app.config["SMTP_URL"]:
        email.check_folder()
    if is_sqlite() and not lock.acquire():
        log.warning(
            "Another process serves a database in the folder of %s. If it is the same, each counts"
            " rate limits by itself: stop one, or see docs/deploy.md for more than one process."
            " If it is another, only that one has daily jobs: move one to a folder of its own.",
            db.engine.url.database,
        )
    bound = listen(app.config["HOST"], app.config["PORT"])
    _ = app.secret_key  # create the key of a new installation now, not in a request
    if app.config["WORKERS"] > 1:
        db.engine.dispose()
        lock.release()
        sys.exit(processes.Processes(app.config["WORKERS"], bound).run(announce))
    sys.exit(run_process(app, bound, lock, announce))


def local_url(host: str, port: int) -> str:
    """Return the address of the site for a browser on this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    reachable = everywhere.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def announce() -> None:
    """Say where the site is, now that it answers, and where email goes."""
    config = current_app.config
    click.echo(f"Open {local_url(config['HOST'], config['PORT'])}")
    folder = email.mail_folder()
    click.echo(
        "Sending email through the mail server"
        if config["SMTP_URL"]
        else f"Saving email as files in {folder}"
    )


def run_process(
    app: Flask, bound: list[socket.socket], lock: job_lock.JobLock, ready: Callable[[], None]
) -> int:
    """Serve in this process until a signal stops it; return the exit status."""
    status, stopped = 0, threading.Event()
    served = server.Server(app, bound)

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal status
        # After SIGHUP, systemd starts it again: the program as it is on disk.
        status = 0 if number == signal.SIGTERM else 128 + number
        stopped.set()
        served.stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    gc.collect()
    gc.freeze()  # else garbage is searched for in all that stays, for 0.1 s, in any transaction
    workers = start_workers(app, served, lock, stopped)
    ready()
    try:
        served.run()
    finally:
        stop_workers(workers, stopped)
    return status


def stop_workers(workers: list[threading.Thread], stopped: threading.Event) -> None:
    """Let the background work end. After `STOP_SECONDS` a message stays claimed, and is sent after
    its lease."""
    stopped.set()
    end = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
