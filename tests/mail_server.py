"""An SMTP server for tests, and a program with a message to send."""

from sqlalchemy import select

from tests.complete_form import complete_form
from tests.conftest import load_case
from wizard.db.engine import db
from wizard.db.models import MailMessage
from wizard.notify import outbox


class Inbox:
    """An SMTP handler that keeps messages, or refuses recipients with the given answers."""

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


def app_with_message(make_app, url: str, until: str = "done"):
    """Return a program with one message waiting."""
    app = make_app(SMTP_URL=url, MAIL_FROM="Program <program@example.gov>")
    complete_form(app.test_client(), load_case("agency"), until=until)
    return app


def only_message(app) -> MailMessage:
    """Return the only queued message."""
    with app.app_context():
        return db.session.scalars(select(MailMessage)).one()


def deliver_messages(app) -> int:
    """Send the messages that are due; return how many were sent."""
    with app.app_context():
        return outbox.deliver_due()
