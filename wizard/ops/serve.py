"""The server, and its background work."""

import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import click
import waitress
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from .. import checks, clock
from ..accounts import sign_in
from ..apply import drafts, resume
from ..db import failures
from ..db.engine import db, end_session, is_sqlite
from ..interrupts import INTERRUPTED
from ..notify import email, outbox
from ..staff import cases
from ..submissions import contacts, progress_reports, proposals
from ..web import logs
from .check import require_database
from .cli import Command, describe_os_error

POLL_SECONDS = 2.0
"""Pause of each background thread between two looks at its work."""
JOBS: dict[str, Callable[[], int]] = {
    "drafts deleted": drafts.purge_expired,
    "drafts reminded": resume.send_reminders,
    "commitments reminded": progress_reports.send_reminders,
    "requests for changes reminded": proposals.remind,
    "requests for changes ended": proposals.expire_changes,
    "sessions ended": sign_in.purge_expired,
    "contacts of older commitments stored": contacts.store_missing,
    "leftovers of deleted answers removed": cases.purge_after_erasure,
}
"""Daily jobs, by what the number that each returns counts."""
THREADS = 4
"""Python runs one at a time, so more threads wait longer for their turn (measured: the slowest 1 %
of the steps take a third longer with 8 than with 4)."""
MAX_CONNECTIONS = 1000
"""Open connections. An idle or slow one occupies no thread, only its place here; with waitress's
default of 100, a hundred slow clients would keep everybody else out."""
STOP_SECONDS = 32.0
"""Wait for the background work at the end: `email.SMTP_TIMEOUT_SECONDS` and a little. Requests have
had 5 seconds by then, and `deploy/` kills a process after 40."""

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
            wait = timedelta(days=1) if name in done else timedelta(hours=1)
            self.next_at[name] = clock.now() + wait
            end_session()
        if done:
            log.info("%s", ", ".join(f"{name}: {count}" for name, count in done.items()))
        return done


def repeat_until(stopped: threading.Event, work: Callable[[], object]) -> None:
    """Work every `POLL_SECONDS` until stopped; log an error and try again."""
    while not stopped.wait(POLL_SECONDS):
        try:
            work()
        except SQLAlchemyError as error:
            log.error("%s", failures.describe_failure(error))
        except Exception:
            log.exception("the background work failed; trying again")
        finally:
            end_session()


def start_workers(app: Flask, stopped: threading.Event) -> list[threading.Thread]:
    """Start one thread for the outbox and one for the daily jobs: neither waits for the other."""

    def run(work: Callable[[], object]) -> None:
        with app.app_context():
            repeat_until(stopped, work)

    works: dict[str, Callable[[], object]] = {
        "outbox": lambda: outbox.deliver_due(stopped.is_set),
        "daily jobs": DailyJobs().run_due,
    }
    workers = [
        threading.Thread(target=run, args=[work], name=name, daemon=True)
        for name, work in works.items()
    ]
    for worker in workers:
        worker.start()
    return workers


def lock_store() -> int | None:
    """Mark the SQLite file as served until this process ends; warn if it is already.

    The lock is on its folder, so that no file is left behind.
    """
    if not is_sqlite():
        return None
    folder = os.open(Path(str(db.engine.url.database)).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.warning(
            "Another process serves the database %s. Each counts rate limits by itself: stop one,"
            " or see docs/deploy.md for more than one process.",
            db.engine.url.database,
        )
    return folder


def create_server(app: Flask) -> Any:
    """Listen on the address of the settings. Raise a `ClickException` if that is impossible."""
    host, port = app.config["HOST"], app.config["PORT"]
    try:
        return waitress.create_server(
            app,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=MAX_CONNECTIONS,
            asyncore_use_poll=True,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],
            clear_untrusted_proxy_headers=not app.config["TRUSTED_PROXIES"],
        )
    except (OSError, ValueError) as error:  # a port in use, a bad host
        reason = describe_os_error(error) if isinstance(error, OSError) else f"{error}."
        text = f"Cannot listen on {host} port {port}: {reason} Change WIZARD_HOST or WIZARD_PORT."
        raise click.ClickException(text) from error


@click.command("serve", cls=Command)
@with_appcontext
def serve() -> None:
    """Run the site, and send email and run the daily jobs in the background."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    logs.configure_logging(app.config["ENV"] == "production")
    for line in checks.warnings(app.config, clock.today()):
        log.warning(line)
    if mismatch := require_database():
        log.warning("%s", mismatch)
    if not app.config["SMTP_URL"]:
        email.check_folder()
    _lock = lock_store()
    server = create_server(app)
    _ = app.secret_key  # create the key of a new installation now, not in a request
    status, stopped = 0, threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal status
        status = INTERRUPTED if number == signal.SIGINT else 0
        sys.exit(status)  # waitress catches it, and finishes the requests in progress

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    workers = start_workers(app, stopped)
    host, port = app.config["HOST"], app.config["PORT"]
    reachable = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    click.echo(f"Open http://{reachable}:{port}")
    smtp, folder = app.config["SMTP_URL"], email.mail_folder()
    click.echo(
        "Sending email through the mail server" if smtp else f"Saving email as files in {folder}"
    )
    try:
        server.run()
    finally:
        stop_workers(workers, stopped)
    sys.exit(status)


def stop_workers(workers: list[threading.Thread], stopped: threading.Event) -> None:
    """Let the background work end. After `STOP_SECONDS` a message stays claimed, and is sent after
    its lease."""
    stopped.set()
    end = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
