"""Measure many submissions and their email: the last post of drafts that wait. See README.md."""

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
import uuid
from datetime import datetime
from pathlib import Path
from time import perf_counter

from aiosmtpd.controller import Controller

from tests.load.concurrent_users import SHARES, Results, Usage, User, percentile
from tests.load.request_cost import CASE, hidden_fields, running_process
from tests.ports import find_free_port
from wizard import clock, create_app
from wizard.db.engine import writing
from wizard.db.models import Draft
from wizard.flows.commitment import COMMITMENT
from wizard.ops.server import raise_file_limit
from wizard.web import links

SERVE = [sys.executable, "-m", "flask", "--app", "wizard", "serve"]
AT_ONCE = 20
"""Reviews that are opened at the same time before the run."""


class Inbox:
    """A mail server that waits before it answers, and counts connections and messages."""

    def __init__(self, delay_seconds: float) -> None:
        self.delay_seconds, self.connections, self.messages = delay_seconds, 0, 0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        await asyncio.sleep(self.delay_seconds)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(self.delay_seconds)
        self.messages += 1
        return "250 OK"


def add_drafts(store: Path, count: int) -> list[str]:
    """Add complete drafts, each with an email address of its own; return their tokens."""
    settings = {"DATABASE_URL": f"sqlite:///{store}", "INSTANCE_PATH": str(store.parent)}
    app = create_app(settings)
    completed = [name for name in COMMITMENT.steps if name != "review"]
    ids = [uuid.uuid4() for _ in range(count)]
    with app.app_context():
        with writing() as session:
            for number, each in enumerate(ids):
                answers = CASE | {"contact_email": f"person{number}@example.org"}
                stored = {"id": each, "flow": COMMITMENT.name, "flow_version": COMMITMENT.version}
                stored |= {"answers": answers, "completed_steps": completed}
                session.add(Draft(**stored, created_at=clock.now(), link_version=1))
        return [links.draft_token(each, 1, "resume") for each in ids]


class Submitter(User):
    """A person whose draft is complete, and who opens its review before the run."""

    async def open_review(self, token: str) -> None:
        """Open the draft with its resume link."""
        _, _, target = await self.request("GET", f"/resume/{token}")
        status, page, _ = await self.request("GET", target)
        if status != 200:
            raise RuntimeError(f"{status} at {target}")
        self.path, self.data = target, hidden_fields(page) | {"authorized": "yes"}
        self.streams[1].close()
        self.streams = None

    async def submit(self, wait: float) -> None:
        """Submit after so many seconds."""
        await asyncio.sleep(wait)
        began = perf_counter()
        try:
            status, _, target = await self.request("POST", self.path, self.data)
            self.seen.steps.append(perf_counter() - began)
            if status != 303 or not target.endswith("/done"):
                raise RuntimeError(f"{status} to {target}")
            self.seen.receipts += 1
            self.streams[1].close()
        except Exception as error:
            self.seen.failures.append(f"{type(error).__name__}: {error}"[:200])


async def run(port: int, tokens: list[str], rate: float, seen: Results) -> None:
    """Open the reviews, then submit them at that rate a second."""
    people = [Submitter(port, number, seen) for number in range(len(tokens))]
    waiting = asyncio.Semaphore(AT_ONCE)

    async def open_one(person: Submitter, token: str) -> None:
        async with waiting:
            await person.open_review(token)

    await asyncio.gather(*map(open_one, people, tokens))
    print("the drafts are ready", flush=True)
    await asyncio.gather(*(each.submit(place / rate) for place, each in enumerate(people)))


def mail_seconds(store: Path) -> list[float]:
    """Return how long each message waited until it was sent."""
    with sqlite3.connect(store) as connection:
        rows = connection.execute("SELECT created_at, sent_at FROM message").fetchall()
    connection.close()
    return [
        (datetime.fromisoformat(sent) - datetime.fromisoformat(made)).total_seconds()
        if sent
        else float("inf")
        for made, sent in rows
    ]


def main() -> None:
    """Print what came of the submissions and of their messages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=50, help="submissions a second")
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--smtp", type=float, help="seconds of a mail server for each answer")
    chosen = parser.parse_args()
    raise_file_limit()
    inbox, seen, tokens = Inbox(chosen.smtp or 0), Results(), []
    mail_port = find_free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=mail_port)
    controller.start()
    if chosen.smtp is not None:
        os.environ["WIZARD_SMTP_URL"] = f"smtp://127.0.0.1:{mail_port}"
    count = int(chosen.rate * chosen.seconds)
    with tempfile.TemporaryDirectory() as made:
        store = Path(made) / "store" / "wizard.sqlite"
        fill = lambda path: tokens.extend(add_drafts(path, count))  # noqa: E731
        with running_process(SERVE, store.parent, fill) as (port, pid):
            usage = Usage(pid)
            asyncio.run(run(port, tokens, chosen.rate, seen))
            print(usage.line())
            for _ in range(120):
                if float("inf") not in mail_seconds(store):
                    break
                time.sleep(1)
        with sqlite3.connect(store) as connection:
            (stored,) = connection.execute("SELECT count(*) FROM submission").fetchone()
        connection.close()
        waited = mail_seconds(store)
    controller.stop()
    shares = ", ".join(f"{share:.0%} under {percentile(seen.steps, share):.0f}" for share in SHARES)
    print(f"{count:,} submissions at {chosen.rate:g} a second: {seen.receipts:,} receipts,")
    print(f"{stored:,} stored, {len(seen.failures)} failures {seen.failures[:3]}; {shares} ms")
    late = percentile(waited, 0.99) / 1000
    print(f"{len(waited):,} messages, 99% sent within {late:.1f} s, slowest {max(waited):.1f} s")
    if chosen.smtp is not None:
        print(f"{inbox.messages:,} arrived over {inbox.connections:,} connections")


if __name__ == "__main__":
    main()
