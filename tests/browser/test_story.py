"""The story of a commitment after it was submitted, as its organization and staff live it."""

import email
import re
import time
from email.message import EmailMessage
from email.policy import default

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.browser.pages import check_accessibility
from tests.browser.test_staff import sign_in
from tests.factories import add_submission, events_of
from tests.server import ForkedServer, running_server
from wizard.db.engine import writing
from wizard.db.models import Submission
from wizard.web import links

pytestmark = pytest.mark.second_store_slow
PHONE = {"width": 390, "height": 844}
STORY = [
    "review_started",
    "changes_requested",
    "resubmitted",
    "accepted",
    "published",
    "correction_proposed",
    "corrected",
    "progress_reported",
    "progress_approved",
    "withdrawal_requested",
    "withdrawn",
]
"""What the record says in the end."""


@pytest.fixture
def server(database_url, tmp_path):
    """Run the program on a fresh database, with an office that gets messages."""
    office = {"PROGRAM_EMAIL": "office@example.gov"}
    with running_server(database_url, tmp_path, ForkedServer, **office) as running:
        yield running


def read_mail(server, name: str) -> EmailMessage:
    """Wait for the message of that name, written by the program's own background work."""
    for _ in range(300):
        for file in (server.folder / "mail").glob(f"{name}*.eml"):
            return email.message_from_bytes(file.read_bytes(), policy=default)
        time.sleep(0.1)
    raise TimeoutError(name)


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a message, in one line."""
    return " ".join(message.get_body(("plain",)).get_content().split())


def link_in(message: EmailMessage) -> str:
    """Return the organization's link in a message; the HTML has the same."""
    (link,) = set(re.findall(r"https?://\S+/updates/[\w.-]+", text_of(message)))
    assert link in message.get_body(("html",)).get_content()
    return link


def decide(page: Page, form: str) -> None:
    """Press the button of a decision, unfolded first if it takes a reason."""
    found = page.locator(f".decision:has(button[name=key][value={form}])")
    if found.locator("> details > summary").count() and not found.locator("> button").count():
        found.locator("summary").first.click()
        found.locator("textarea[name^=reason-]").fill("It is a fair reason.")
    found.locator("button").last.click()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "javascript"),
    [
        ("en", True),
        ("es", False),
        pytest.param("en", False, marks=pytest.mark.one_store),
        pytest.param("es", True, marks=pytest.mark.one_store),
    ],
    ids=["en-htmx", "es-plain", "en-plain", "es-htmx"],
)
def test_commitment_is_a_conversation(open_browser, server, office, language, javascript):
    reference = add_submission(office, "agency")
    with office.app_context(), writing() as session:
        session.execute(update(Submission).values(language=language))
        path = links.submission_url(reference, 1).partition("/updates/")[2]
    case = f"/staff/submissions/{reference}"
    look = check_accessibility if javascript else lambda page: None  # axe needs JavaScript

    bob, ada = open_browser(javascript=javascript), open_browser()
    for page, name in ((bob, "bob"), (ada, "ada")):
        page.goto(case)
        sign_in(page, name)
        expect(page.locator(".facts .pill")).to_contain_text("Received")

    # Changes are asked for, of two questions.
    bob.goto(f"{case}/changes")
    for question, words in (("commitment_title", "Say what it is."), ("website", "Add it.")):
        bob.locator(f"#open-{question}").check()
        bob.locator(f"#about-{question}").fill(words)
    look(bob)
    bob.locator("#main form button.primary").click()
    expect(bob.locator(".facts .pill")).to_contain_text("Changes requested")
    asked = read_mail(server, f"{reference}.changes_requested")
    assert "Say what it is." in text_of(asked) and "Add it." in text_of(asked)

    # They are made on a phone.
    phone = open_browser(javascript=javascript, viewport=PHONE, locale=language)
    phone.goto(f"/updates/{path}")
    assert link_in(asked).endswith(path)
    expect(phone).to_have_url(re.compile(f"/commitments/{reference}/yours"))
    look(phone)
    phone.locator("a.button[href$='/changes/']").click()
    look(phone)
    phone.locator("a#continue").click()
    expect(phone.locator("form#answers")).to_be_visible()
    while phone.locator("form#answers").count():
        look(phone)
        assert phone.locator("form#answers [name=organization_name]").count() == 0
        for name, value in (("commitment_title", "Every stop"), ("website", "https://x.example")):
            if phone.locator(f"[name={name}]").count():
                phone.locator(f"[name={name}]").fill(value)
        before = phone.url
        phone.locator("#continue").click()
        expect(phone).not_to_have_url(before)
    phone.locator("[name=authorized]").check()
    phone.locator("#continue").click()
    expect(phone.locator(".sent")).to_be_visible()
    read_mail(server, f"{reference}.resubmitted")
    read_mail(server, f"{reference}.office_resubmitted")

    # One editor declines while the other accepts.
    for page in (ada, bob):
        page.goto(case)
        expect(page.locator(".facts .pill")).to_contain_text("In review")
    look(bob)
    decide(bob, "accepted")
    expect(bob.locator(".facts .pill")).to_contain_text("Accepted")
    decide(ada, "declined")
    expect(ada.locator("#stale")).to_be_visible()
    assert "It is a fair reason." in ada.locator("#main").inner_text()
    accepted = read_mail(server, f"{reference}.accepted")
    assert accepted["To"] and link_in(accepted)
    assert not list((server.folder / "mail").glob(f"{reference}.declined*"))

    bob.goto(case)
    decide(bob, "published")
    expect(bob.locator(".facts .pill")).to_contain_text("Published")
    assert f"/commitments/{reference}" in text_of(read_mail(server, f"{reference}.published"))
    public = open_browser(javascript=javascript, locale=language)
    public.goto(f"/commitments/{reference}")
    expect(public.locator("h1")).to_have_text("Every stop")

    # A typo is corrected.
    phone.goto(f"/commitments/{reference}/changes/")
    phone.locator("button#continue").click()
    expect(phone.locator("[name=authorized]")).to_be_visible()
    phone.locator(".answers a[href$='/changes/plan']").click()
    phone.locator("[name=commitment_title]").fill("Every stop, in a table")
    phone.locator("#continue").click()
    expect(phone.locator("[name=authorized]")).to_be_visible()
    look(phone)
    phone.locator("[name=authorized]").check()
    phone.locator("#continue").click()
    expect(phone.locator(".sent")).to_be_visible()
    read_mail(server, f"{reference}.office_correction_proposed")
    bob.goto(case)
    expect(bob.locator("#correction ins")).to_contain_text("in a table")
    look(bob)
    decide(bob, "correct")
    expect(bob.locator("#correction")).to_have_count(0)
    read_mail(server, f"{reference}.corrected")
    public.reload()
    expect(public.locator("h1")).to_have_text("Every stop, in a table")
    look(public)

    # Progress is told.
    phone.goto(f"/commitments/{reference}/update")
    phone.locator("#report .cardhead a").first.click()
    phone.locator("[name^=outcome_][value=on_track]").check()
    if not javascript:
        phone.locator("#continue").click()  # it shows the question that follows
    phone.locator("[name^=words_]").fill("It is out.")
    phone.locator("#continue").click()
    expect(phone.locator("#report")).to_contain_text("It is out.")
    look(phone)
    phone.locator("#continue").click()
    expect(phone.locator(".sent")).to_be_visible()
    read_mail(server, f"{reference}.office_progress_reported")
    bob.goto(case)
    bob.locator("#reports .decision button").first.click()
    expect(bob.locator("#reports")).to_contain_text("Approved")
    read_mail(server, f"{reference}.progress_approved")

    # It is withdrawn.
    phone.goto(f"/commitments/{reference}/withdraw")
    look(phone)
    phone.locator("[name=reason]").fill("Our system was replaced.")
    phone.locator("#main form button.primary").click()
    expect(phone.locator("#withdrawal")).to_be_visible()
    read_mail(server, f"{reference}.office_withdrawal_requested")
    bob.goto(case)
    decide(bob, "withdraw")
    expect(bob.locator(".facts .pill")).to_contain_text("Withdrawn")
    withdrawn = read_mail(server, f"{reference}.withdrawn")
    assert "It is a fair reason." in text_of(withdrawn)
    public.reload()
    look(public)
    shown = public.locator("main").inner_text()
    assert "Every stop, in a table" in shown and "It is a fair reason." in shown
    assert "It is out." not in shown and "Our system was replaced." not in shown

    # Both sides read the same record.
    recorded = [event.kind for event in events_of(office)]
    assert recorded == STORY
    phone.goto(f"/commitments/{reference}/yours")
    look(phone)
    assert phone.locator("ol.next li").count() == bob.locator("#history li").count()
    assert "bob@example.gov" not in phone.content()
