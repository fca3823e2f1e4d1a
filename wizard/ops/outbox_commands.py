"""Commands for what waits: messages to be sent, drafts to end."""

import threading

import click
from flask.cli import AppGroup

from ..notify import outbox
from .serve import JOBS, DailyJobs, run_worker

outbox_commands = AppGroup("outbox", help="Messages that wait to be sent.")
drafts_commands = AppGroup("drafts", help="Answers that are being given.")


@outbox_commands.command("deliver")
@click.option("--watch", is_flag=True, help="Go on until stopped.")
def deliver(watch: bool) -> None:
    """Sends what is due."""
    if watch:
        run_worker(threading.Event())
        return
    sent = outbox.deliver_due()
    click.echo(f"{sent} sent, {outbox.queue_stats().waiting} still waiting")


@outbox_commands.command("list")
def list_messages() -> None:
    """What waits or was given up: when it goes next, how often it was tried, what went wrong."""
    for each in outbox.unsent():
        when = "given up" if each.failed_at else f"due {each.next_attempt_at:%Y-%m-%d %H:%M}Z"
        click.echo(f"{each.message_id}\t{when}\t{each.attempts} tries\t{each.last_error or ''}")


@outbox_commands.command("retry")
@click.argument("message_ids", nargs=-1)
def retry(message_ids: tuple[str, ...]) -> None:
    """Makes messages due now that wait or were given up: those of these Message-IDs, or all."""
    click.echo(f"{outbox.retry(message_ids)} due now")


@drafts_commands.command("purge")
def purge() -> None:
    """Deletes the drafts whose time is over, and reminds of those that end within a week."""
    done = DailyJobs().run_due()
    deleted, reminded = done.get("drafts deleted", 0), done.get("drafts reminded", 0)
    click.echo(f"{deleted} deleted, {reminded} reminded")
    if failed := [name for name in JOBS if name not in done]:
        raise click.ClickException(f"{', '.join(failed)} failed: see the log, then run it again.")
