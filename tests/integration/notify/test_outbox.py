"""Tests of the outbox: retries, backoff, leases."""

import smtplib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import AuthResult
from sqlalchemy import delete, select, update

from tests.complete_form import complete_form
from tests.conftest import AGENCY
from tests.factories import add_old_failure, add_submission, staff_client
from tests.mail_server import Inbox, app_with_message, deliver_messages, only_message
from wizard import clock
from wizard.accounts.audit import ORGANIZATION
from wizard.apply import resume, submit
from wizard.db.engine import db, is_sqlite, writing
from wizard.db.models import Draft, MailMessage, OutboxMessage, Submission
from wizard.notify import email, outbox, unsent
from wizard.submissions.events import add_event


def test_permanent_refusal_is_not_retried(make_app, mail_server):
    inbox = Inbox("550 no such person")
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    assert deliver_messages(app) == 0
    assert only_message(app).failed_at is not None
    assert "550" in only_message(app).last_error


def test_temporary_refusal_is_retried(make_app, mail_server, monkeypatch):
    inbox = Inbox("451 come back later")
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    start = clock.now()
    assert (deliver_messages(app), deliver_messages(app)) == (0, 0)
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(minutes=2))
    assert deliver_messages(app) == 1
    assert len(inbox.messages) == 1
    assert only_message(app).attempts == 2


@pytest.mark.parametrize("kind", ["silent", "gone"])
def test_unresponsive_server_is_retried(make_app, monkeypatch, kind):
    monkeypatch.setattr(email, "SMTP_TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if kind == "gone":
            listening.close()
        app = app_with_message(make_app, f"smtp://127.0.0.1:{port}")
        assert deliver_messages(app) == 0
    assert only_message(app).failed_at is None
    assert only_message(app).next_attempt_at > clock.now()


def test_broken_connection_resends_same_message_id(make_app, mail_server, monkeypatch):
    class BreaksOff(Inbox):
        async def handle_DATA(self, server, session, envelope):
            said = await super().handle_DATA(server, session, envelope)
            if len(self.messages) == 1:
                server.transport.abort()
            return said

    inbox = BreaksOff()
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    start = clock.now()
    assert deliver_messages(app) == 0
    for later in (1, 2, 3):
        monkeypatch.setattr(clock, "now", lambda later=later: start + timedelta(hours=later))
        deliver_messages(app)
    first, second = (message_from_bytes(raw)["Message-ID"] for raw in inbox.messages)
    assert first == second == only_message(app).message_id


def test_backoff_grows_then_fails(make_app, monkeypatch):
    waits = [outbox.backoff(n) for n in range(1, outbox.MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert timedelta(days=1) < sum(waits, timedelta()) < timedelta(days=3)
    app = app_with_message(make_app, "smtp://127.0.0.1:1")
    start = clock.now()
    for attempt in range(outbox.MAX_ATTEMPTS + 2):
        monkeypatch.setattr(clock, "now", lambda n=attempt: start + timedelta(hours=7 * n))
        deliver_messages(app)
    assert only_message(app).attempts == outbox.MAX_ATTEMPTS
    assert only_message(app).failed_at is not None


def test_expired_lease_is_claimed_again(make_app, mail_server, monkeypatch):
    inbox = Inbox()
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    with app.app_context():
        claimed = outbox._claim()
        assert outbox._claim() is None
    start = clock.now()
    monkeypatch.setattr(clock, "now", lambda: start + outbox.LEASE)
    assert deliver_messages(app) == 1
    (raw,) = inbox.messages
    assert message_from_bytes(raw)["Message-ID"] == claimed.message_id


def test_message_erased_after_claim_is_not_sent(make_app, mail_server):
    inbox = Inbox()
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    with app.app_context():
        claimed = outbox._claim()
        with writing() as session:
            session.execute(delete(MailMessage))
        with closing(email.Mailer()) as mailer:
            assert outbox._deliver(claimed, mailer) is False
    assert inbox.messages == []


def test_message_erased_during_connection_is_not_sent(make_app, mail_server):
    class Slow(Inbox):
        async def handle_EHLO(self, server, session, envelope, hostname, responses):
            with app.app_context(), writing() as store:
                store.execute(delete(MailMessage))
            session.host_name = hostname
            return responses

    inbox = Slow()
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    assert deliver_messages(app) == 0
    assert inbox.messages == []


def test_worker_with_expired_lease_marks_nothing(make_app, monkeypatch):
    app = app_with_message(make_app, "")
    with app.app_context():
        slow = outbox._claim()
        later = clock.now() + outbox.LEASE
        monkeypatch.setattr(clock, "now", lambda: later)
        assert outbox.deliver_due() == 1

        def break_off(mailer, message, check):
            raise OSError("timed out")

        monkeypatch.setattr(email.Mailer, "send", break_off)
        outbox._deliver(slow, email.Mailer())
    kept = only_message(app)
    assert (kept.sent_at, kept.last_error) == (later, None)


def test_lease_outlasts_slowest_server(make_app, mail_server, trusted_tls, monkeypatch):
    answers = []
    getreply = smtplib.SMTP.getreply
    monkeypatch.setattr(
        smtplib.SMTP, "getreply", lambda server: answers.append(server) or getreply(server)
    )

    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=True)

    port = mail_server(Inbox(), tls_context=trusted_tls, authenticator=check)
    app = app_with_message(make_app, f"smtp://me:pw@localhost:{port}?starttls=1")
    assert deliver_messages(app) == 1
    handshakes = 2  # the connection's and that of TLS
    assert (len(answers) + handshakes) * email.SMTP_TIMEOUT_SECONDS < outbox.LEASE.total_seconds()


def test_date_header_is_time_of_sending(make_app, mail_server, monkeypatch):
    inbox = Inbox("451 come back later")
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    later = clock.now() + timedelta(hours=5)
    deliver_messages(app)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert deliver_messages(app) == 1
    arrived = message_from_bytes(inbox.messages[0], policy=policy.default)
    assert arrived["Date"].datetime == later.replace(microsecond=0)


def test_unrenderable_message_is_retried_and_blocks_no_other(make_app, monkeypatch):
    app = app_with_message(make_app, "")
    with app.app_context():
        columns = select(MailMessage.submission_id, MailMessage.recipient)
        submission_id, contact = db.session.execute(columns).one()
        db.session.rollback()
        with writing():
            about = {"submission_id": submission_id}
            outbox.queue_message("confirmation", contact, "es", "second", **about)
            outbox.queue_message("unknown", "a@example.org", "en", "third", **about)

        def broken(given):
            if given.language == "en":
                raise ValueError("no such answer")
            return kind.context(given)

        kind = outbox.KINDS["confirmation"]
        monkeypatch.setitem(outbox.KINDS, "confirmation", replace(kind, context=broken))
        assert outbox.deliver_due() == 1
        first, second, third = outbox.messages_about(submission_id)
        assert first.last_error == "The program has a fault (ValueError: no such answer)."
        assert first.sent_at is None
        assert first.next_attempt_at > clock.now() and first.failed_at is None
        assert second.sent_at is not None
        assert (third.sent_at, outbox.subject_of(third)) == (None, "unknown")


def test_message_about_deleted_answers_is_deleted(make_app):
    app = app_with_message(make_app, "")
    with app.app_context():
        with writing() as session:  # as a process of the previous version deletes them
            session.execute(update(Submission).values(answers={}, erased_at=clock.now()))
        assert outbox.deliver_due() == 0
        assert db.session.scalars(select(MailMessage)).all() == []


def test_submit_renders_no_message(make_app, monkeypatch):
    def draw(*args, **context):
        raise AssertionError("rendered while the database is locked")

    monkeypatch.setattr(outbox, "render_template", draw)
    assert only_message(app_with_message(make_app, "")).kind == "confirmation"


def test_message_of_previous_version_is_sent_with_its_link(make_app, mail_server):
    inbox = Inbox()
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}", until="contact")
    add_submission(app)
    with app.app_context():
        draft_id = db.session.scalars(select(Draft.id)).one()
        submission_id = db.session.scalars(select(Submission.id)).one()
        db.session.rollback()
        with writing() as session:
            for number, (place, about) in enumerate(
                (("resume", {"draft_id": draft_id}), ("update", {"submission_id": submission_id}))
            ):
                text = f"Before [[{place} link]] after"
                session.add(
                    OutboxMessage(
                        message_id=f"<{number}@example.org>",
                        recipient="desk@example.org",
                        subject="Yours",
                        text=text,
                        html=f"<p>{text}</p>",
                        **about,
                    )
                )
        assert outbox.deliver_due() == 2
        assert unsent.unsent() == []
    texts = [message_from_bytes(raw, policy=policy.default) for raw in inbox.messages]
    for text, path in zip(texts, ("/resume/", "/updates/"), strict=True):
        for kind in ("plain", "html"):
            body = text.get_body((kind,)).get_content()
            assert f"Before http://commitments.example.org{path}" in body and "[[" not in body


def test_failed_message_of_previous_version_is_resent_as_its_kind(app):
    reference = add_old_failure(app)
    editor = staff_client(app, "editor")
    path = f"/staff/submissions/{reference}"
    assert "Messages that could not be sent" in editor.page("/staff/").text("main")
    page = editor.page(path)
    assert "We have it" in page.text("#messages")
    editor.press(page, "button[name=message]")
    assert editor.page(path).text("#messages").count("desk@example.org") >= 2
    assert "could not be sent" not in editor.page("/staff/").text("main")
    again = only_message(app)
    assert (again.kind, again.recipient) == ("confirmation", "desk@example.org")
    assert again.message_id.startswith(f"<{reference}.confirmation+")


def test_message_of_other_kind_keeps_old_failure_on_dashboard(app):
    add_old_failure(app)
    with app.app_context():
        (failed,) = unsent.failed_submissions()
        db.session.rollback()
        with writing():
            outbox.queue_message("news", "desk@example.org", "en", "n", submission_id=failed.id)
        assert unsent.failed_submissions() == [failed]


def test_commands_and_metrics_include_messages_of_previous_version(app):
    reference = add_old_failure(app)
    run = app.test_cli_runner().invoke
    name = f"<{reference}.confirmation@data.news.example.org>"
    listed = run(args=["outbox", "list"]).output
    assert listed.startswith(f"{name}\tdesk@example.org\tWe have it\tfailed")
    with app.app_context():
        assert (unsent.queue_stats().waiting, unsent.queue_stats().failed) == (0, 1)
    assert run(args=["outbox", "retry", "<other@example.org>"]).output == "Due now: 0.\n"
    assert run(args=["outbox", "retry", name]).output == "Due now: 1.\n"
    assert run(args=["outbox", "deliver"]).output == "Sent: 1. Failed: 0. Still waiting: 0.\n"


def test_recipient_limit_counts_both_tables(app):
    add_old_failure(app)
    with app.app_context(), writing():
        count = outbox.count_recent("DESK@example.org", timedelta(hours=1), "submission_id")
        assert count == 1


def test_erase_deletes_messages_in_both_tables(app):
    reference = add_old_failure(app)
    with app.app_context():
        (failed,) = unsent.failed_submissions()
        db.session.rollback()
        with writing():
            outbox.queue_message("news", "desk@example.org", "en", "n", submission_id=failed.id)
    staff_client(app, "admin").send(f"/staff/submissions/{reference}/erase")
    with app.app_context():
        assert outbox.messages_about(failed.id) == []


def test_resume_link_is_not_mailed_once_submitted(app, client):
    complete_form(client, AGENCY)
    with app.app_context():
        draft_id = db.session.scalars(select(Draft.id)).one()
        db.session.rollback()
        resume.mail_link(draft_id, "desk@example.org")
        assert db.session.scalars(select(MailMessage.recipient)).all() == [AGENCY["contact_email"]]


def test_concurrent_confirmations_share_recipient_limit(app, monkeypatch):
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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_recent_count_uses_index(app):
    with app.app_context():
        for table, index in zip(outbox.TABLES, ("outbox", "message"), strict=True):
            query = outbox.recent_count(table, "desk@example.org", clock.now(), "draft_id")
            compiled = query.compile(db.engine)
            plan = db.session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {compiled}", tuple(map(str, compiled.params.values()))
            )
            expected = f"INDEX ix_{index}_recipient (<expr>=? AND created_at>?)"
            assert expected in plan.one().detail
        db.session.remove()


def add_failed(app, kind: str, status: str, **columns) -> str:
    """Store a case with a failed message to its contact; return its reference."""
    reference = add_submission(app, status=status)
    with app.app_context(), writing() as session:
        submission = session.scalars(select(Submission)).one()
        columns = {"recipient": submission.answers["contact_email"], **columns}
        outbox.queue_message(kind, columns["recipient"], "en", "first", submission_id=submission.id)
        session.flush()
        session.execute(update(MailMessage).values(failed_at=clock.now(), last_error="550"))
    return reference


@pytest.mark.parametrize(
    ("kind", "status", "columns", "why"),
    [
        ("changes_requested", "in_review", {}, "the status is “In review” now"),
        ("declined", "in_review", {}, "the status is “In review” now"),
        ("withdrawal_requested", "accepted", {}, "the request to withdraw isn’t open"),
        ("accepted", "accepted", {"recipient": "old@example.org"}, "isn’t a contact anymore"),
    ],
)
def test_outdated_message_is_not_sent_again(app, editor, kind, status, columns, why):
    reference = add_failed(app, kind, status, **columns)
    page = editor.page(f"/staff/submissions/{reference}")
    refused = editor.press(page, "button[name=message]")
    assert refused.status == 422 and why in refused.text("#messages")
    with app.app_context():
        assert unsent.retry() == 0
        assert unsent.failed_submissions() == []
    assert "could not be sent" not in editor.page("/staff/").text("main")


def test_true_message_is_sent_again_once(app, editor):
    reference = add_failed(app, "declined", "declined")
    with app.app_context():
        assert unsent.queue_stats().failed == 1
    page = editor.page(f"/staff/submissions/{reference}")
    assert editor.press(page, "button[name=message]").status == 200
    with app.app_context():
        assert unsent.retry() == 0  # the copy is on its way
        assert unsent.queue_stats().failed == 0
        assert len(unsent.unsent()) == 1


def test_failure_of_another_event_is_not_settled_by_a_later_message(app):
    add_failed(app, "progress_approved", "accepted")
    with app.app_context(), writing() as session:
        first = session.scalars(select(MailMessage)).one()
        submission = session.get_one(Submission, first.submission_id)
        event = add_event(submission, "progress_approved", ORGANIZATION)
        session.flush()
        about = {"submission_id": submission.id, "event_id": event.id}
        outbox.queue_message(first.kind, first.recipient, "en", "later", **about)
    with app.app_context():
        assert unsent.retry() == 1
