"""Tests of sending to a real SMTP server."""

from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import AuthResult

from tests.complete_form import complete_form
from tests.conftest import load_case
from tests.mail_server import Inbox, app_with_message, deliver_messages, only_message
from wizard.notify import email, outbox
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due


def test_message_arrives_once_with_headers(make_app, mail_server):
    inbox = Inbox()
    app = app_with_message(make_app, f"smtp://127.0.0.1:{mail_server(inbox)}")
    assert (deliver_messages(app), deliver_messages(app)) == (1, 0)
    (raw,) = inbox.messages
    arrived = message_from_bytes(raw, policy=policy.default)
    assert arrived["From"] == "Program <program@example.gov>"
    assert arrived["To"] == "open.data@orlando.example.gov"
    assert arrived["Message-ID"] == only_message(app).message_id
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert "Naloxone" in arrived.get_body(("plain",)).get_content()
    assert only_message(app).sent_at is not None


@pytest.mark.second_store_slow
def test_starttls_and_login_deliver(make_app, mail_server, trusted_tls):
    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"me@x", b"p:/w"))

    inbox = Inbox()
    port = mail_server(
        inbox,
        tls_context=trusted_tls,
        require_starttls=True,
        authenticator=check,
        auth_required=True,
    )
    app = app_with_message(make_app, f"smtp://me%40x:p%3A%2Fw@localhost:{port}?starttls=1")
    assert deliver_messages(app) == 1
    assert len(inbox.messages) == 1


def test_wrong_smtp_password_is_retried(make_app, mail_server, trusted_tls):
    def refuse(server, session, envelope, mechanism, data):
        return AuthResult(success=False, handled=False)

    port = mail_server(Inbox(), tls_context=trusted_tls, authenticator=refuse)
    app = app_with_message(make_app, f"smtp://me:no@localhost:{port}?starttls=1")
    assert deliver_messages(app) == 0
    assert only_message(app).failed_at is None
    assert "535" in only_message(app).last_error


@pytest.mark.second_store_slow
def test_untrusted_certificate_gets_no_message(make_app, mail_server, trusted_tls, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    inbox = Inbox()
    port = mail_server(inbox, tls_context=trusted_tls)
    app = app_with_message(make_app, f"smtp://localhost:{port}?starttls=1")
    assert deliver_messages(app) == 0
    assert inbox.messages == []
    assert "certificate" in only_message(app).last_error.lower()


class Connections(Inbox):
    """Keeps the number of connections too, and ends each after so many messages."""

    def __init__(self, *answers: str, most: int) -> None:
        super().__init__(*answers)
        self.most, self.opened, self.taken = most, 0, 0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.opened, self.taken = self.opened + 1, 0
        session.host_name = hostname
        return responses

    async def handle_RSET(self, server, session, envelope):
        if self.taken < self.most:
            return "250 OK"
        server.transport.abort()
        return "421 enough"

    async def handle_DATA(self, server, session, envelope):
        self.taken += 1
        return await super().handle_DATA(server, session, envelope)


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    ("answers", "most", "connections", "arrived"),
    [((), 100, 1, 3), (("550 unknown",), 100, 1, 2), ((), 1, 3, 3)],
    ids=["one connection", "after a refusal", "a server that ends connections"],
)
def test_messages_share_connection_while_server_takes_them(
    make_app, mail_server, answers, most, connections, arrived
):
    inbox = Connections(*answers, most=most)
    app = make_app(SMTP_URL=f"smtp://127.0.0.1:{mail_server(inbox)}")
    for _ in range(3):
        complete_form(app.test_client(), load_case("partner"))
    assert deliver_messages(app) == arrived
    assert (inbox.opened, len(inbox.messages)) == (connections, arrived)


@pytest.mark.second_store_slow
def test_message_without_server_is_one_file(make_app):
    app = app_with_message(make_app, "")
    assert deliver_messages(app) == 1
    with app.app_context():
        email.Mailer().send(outbox.render_email(only_message(app)))
        assert [file.suffix for file in email.mail_folder().iterdir()] == [".eml"]


@pytest.mark.second_store_slow
def test_line_breaks_in_name_add_no_header(client, app):
    case = load_case("partner") | {"organization_name": "A\r\nBcc: x@example.org\r\n\r\nB"}
    complete_form(client, case)
    with app.app_context():
        deliver_due()
        (file,) = mail_folder().glob("*.eml")
    head = file.read_bytes().split(b"\r\n\r\n")[0]
    assert b"Bcc" not in head
