"""Changes that staff ask for are made in a real browser, with htmx and without JavaScript."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import JAVASCRIPT
from tests.browser.test_access import check_page
from tests.browser.test_journeys import stored, wait_for
from tests.factories import add_submission, update_path
from tests.integration.apply.test_changes import ask
from wizard import create_app
from wizard.db.engine import db


@pytest.fixture
def database_url(sqlite_url):
    """Use SQLite only: the browser behaves the same on both databases."""
    return sqlite_url


@pytest.fixture
def link(server) -> str:
    """Ask for two questions and a step of a submission; return the link of its organization."""
    app = create_app(
        {
            "DATABASE_URL": server.database_url,
            "INSTANCE_PATH": str(server.folder),
            "PUBLIC_URL": "http://commitments.example.org",
        }
    )
    reference = add_submission(app)
    opened = {
        "city": "Is this the city?",
        "delegate_is_contact": "Who comes to the meetings?\nPlease name one person.",
        "contact": "The phone number is not in use.",
    }
    ask(app, reference, **opened)
    path = update_path(app, reference)
    with app.app_context():
        db.engine.dispose()
    return f"{path}?then=changes"


@JAVASCRIPT
def test_changes_are_made_on_a_phone_by_keyboard(open_browser, server, link, javascript):
    page = open_browser(javascript=javascript, viewport={"width": 320, "height": 640})
    look = check_page if javascript else lambda page: None
    page.goto(link)
    expect(page.locator("h1")).to_have_text("Change your answers")
    look(page)
    page.locator("#continue").press("Enter")
    expect(page.locator("h1")).to_have_text("Your organization")
    expect(page.locator("input[name=organization_name]")).to_have_count(0)
    look(page)
    page.locator("#city").fill("Tampa")
    if javascript:
        page.keyboard.press("Tab")
        expect(page.locator("#saved")).to_contain_text("Saved")
    page.locator("#continue").press("Enter")
    expect(page.locator("h1")).to_have_text("Contact person")
    look(page)
    page.locator("#contact_phone").fill("(407) 555-0199")
    page.locator("#continue").press("Enter")
    expect(page.locator("h1")).to_have_text("Community of practice")
    look(page)
    page.get_by_label("Yes", exact=True).check()
    if javascript:
        expect(page.locator("#delegate_name")).to_have_count(0)
    page.locator("#continue").press("Enter")
    expect(page.locator("h1")).to_have_text("Check and send")
    look(page)
    page.locator("#continue").press("Enter")
    expect(page.locator("#errors")).to_be_visible()
    look(page)
    page.locator("#authorized").check()
    page.locator("#words").fill("A new phone number.")
    page.locator("#continue").press("Enter")
    expect(page.locator(".sent")).to_contain_text("We received your changes")
    look(page)
    reference, answers = stored(server)
    assert (answers["city"], answers["contact_phone"]) == ("Tampa", "+14075550199")
    assert "delegate_name" not in answers
    wait_for(lambda: list((server.folder / "mail").glob(f"{reference}.resubmitted*")))


@pytest.mark.slow
def test_paused_changes_are_kept(open_browser, link):
    page = open_browser()
    page.goto(link)
    page.get_by_role("link", name="Continue").click()
    page.locator("#city").fill("Tampa")
    page.get_by_role("button", name="Save and finish later").click()
    expect(page.locator(".sent")).to_contain_text("Your answers are saved")
    check_page(page)
    page.get_by_role("link", name="Continue").click()
    expect(page.locator("#city")).to_have_value("Tampa")
