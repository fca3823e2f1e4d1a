"""Tests of emails that come back: only the message that is returned tells which one it was."""

import time
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.examples import examples
from tests.factories import add_published, events_of, staff_client
from wizard.accounts.audit import Actor
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage
from wizard.notify import outbox
from wizard.notify.email import mail_folder
from wizard.staff import cases, erasure
from wizard.submissions.bounces import BounceError, record_bounce

pytestmark = pytest.mark.second_store_slow

EDITOR = Actor("editor@example.gov")
STATUS = """Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; desk@example.org
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1
 <desk@example.org>: User unknown
"""


def returned(message_id: str, action: str = "failed", kind: str = "text/rfc822-headers") -> bytes:
    """Return what a mail server sends back (RFC 3464)."""
    headers = f"From: us@example.gov\nSubject: Hello\nMessage-ID: {message_id}\n\n"
    body = headers + ("Text\n" if kind == "message/rfc822" else "")
    return (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n'
        "From: MAILER-DAEMON@mx.example.org\nMessage-ID: <their-own@mx.example.org>\n"
        "MIME-Version: 1.0\n\n--b\n\nSorry.\n"
        f"--b\nContent-Type: message/delivery-status\n\n{STATUS.format(action=action)}\n"
        f"--b\nContent-Type: {kind}\n\n{body}\n--b--\n"
    ).encode()


@pytest.fixture
def message(app) -> MailMessage:
    """Return the sent message about a published commitment that was taken off the list."""
    reference = add_published(app)
    with app.app_context():
        cases.decide(reference, "accepted", 1, EDITOR)
        assert outbox.deliver_due() == 1
        db.session.rollback()
        (sent,) = outbox.find_messages(kind="unpublished")
        return sent


def bounce(app, content: bytes):
    """Run the command."""
    return app.test_cli_runner().invoke(args=["bounce"], input=content)


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/rfc822"])
def test_returned_message_shows_on_its_case_with_reason(app, message, kind):
    for _ in range(2):
        result = bounce(app, returned(message.message_id, kind=kind))
        assert (result.exit_code, result.output) == (0, f"Came back: {message.message_id}.\n")
    with app.app_context():
        failed = outbox.find_message(message.message_id)
        assert failed.failed_at and not failed.sent_at
    (event,) = events_of(app, "message_bounced")
    reason = "5.1.1 550 5.1.1 <desk@example.org>: User unknown"
    assert event.data == {"message": message.message_id, "reason": reason}
    assert event.actor_kind == "program"
    page = staff_client(app, "viewer").page(f"/staff/submissions/{message.message_id[1:14]}")
    assert "User unknown" in page.text("main")
    assert page.text("main").count("An email could not be delivered") == 1


def test_late_message_is_not_recorded(app, message):
    result = bounce(app, returned(message.message_id, action="delayed"))
    assert (result.exit_code, result.output.count("\n")) == (0, 1)
    assert events_of(app, "message_bounced") == []


def mentioned_elsewhere(message_id: str) -> bytes:
    """Return a bounce of another message that names ours everywhere else."""
    other = returned("<other@example.org>").decode()
    other = other.replace("<their-own@mx.example.org>", message_id)
    return other.replace("Sorry.", f"Message-ID: {message_id}").encode()


def test_message_id_counts_in_the_returned_part_only(app, message):
    result = bounce(app, mentioned_elsewhere(message.message_id))
    assert (result.exit_code, result.output.count("\n")) == (0, 1)
    with app.app_context():
        assert outbox.find_message(message.message_id).sent_at


def reply(message_id: str) -> bytes:
    """Return an answer of a person, with our message attached."""
    answer, ours = EmailMessage(), EmailMessage()
    ours["Message-ID"] = message_id
    answer.set_content("Thank you!")
    answer.add_attachment(ours)
    return answer.as_bytes()


def nested(depth: int) -> bytes:
    """Return a message with parts within parts."""
    outer = MIMEMultipart()
    for _ in range(depth):
        outer, inner = MIMEMultipart(), outer
        outer.attach(inner)
    return outer.as_bytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 99, b"\xff\xfe", b"Subject: x\n\nHello", returned("<no@example.org>"),
     returned(""), returned("\x00"), returned("=?utf-8?q?=00?="), returned("x" * 99_999),
     nested(40)],
    ids=range(10),
)  # fmt: skip
def test_unknown_bounce_ends_with_one_line(app, message, content):
    for given_content in (content, reply(message.message_id)):
        result = bounce(app, given_content)
        assert (result.exit_code, result.output.count("\n")) == (0, 1), result.output
        assert result.output.startswith("Nothing recorded. ")
    assert events_of(app, "message_bounced") == []


MANY_PARTS = b"Content-Type: multipart/report; boundary=b\n\n"
BOMBS = {
    "parts": MANY_PARTS + b"--b\n\nx\n" * 20_000,
    "parts by return": MANY_PARTS + b"--b\r\rx\r" * 20_000,
    "most parts": MANY_PARTS + (b"--b\n\n" + b"failed\n" * 90) * 99,
    "depth": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)
    ),
    "messages": b"Content-Type: message/rfc822\n\n" * 4_000,
    "headers": b"X: a\n" * 26_000,
    "one header": b"From: " + b"<" * 130_000,
    "parameters": b"Content-Type: multipart/report; " + b"a=b; " * 26_000,
    "addresses": b"X-Failed-Recipients: " + b"a@b.c," * 20_000 + b"\n\n",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bomb_is_refused_within_seconds(app, bomb):
    before = time.process_time()
    with app.app_context(), pytest.raises(BounceError):
        record_bounce(bomb)
    assert time.process_time() - before < 5


PIECES = st.sampled_from([
    b"--b\n", b"--b--\n", b"\n", b"Content-Type: message/rfc822\n",
    b"Content-Type: message/delivery-status\n", b"Content-Type: text/rfc822-headers\n",
    b'Content-Type: multipart/report; boundary="b"\n', b"Message-ID: <x@example.org>\n",
    b"Action: failed\n", b"Final-Recipient: rfc822; a@b\n", b"Diagnostic-Code: ;\xff\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: x\n",
])  # fmt: skip


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | st.binary(max_size=20), max_size=25).map(b"".join))
def test_whatever_is_sent_never_fails_otherwise(app, content):
    with app.app_context(), pytest.raises(BounceError):
        record_bounce(content)


def test_returned_message_about_a_draft_is_given_up(app):
    with app.app_context():
        with writing():
            outbox.queue_message("resume", "a@example.org", "en", "draft")
        (queued,) = outbox.find_messages(kind="resume")
        message_id = queued.message_id
    assert bounce(app, returned(message_id)).exit_code == 0
    with app.app_context():
        assert outbox.find_message(message_id).last_error.startswith("It came back: 5.1.1")
    assert events_of(app) == []


def test_returned_message_about_deleted_answers_is_unknown(app, message):
    with app.app_context():
        erasure.erase(message.message_id[1:14], EDITOR)
    assert bounce(app, returned(message.message_id)).output.startswith("Nothing")
    assert not list(mail_folder_of(app))


def mail_folder_of(app):
    """Yield the files of messages."""
    with app.app_context():
        yield from mail_folder().glob("*.eml")
