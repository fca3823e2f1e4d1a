"""Whether a message about a draft or a submission is queued, and how soon it goes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select

from tests.integration.test_saving import AGENCY
from tests.staff import add_submission
from tests.walk import walk
from wizard.apply import resume, submit
from wizard.db.engine import db, is_sqlite, writing
from wizard.db.models import Draft, MailMessage, Submission
from wizard.notify import outbox


def test_link_asked_for_while_the_draft_is_submitted_is_not_mailed(app, client):
    walk(client, AGENCY)
    with app.app_context():
        draft_id = db.session.scalars(select(Draft.id)).one()
        db.session.rollback()
        resume.mail_link(draft_id, "desk@example.org")
        assert db.session.scalars(select(MailMessage.recipient)).all() == [AGENCY["contact_email"]]


def test_submissions_at_the_same_moment_share_the_limit_of_an_address(app, monkeypatch):
    monkeypatch.setattr(submit, "CONFIRMATIONS_PER_HOUR", 2)
    for _ in range(6):
        add_submission(app)
    with app.app_context():
        ids = db.session.scalars(select(Submission.id)).all()
        start = threading.Barrier(1 if is_sqlite() else 6)  # SQLite has one writer anyway

    def confirm(submission_id: int) -> timedelta:
        with app.app_context(), writing():
            start.wait()
            delay = submit._confirmation_delay("desk@example.org")
            about = {"submission_id": submission_id}
            name = f"{submission_id}.confirmation"
            outbox.queue_message("confirmation", "desk@example.org", "en", name, delay, **about)
            return delay

    with ThreadPoolExecutor(6) as threads:
        delays = sorted(threads.map(confirm, ids))
    assert delays == [timedelta(hours=number // 2) for number in range(6)]
