"""Serving, and the work that goes on behind it."""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import click
import waitress
from flask import Flask, current_app
from flask.cli import with_appcontext

from .. import checks, clock
from ..accounts import sign_in
from ..apply import drafts, resume
from ..db.engine import db
from ..notify import email, outbox
from ..submissions import progress_reports
from ..web import logs

POLL_SECONDS = 2.0
"""Between two looks into the outbox."""
JOBS: dict[str, Callable[[], int]] = {
    "drafts deleted": drafts.purge_expired,
    "drafts reminded": resume.send_reminders,
    "commitments reminded": progress_reports.send_reminders,
    "sessions ended": sign_in.purge_expired,
}
"""What is done once a day, by what its result counts."""
THREADS = 4
"""Python runs one at a time; with more of them each waits longer for its turn (measured: with 8,
the slowest hundredth of the steps takes a third longer than with 4)."""
MAX_CONNECTIONS = 1000
"""Open at once. One that is idle or slow costs no thread, only its place here; with the 100 that
waitress takes by itself, a hundred slow ones would keep everybody else out."""

log = logging.getLogger(__name__)


class DailyJobs:
    """The jobs of each day, and when each of them runs next."""

    def __init__(self) -> None:
        self.next_at = dict.fromkeys(JOBS, clock.now())

    def run_due(self) -> dict[str, int]:
        """Run each job that is due; return how much each did. What fails is not in it."""
        done = {}
        for name in [name for name, at in self.next_at.items() if at <= clock.now()]:
            try:
                done[name] = JOBS[name]()
            except Exception:
                log.exception("%s failed; trying again in an hour", name)
            wait = timedelta(days=1) if name in done else timedelta(hours=1)
            self.next_at[name] = clock.now() + wait
            db.session.remove()
        if done:
            log.info("%s", ", ".join(f"{name}: {count}" for name, count in done.items()))
        return done


def run_worker(stopped: threading.Event) -> None:
    """Send what is due, again and again."""
    repeat_until(stopped, lambda: outbox.deliver_due(stopped.is_set))


def repeat_until(stopped: threading.Event, work: Callable[[], object]) -> None:
    """Do some work every `POLL_SECONDS`. A store or mail folder out of reach is waited for."""
    while not stopped.wait(POLL_SECONDS):
        try:
            work()
        except Exception:
            log.exception("the background work failed; trying again")
        finally:
            db.session.remove()


def start_workers(app: Flask, stopped: threading.Event) -> list[threading.Thread]:
    """Start a thread for the outbox and one for the daily jobs: neither waits for the other."""

    def run(work: Callable[[threading.Event], None]) -> None:
        with app.app_context():
            work(stopped)

    def run_jobs(stopped: threading.Event) -> None:
        repeat_until(stopped, DailyJobs().run_due)

    workers = [
        threading.Thread(target=run, args=[work], name=name)
        for name, work in (("outbox", run_worker), ("daily jobs", run_jobs))
    ]
    for worker in workers:
        worker.start()
    return workers


@click.command("serve")
@with_appcontext
def serve() -> None:
    """Serves the program, and sends its messages in the background."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    logs.configure_logging(app.config["ENV"] == "production")
    for line in checks.warnings(app.config, clock.today()):
        log.warning(line)
    _ = app.secret_key  # a new installation makes its secret now, not in a request
    host, port = app.config["HOST"], app.config["PORT"]
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    workers = start_workers(app, stopped)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    click.echo(f"Open http://{shown}:{port}")
    where = "its mail server" if app.config["SMTP_URL"] else f"files in {email.mail_folder()}"
    click.echo(f"Mail goes to {where}")
    try:
        waitress.serve(
            app,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=MAX_CONNECTIONS,
            asyncore_use_poll=True,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],
            clear_untrusted_proxy_headers=not app.config["TRUSTED_PROXIES"],
            _quiet=True,
        )
    finally:
        stopped.set()
        for worker in workers:
            worker.join()
