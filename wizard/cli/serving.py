"""Serving, and the work that goes on behind it."""

import logging
import signal
import sys
import threading
from datetime import timedelta
from types import FrameType

import click
import waitress
from flask import current_app
from flask.cli import with_appcontext

from .. import checks, clock, drafts, logs, outbox, reports, resuming, sign_in
from ..extensions import db

POLL = 2.0
"""Seconds between two looks into the outbox."""
THREADS = 4
"""Python runs one at a time; with more of them each waits longer for its turn (measured: with 8,
the slowest hundredth of the steps takes a third longer than with 4)."""
CONNECTIONS = 1000
"""Open at once. One that is idle or slow costs no thread, only its place here; with the 100 that
waitress takes by itself, a hundred slow ones would keep everybody else out."""

log = logging.getLogger(__name__)


def tidy_up() -> tuple[int, int]:
    """Deletes what is over and reminds of what soon is; how many drafts of each."""
    deleted, reminded = drafts.purge(), resuming.remind()
    reports.remind()
    sign_in.purge_expired()
    log.info("drafts: %d deleted, %d reminded", deleted, reminded)
    return deleted, reminded


def deliver_until(stopped: threading.Event, tidy: bool = False) -> None:
    """Sends what is due, again and again, and once a day tidies up the drafts if told to.

    A store or mail folder out of reach is waited for.
    """
    next_tidying = clock.now()
    while not stopped.wait(POLL):
        try:
            outbox.deliver_due(stopped.is_set)
            if tidy and clock.now() >= next_tidying:
                tidy_up()
                next_tidying = clock.now() + timedelta(days=1)
        except Exception:
            log.exception("the background work failed; trying again")
        finally:
            db.session.remove()


@click.command("serve")
@with_appcontext
def serve() -> None:
    """Serves the program, and sends its messages in the background."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    logs.write_to_stderr(app.config["ENV"] == "production")
    for line in checks.warnings(app.config, clock.today()):
        log.warning(line)
    _ = app.secret_key  # a new installation makes its secret now, not in a request
    host, port = app.config["HOST"], app.config["PORT"]
    stopped = threading.Event()

    def deliver_in_background() -> None:
        with app.app_context():
            deliver_until(stopped, tidy=True)

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    worker = threading.Thread(target=deliver_in_background, name="outbox")
    worker.start()
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    click.echo(f"Open http://{shown}:{port}")
    where = "its mail server" if app.config["SMTP_URL"] else f"files in {outbox.mail_folder()}"
    click.echo(f"Mail goes to {where}")
    try:
        waitress.serve(
            app,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],
            clear_untrusted_proxy_headers=not app.config["TRUSTED_PROXIES"],
            _quiet=True,
        )
    finally:
        stopped.set()
        worker.join()
