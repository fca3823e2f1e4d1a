"""Mail: the form sends its own words, to one address, not too often, from its own name."""

import email
from datetime import timedelta
from email import policy

import pytest
from sqlalchemy import select

from tests.attack.browser import Browser
from tests.conftest import load_case
from tests.letters import drawn
from tests.server import ROOT
from tests.walk import draft_path, form_data, start, walk
from wizard import clock
from wizard.apply import resume, submit
from wizard.db.engine import db
from wizard.db.models import MailMessage
from wizard.flows.commitment import COMMITMENT
from wizard.notify import outbox

HOSTILE = [
    "a@example.org\r\nBcc: victim@example.org",
    "a@example.org%0d%0aBcc:victim@example.org",
    "a@example.org,victim@example.org",
    "a@example.org;victim@example.org",
    "a@example.org victim@example.org",
    "a@example.org> RCPT TO:<victim@example.org",
    "victim@example.org@example.org",
    "<victim@example.org>",
    "Ada <victim@example.org>",
    "=?utf-8?q?victim=40example.org=3e?=@example.org",
    "victim%example.org@example.org>",
    '"victim@example.org\\r\\n"@example.org',
    "victim@[127.0.0.1]",
    "victim@localhost",
]


def messages_to(app, *words: str) -> list[MailMessage]:
    """The messages whose address holds one of some words."""
    with app.app_context():
        found = list(db.session.scalars(select(MailMessage)))
        db.session.close()
    return [each for each in found if any(word in each.recipient for word in words)]


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_is_one_address_or_none(browser, inside, address):
    path = draft_path(start(browser, load_case("agency")))
    answer = browser.post(f"{path}/save", {"address": address})
    if answer.status_code == 303:  # percent signs and the like are letters of a name
        (message,) = messages_to(inside, address.strip())
        assert message.recipient.count("@") == 1 and message.recipient.isprintable()
    else:
        assert answer.status_code == 422
    assert messages_to(inside, "victim@example.org", "victim@localhost") == []


def test_a_message_with_a_link_holds_nothing_that_anybody_typed(browser, inside):
    """So that the form relays no words to an address of a stranger's choice."""
    case = load_case("agency") | {"organization_name": "Buy pills http://evil.example"}
    page = start(browser, case)
    page = browser.send(page.path, form_data(COMMITMENT.steps["organization"], case))
    hostile = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    address = {
        "address": "relayed@example.org",
        "subject": "pills",
        "text": "pills",
        "from": "pills",
    }
    assert browser.post(f"{draft_path(page)}/save", address, hostile).status_code == 303
    (message,) = messages_to(inside, "relayed@example.org")
    letter = drawn(inside, message)
    whole = letter.subject + letter.text + letter.html
    assert "pills" not in whole and "evil.example" not in whole


def test_no_address_is_flooded_from_however_many_drafts_and_networks(server, inside):
    for number in range(resume.MAX_LINKS_PER_HOUR + 3):
        browser = Browser(server, X_Forwarded_For=f"192.0.2.{number}")
        path = draft_path(start(browser, load_case("agency")))
        spelled = "flooded@example.org" if number % 2 else "FLOODED@example.org"
        assert browser.post(f"{path}/save", {"address": spelled}).status_code == 303
    sent = messages_to(inside, "flooded@example.org", "FLOODED@example.org")
    assert len(sent) == resume.MAX_LINKS_PER_HOUR


def test_a_strangers_mailbox_is_not_filled_with_confirmations(browser, inside):
    case = load_case("partner") | {"contact_email": "bombed@example.org"}
    for _ in range(submit.CONFIRMATIONS_PER_HOUR + 2):
        assert "Your commitment is in" in walk(browser, case).text("h1")
    messages = messages_to(inside, "bombed@example.org")
    waiting = [
        each for each in messages if each.next_attempt_at > clock.now() + timedelta(minutes=50)
    ]
    assert len(messages) - len(waiting) == submit.CONFIRMATIONS_PER_HOUR
    assert len(waiting) == 2


def test_a_confirmation_goes_to_the_contact_alone_and_its_head_is_the_programs_own(browser, inside):
    case = load_case("partner") | {
        "contact_name": "Ada\r\nBcc: victim@example.org",
        "contact_email": "confirmed@example.org",
        "organization_name": "X\r\nSubject: pills",
        "commitment_title": "=?utf-8?q?pills?=",
    }
    walk(browser, case)
    (message,) = messages_to(inside, "confirmed@example.org")
    with inside.app_context():
        written = outbox.render_email(message).as_bytes()
    parsed = email.message_from_bytes(written, policy=policy.default)
    assert parsed["To"] == "confirmed@example.org"
    assert parsed["From"].addresses[0].addr_spec == inside.config["MAIL_FROM"]
    assert parsed["Bcc"] is None and parsed["Cc"] is None and parsed["Reply-To"] is None
    assert "pills" not in parsed["Subject"] and len(parsed.get_all("Subject")) == 1


def test_only_the_sender_of_the_program_speaks_to_a_mail_server():
    used = [
        path.name
        for path in (ROOT / "wizard").rglob("*.py")
        if "smtplib" in path.read_text(encoding="utf-8")
    ]
    assert used == ["outbox.py"]
