"""Try to send spam through the resume mail."""

import pytest

from tests.attack.browser import Browser
from tests.attack.conftest import messages_to
from tests.complete_form import draft_path, form_data, start_draft
from tests.conftest import load_case
from tests.mail import render_message
from wizard.apply import resume
from wizard.flows.commitment import COMMITMENT

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


ONE_ADDRESS = {"<victim@example.org>", "Ada <victim@example.org>"}


@pytest.mark.parametrize("address", HOSTILE)
def test_hostile_address_reaches_no_second_recipient(browser, server_app, address):
    path = draft_path(start_draft(browser, load_case("agency")))
    before = {message.id for message in messages_to(server_app, "@")}
    answer = browser.post(f"{path}/save", {"address": address})
    sent = [each.recipient for each in messages_to(server_app, "@") if each.id not in before]
    assert (answer.status_code, len(sent)) in ((303, 1), (422, 0))
    # One address with a name or in brackets is taken as it is meant.
    assert (sent == ["victim@example.org"]) == (address in ONE_ADDRESS)
    assert all(each.count("@") == 1 and each.isprintable() for each in sent)


def test_resume_mail_holds_no_typed_text(browser, server_app):
    """The form must not relay text to an address chosen by a stranger."""
    case = load_case("agency") | {"organization_name": "Buy pills http://evil.example"}
    page = start_draft(browser, case)
    page = browser.send(page.path, form_data(COMMITMENT.steps["organization"], case))
    hostile = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    address = {
        "address": "relayed@example.org",
        "subject": "pills",
        "text": "pills",
        "from": "pills",
    }
    assert browser.post(f"{draft_path(page)}/save", address, hostile).status_code == 303
    (message,) = messages_to(server_app, "relayed@example.org")
    letter = render_message(server_app, message)
    whole = letter.subject + letter.text + letter.html
    assert "pills" not in whole and "evil.example" not in whole


def test_recipient_limit_holds_across_drafts_and_networks(server, server_app):
    for number in range(resume.MAX_LINKS_PER_HOUR + 3):
        browser = Browser(server, X_Forwarded_For=f"192.0.2.{number}")
        path = draft_path(start_draft(browser, load_case("agency")))
        spelled = "flooded@example.org" if number % 2 else "FLOODED@example.org"
        assert browser.post(f"{path}/save", {"address": spelled}).status_code == 303
    sent = messages_to(server_app, "flooded@example.org", "FLOODED@example.org")
    assert len(sent) == resume.MAX_LINKS_PER_HOUR
