"""Kill a process in the middle of a decision."""

import os
import random
import signal
import time
from contextlib import suppress
from itertools import count

import pytest

from tests.factories import add_submission
from tests.faults.browser import stored_rows
from tests.server import Server, forks
from wizard import create_app
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.db.engine import db, reading
from wizard.staff import cases
from wizard.submissions import withdrawals
from wizard.submissions.cases import NotAllowed, find_by_reference, locked_case
from wizard.submissions.messages import CONTACT_MESSAGES, Mail
from wizard.submissions.proposals import request_changes

pytestmark = pytest.mark.slow
STAFF = Actor("editor@example.gov")
TURNS = 6
DECISIONS = ("changes_requested", "accepted", "published", "withdrawn")
"""The events here that change the status, to the one of the same name."""


def decide_at_random(config: dict[str, str], references: list[str]) -> None:
    """Take the cases through decisions and withdrawals until the process is killed."""
    app = create_app(config)
    with app.app_context():
        for turn in count():
            reference = references[turn % len(references)]
            for act in (ask_for_changes, accept, publish, ask_to_withdraw, withdraw):
                with suppress(NotAllowed):
                    act(reference)


def ask_for_changes(reference: str) -> None:
    with locked_case(reference) as submission:
        request_changes(submission, {"contact": "Which number?"}, STAFF, Mail("Say more"))


def accept(reference: str) -> None:
    cases.decide(reference, "accepted", lock_version(reference), STAFF)


def publish(reference: str) -> None:
    cases.decide(reference, "published", lock_version(reference), STAFF, Mail(skip=True))


def ask_to_withdraw(reference: str) -> None:
    withdrawals.request_withdrawal(reference, "We merged", ORGANIZATION)


def withdraw(reference: str) -> None:
    withdrawals.decide_withdrawal(reference, True, lock_version(reference), STAFF)


def lock_version(reference: str) -> int:
    """Return the version of a case."""
    with reading():
        return find_by_reference(reference).lock_version


def assert_one_story(server: Server, office: str) -> int:
    """Assert that events, messages and statuses belong together; return the number of events."""
    events = stored_rows(server, "event")
    told = {(row["event_id"], row["recipient"] == office) for row in stored_rows(server, "message")}
    for event in events:
        tells = event["kind"] in CONTACT_MESSAGES and event["kind"] != "published"
        assert ((event["id"], False) in told) == tells, event
        assert ((event["id"], True) in told) == (event["kind"] == "withdrawal_requested"), event
    assert {event_id for event_id, _ in told} <= {event["id"] for event in events}
    for submission in stored_rows(server, "submission"):
        its = [each for each in events if each["submission_id"] == submission["id"]]
        kinds = [each["kind"] for each in sorted(its, key=lambda each: each["id"])]
        reached = ["received", *(kind for kind in kinds if kind in DECISIONS)]
        assert submission["status"] == reached[-1], kinds
        asked = kinds.count("withdrawal_requested") > kinds.count("withdrawn")
        assert (submission["withdrawal_requested_at"] is not None) == asked, kinds
        assert (submission["published_at"] is not None) == (submission["status"] == "published")
        assert (submission["first_published_at"] is not None) == ("published" in kinds)
        assert kinds.count("message_skipped") == kinds.count("published")
    return len(events)


def test_killed_process_leaves_no_event_without_its_message(database_url, tmp_path):
    """Killed at any moment, an event, its messages and the status are stored together or not."""
    server, office = Server(database_url, tmp_path), "office@example.gov"
    config = {
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(tmp_path),
        "PROGRAM_EMAIL": office,
    }
    app, chance, stored = create_app(config), random.Random(19), 0
    for _ in range(TURNS):
        references = [add_submission(app) for _ in range(40)]
        with app.app_context():
            db.engine.dispose()
        process = forks.Process(target=decide_at_random, args=(config, references))
        process.start()
        began = len(stored_rows(server, "event"))
        for _ in range(600):  # until it works
            if len(stored_rows(server, "event")) > began:
                break
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert assert_one_story(server, office) > stored
        stored = assert_one_story(server, office)
