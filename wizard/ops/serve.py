"""The server, and its background work."""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import click
import waitress
from flask import Flask, current_app
from flask.cli import with_appcontext

from .. import checks, clock
from ..accounts import sign_in
from ..apply import drafts, resume
from ..db.engine import end_session
from ..notify import email, outbox
from ..staff import cases
from ..submissions import progress_reports
from ..web import logs

POLL_SECONDS = 2.0
"""Pause of each background thread between two looks at its work."""
JOBS: dict[str, Callable[[], int]] = {
    "drafts deleted": drafts.purge_expired,
    "drafts reminded": resume.send_reminders,
    "commitments reminded": progress_reports.send_reminders,
    "sessions ended": sign_in.purge_expired,
    "leftovers of deleted answers removed": cases.purge_after_erasure,
}
"""Daily jobs, by what the number that each returns counts."""
THREADS = 4
"""Python runs one at a time, so more threads wait longer for their turn (measured: the slowest 1 %
of the steps take a third longer with 8 than with 4)."""
MAX_CONNECTIONS = 1000
"""Open connections. An idle or slow one occupies no thread, only its place here; with waitress's
default of 100, a hundred slow clients would keep everybody else out."""

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
    workers = [threading.Thread(target=run, args=[work], name=name) for name, work in works.items()]
    for worker in workers:
        worker.start()
    return workers


@click.command("serve")
@with_appcontext
def serve() -> None:
    """Run the site, and send email and run the daily jobs in the background."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    logs.configure_logging(app.config["ENV"] == "production")
    for line in checks.warnings(app.config, clock.today()):
        log.warning(line)
    _ = app.secret_key  # create the key of a new installation now, not in a request
    host, port = app.config["HOST"], app.config["PORT"]
    try:
        server = waitress.create_server(
            app,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=MAX_CONNECTIONS,
            asyncore_use_poll=True,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],
            clear_untrusted_proxy_headers=not app.config["TRUSTED_PROXIES"],
        )
    except (OSError, ValueError) as error:  # waitress raises them for a port in use or a bad host
        raise click.ClickException(f"Cannot listen on {host} port {port}: {error}.") from error
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    workers = start_workers(app, stopped)
    smtp, folder = app.config["SMTP_URL"], email.mail_folder()
    click.echo(
        "Sending email through the mail server" if smtp else f"Saving email as files in {folder}"
    )
    reachable = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    click.echo(f"Open http://{reachable}:{port}")
    try:
        server.run()
    finally:
        stopped.set()
        for worker in workers:
            worker.join()
