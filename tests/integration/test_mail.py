"""Messages reach a real mail server, or wait until they can."""

import smtplib
import socket
import ssl
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from sqlalchemy import delete, select, update

from tests.conftest import load_case
from tests.staff import add_submission, colleague
from tests.walk import walk
from wizard import clock
from wizard.db.engine import db, writing
from wizard.db.models import Draft, MailMessage, OutboxMessage, Submission
from wizard.notify import email, outbox


class Inbox:
    """What a mail server does with what it is given."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.messages: list[bytes] = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.messages.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mail_server():
    """Starts mail servers; they stop with the test."""
    running: list[Controller] = []

    def start(inbox: Inbox, **options) -> int:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
        controller.start()
        running.append(controller)
        return port

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def certificate(tmp_path, monkeypatch) -> ssl.SSLContext:
    """A server's side of TLS, by an authority that this machine trusts for the test."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def submitted(make_app, url: str, until: str = "done"):
    """The program with one message waiting."""
    app = make_app(SMTP_URL=url, MAIL_FROM="Program <program@example.gov>")
    walk(app.test_client(), load_case("agency"), until=until)
    return app


def message(app) -> MailMessage:
    with app.app_context():
        return db.session.scalars(select(MailMessage)).one()


def deliver(app) -> int:
    with app.app_context():
        return outbox.deliver_due()


def test_a_message_arrives_once_with_its_headers(make_app, mail_server):
    inbox = Inbox()
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    assert (deliver(app), deliver(app)) == (1, 0)
    (raw,) = inbox.messages
    arrived = message_from_bytes(raw, policy=policy.default)
    assert arrived["From"] == "Program <program@example.gov>"
    assert arrived["To"] == "open.data@orlando.example.gov"
    assert arrived["Message-ID"] == message(app).message_id
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert "Naloxone" in arrived.get_body(("plain",)).get_content()
    assert message(app).sent_at is not None


def test_starttls_and_a_sign_in(make_app, mail_server, certificate):
    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"me@x", b"p:/w"))

    inbox = Inbox()
    port = mail_server(
        inbox,
        tls_context=certificate,
        require_starttls=True,
        authenticator=check,
        auth_required=True,
    )
    app = submitted(make_app, f"smtp://me%40x:p%3A%2Fw@localhost:{port}?starttls=1")
    assert deliver(app) == 1
    assert len(inbox.messages) == 1


def test_a_wrong_password_is_tried_again_later(make_app, mail_server, certificate):
    def refuse(server, session, envelope, mechanism, data):
        return AuthResult(success=False, handled=False)

    port = mail_server(Inbox(), tls_context=certificate, authenticator=refuse)
    app = submitted(make_app, f"smtp://me:no@localhost:{port}?starttls=1")
    assert deliver(app) == 0
    assert message(app).failed_at is None
    assert "535" in message(app).last_error


def test_a_server_that_cannot_be_trusted_gets_no_message(
    make_app, mail_server, certificate, monkeypatch
):
    monkeypatch.delenv("SSL_CERT_FILE")
    inbox = Inbox()
    port = mail_server(inbox, tls_context=certificate)
    app = submitted(make_app, f"smtp://localhost:{port}?starttls=1")
    assert deliver(app) == 0
    assert inbox.messages == []
    assert "certificate" in message(app).last_error.lower()


def test_a_refusal_for_good_is_not_tried_again(make_app, mail_server):
    inbox = Inbox("550 no such person")
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    assert deliver(app) == 0
    assert message(app).failed_at is not None
    assert "550" in message(app).last_error


def test_a_refusal_for_now_is_tried_again_after_a_while(make_app, mail_server, monkeypatch):
    inbox = Inbox("451 come back later")
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    start = clock.now()
    assert (deliver(app), deliver(app)) == (0, 0)
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(minutes=2))
    assert deliver(app) == 1
    assert len(inbox.messages) == 1
    assert message(app).attempts == 2


@pytest.mark.parametrize("kind", ["silent", "gone"])
def test_a_server_that_does_not_answer_is_tried_again(make_app, monkeypatch, kind):
    monkeypatch.setattr(email, "SMTP_TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if kind == "gone":
            listening.close()
        app = submitted(make_app, f"smtp://127.0.0.1:{port}")
        assert deliver(app) == 0
    assert message(app).failed_at is None
    assert message(app).next_attempt_at > clock.now()


def test_a_server_that_breaks_off_after_it_took_a_message_gets_it_once_more(
    make_app, mail_server, monkeypatch
):
    class BreaksOff(Inbox):
        async def handle_DATA(self, server, session, envelope):
            said = await super().handle_DATA(server, session, envelope)
            if len(self.messages) == 1:
                server.transport.abort()
            return said

    inbox = BreaksOff()
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    start = clock.now()
    assert deliver(app) == 0
    for later in (1, 2, 3):
        monkeypatch.setattr(clock, "now", lambda later=later: start + timedelta(hours=later))
        deliver(app)
    first, second = (message_from_bytes(raw)["Message-ID"] for raw in inbox.messages)
    assert first == second == message(app).message_id


def test_waits_grow_and_end(make_app, monkeypatch):
    waits = [outbox.backoff(n) for n in range(1, outbox.MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert timedelta(days=1) < sum(waits, timedelta()) < timedelta(days=3)
    app = submitted(make_app, "smtp://127.0.0.1:1")
    start = clock.now()
    for attempt in range(outbox.MAX_ATTEMPTS + 2):
        monkeypatch.setattr(clock, "now", lambda n=attempt: start + timedelta(hours=7 * n))
        deliver(app)
    assert message(app).attempts == outbox.MAX_ATTEMPTS
    assert message(app).failed_at is not None


def test_a_worker_that_died_leaves_its_message_to_the_next(make_app, mail_server, monkeypatch):
    inbox = Inbox()
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    with app.app_context():
        claimed = outbox._claim()
        assert outbox._claim() is None
    start = clock.now()
    monkeypatch.setattr(clock, "now", lambda: start + outbox.LEASE)
    assert deliver(app) == 1
    (raw,) = inbox.messages
    assert message_from_bytes(raw)["Message-ID"] == claimed.message_id


def test_without_a_mail_server_a_message_is_one_file_however_often_it_is_written(make_app):
    app = submitted(make_app, "")
    assert deliver(app) == 1
    with app.app_context():
        email.send(outbox.render_email(message(app)))
        assert [file.suffix for file in email.mail_folder().iterdir()] == [".eml"]


def test_the_command_delivers_and_says_how_many(make_app):
    app = submitted(make_app, "")
    result = app.test_cli_runner().invoke(args=["outbox", "deliver"])
    assert result.output == "1 sent, 0 still waiting\n"


# What happens between the claim of a message and its end


def test_message_erased_after_its_claim_is_not_sent(make_app, mail_server):
    inbox = Inbox()
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    with app.app_context():
        claimed = outbox._claim()
        with writing() as session:
            session.execute(delete(MailMessage))
        assert outbox._deliver(claimed) is False
    assert inbox.messages == []


def test_message_erased_while_the_server_is_reached_is_not_sent(make_app, mail_server):
    class Slow(Inbox):
        async def handle_EHLO(self, server, session, envelope, hostname, responses):
            with app.app_context(), writing() as store:
                store.execute(delete(MailMessage))
            session.host_name = hostname
            return responses

    inbox = Slow()
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    assert deliver(app) == 0
    assert inbox.messages == []


def test_worker_that_lost_its_lease_marks_nothing(make_app, monkeypatch):
    app = submitted(make_app, "")
    with app.app_context():
        slow = outbox._claim()
        later = clock.now() + outbox.LEASE
        monkeypatch.setattr(clock, "now", lambda: later)
        assert outbox.deliver_due() == 1

        def break_off(email, check):
            raise OSError("timed out")

        monkeypatch.setattr(email, "send", break_off)
        outbox._deliver(slow)
    kept = message(app)
    assert (kept.sent_at, kept.last_error) == (later, None)


def test_lease_is_longer_than_a_server_that_is_slow_at_each_answer(
    make_app, mail_server, certificate, monkeypatch
):
    answers = []
    getreply = smtplib.SMTP.getreply
    monkeypatch.setattr(
        smtplib.SMTP, "getreply", lambda server: answers.append(server) or getreply(server)
    )

    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=True)

    port = mail_server(Inbox(), tls_context=certificate, authenticator=check)
    app = submitted(make_app, f"smtp://me:pw@localhost:{port}?starttls=1")
    assert deliver(app) == 1
    handshakes = 2  # the connection's and that of TLS
    assert (len(answers) + handshakes) * email.SMTP_TIMEOUT_SECONDS < outbox.LEASE.total_seconds()


def test_date_is_when_a_message_is_sent(make_app, mail_server, monkeypatch):
    inbox = Inbox("451 come back later")
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    later = clock.now() + timedelta(hours=5)
    deliver(app)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert deliver(app) == 1
    arrived = message_from_bytes(inbox.messages[0], policy=policy.default)
    assert arrived["Date"].datetime == later.replace(microsecond=0)


# Drawn when it goes


def test_message_that_cannot_be_drawn_is_tried_again_and_stops_no_other(make_app, monkeypatch):
    app = submitted(make_app, "")
    with app.app_context():
        submission_id = db.session.scalars(select(MailMessage.submission_id)).one()
        db.session.rollback()
        with writing():
            about = {"submission_id": submission_id}
            outbox.queue_message("confirmation", "a@example.org", "es", "second", **about)
            outbox.queue_message("unknown", "a@example.org", "en", "third", **about)

        def broken(given):
            if given.language == "en":
                raise ValueError("no such answer")
            return kind.context(given)

        kind = outbox.KINDS["confirmation"]
        monkeypatch.setitem(outbox.KINDS, "confirmation", replace(kind, context=broken))
        assert outbox.deliver_due() == 1
        first, second, third = outbox.messages_about(submission_id)
        assert (first.last_error, first.sent_at) == ("ValueError: no such answer", None)
        assert first.next_attempt_at > clock.now() and first.failed_at is None
        assert second.sent_at is not None
        assert (third.sent_at, outbox.subject_of(third)) == (None, "unknown")


def test_message_about_deleted_answers_is_given_up(make_app):
    app = submitted(make_app, "")
    with app.app_context():
        with writing() as session:  # as a process of the version before deletes them
            session.execute(update(Submission).values(answers={}, erased_at=clock.now()))
        assert outbox.deliver_due() == 0
    assert message(app).failed_at is not None


def test_submitting_draws_no_message(make_app, monkeypatch):
    def draw(*args, **context):
        raise AssertionError("drawn while the store is locked")

    monkeypatch.setattr(outbox, "render_template", draw)
    assert message(submitted(make_app, "")).kind == "confirmation"


def test_message_queued_by_the_version_before_is_sent_with_its_link(make_app, mail_server):
    inbox = Inbox()
    app = submitted(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}", until="contact")
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
        assert outbox.unsent() == []
    texts = [message_from_bytes(raw, policy=policy.default) for raw in inbox.messages]
    for text, path in zip(texts, ("/resume/", "/updates/"), strict=True):
        for kind in ("plain", "html"):
            body = text.get_body((kind,)).get_content()
            assert f"Before http://commitments.example.org{path}" in body and "[[" not in body


def old_failure(app, kind: str = "confirmation", **columns) -> str:
    """Add a message of the version before that was given up; return its submission's reference."""
    reference = add_submission(app)
    with app.app_context(), writing() as session:
        query = select(Submission.id).where(Submission.reference == reference)
        values = {
            "submission_id": session.scalars(query).one(),
            "message_id": f"<{reference}.{kind}@data.news.example.org>",
            "recipient": "desk@example.org",
            "subject": "We have it",
            "text": "Text",
            "html": "<p>Text</p>",
            "failed_at": clock.now(),
            "last_error": "550",
        }
        session.add(OutboxMessage(**values | columns))
    return reference


def test_failed_message_of_the_version_before_is_sent_again_as_its_kind(app):
    reference = old_failure(app)
    editor = colleague(app, "editor")
    path = f"/staff/submissions/{reference}"
    assert "Messages that could not be sent" in editor.page("/staff/").text("main")
    page = editor.page(path)
    assert "We have it" in page.text("#messages")
    editor.send(f"{path}/resend", {"message": page.values()["message"][0]})
    assert editor.page(path).text("#messages").count("desk@example.org") >= 2
    assert "could not be sent" not in editor.page("/staff/").text("main")
    again = message(app)
    assert (again.kind, again.recipient) == ("confirmation", "desk@example.org")
    assert again.message_id.startswith(f"<{reference}.confirmation+")


def test_message_of_another_kind_leaves_a_failure_of_the_version_before_on_the_dashboard(app):
    old_failure(app)
    with app.app_context():
        (failed,) = outbox.failed_submissions()
        db.session.rollback()
        with writing():
            outbox.queue_message("news", "desk@example.org", "en", "n", submission_id=failed.id)
        assert outbox.failed_submissions() == [failed]


def test_commands_and_figures_know_the_messages_of_the_version_before(app):
    reference = old_failure(app)
    run = app.test_cli_runner().invoke
    name = f"<{reference}.confirmation@data.news.example.org>"
    assert run(args=["outbox", "list"]).output.startswith(f"{name}\tgiven up")
    with app.app_context():
        assert (outbox.queue_stats().waiting, outbox.queue_stats().given_up) == (0, 1)
    assert run(args=["outbox", "retry", "<other@example.org>"]).output == "0 due now\n"
    assert run(args=["outbox", "retry", name]).output == "1 due now\n"
    assert run(args=["outbox", "deliver"]).output == "1 sent, 0 still waiting\n"


def test_limit_to_one_address_counts_both_tables(app):
    old_failure(app)
    with app.app_context(), writing():
        count = outbox.count_recent("DESK@example.org", timedelta(hours=1), "submission_id")
        assert count == 1


def test_deletion_of_answers_takes_the_messages_of_both_tables(app):
    reference = old_failure(app)
    with app.app_context():
        (failed,) = outbox.failed_submissions()
        db.session.rollback()
        with writing():
            outbox.queue_message("news", "desk@example.org", "en", "n", submission_id=failed.id)
    colleague(app, "admin").send(f"/staff/submissions/{reference}/erase")
    with app.app_context():
        assert outbox.messages_about(failed.id) == []
