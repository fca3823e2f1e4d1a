"""Messages reach a real mail server, or wait until they can."""

import socket
import ssl
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from sqlalchemy import select

from tests.conftest import load_case
from tests.walk import walk
from wizard import clock, outbox
from wizard.extensions import db
from wizard.models import OutboxMessage


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


def submitted(make_app, url: str):
    """The program with one message waiting."""
    app = make_app(SMTP_URL=url, MAIL_FROM="Program <program@example.gov>")
    walk(app.test_client(), load_case("agency"))
    return app


def message(app) -> OutboxMessage:
    with app.app_context():
        return db.session.scalars(select(OutboxMessage)).one()


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
    monkeypatch.setattr(outbox, "SMTP_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if kind == "gone":
            listening.close()
        app = submitted(make_app, f"smtp://127.0.0.1:{port}")
        assert deliver(app) == 0
    assert message(app).failed_at is None
    assert message(app).due_at > clock.now()


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
    waits = [outbox.wait_after(n) for n in range(1, outbox.MOST_ATTEMPTS)]
    assert waits == sorted(waits)
    assert timedelta(days=1) < sum(waits, timedelta()) < timedelta(days=3)
    app = submitted(make_app, "smtp://127.0.0.1:1")
    start = clock.now()
    for attempt in range(outbox.MOST_ATTEMPTS + 2):
        monkeypatch.setattr(clock, "now", lambda n=attempt: start + timedelta(hours=7 * n))
        deliver(app)
    assert message(app).attempts == outbox.MOST_ATTEMPTS
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
        outbox.send(outbox.as_email(message(app)))
        assert [file.suffix for file in outbox.mail_folder().iterdir()] == [".eml"]


def test_the_command_delivers_and_says_how_many(make_app):
    app = submitted(make_app, "")
    result = app.test_cli_runner().invoke(args=["outbox", "deliver"])
    assert result.output == "1 sent, 0 still waiting\n"
