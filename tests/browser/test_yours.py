"""*Your commitment* in a real browser: timeline, contacts, withdrawal, a new link."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import JAVASCRIPT, check_accessibility
from tests.browser.test_access import CUT_OFF
from tests.factories import add_published, set_language, update_path
from wizard.submissions import contacts

pytestmark = pytest.mark.one_store


@JAVASCRIPT
def test_organization_finds_and_does_everything_on_its_page(open_browser, office, javascript):
    reference = add_published(office, "partner")
    page = open_browser(javascript=javascript)
    page.goto(update_path(office, reference))
    expect(page.locator("h1")).to_have_text("Your commitment")
    expect(page.locator(".next")).to_contain_text("You submitted your answers.")
    page.get_by_role("link", name="Withdraw your commitment").click()
    page.get_by_role("button", name="Ask to withdraw").click()
    expect(page.locator("#errors")).to_contain_text("Describe the reason.")
    page.get_by_label("Why do you want to withdraw?").fill("Our office <b>closes</b>.")
    page.get_by_role("button", name="Ask to withdraw").click()
    expect(page.locator(".next")).to_contain_text("Our office <b>closes</b>.")
    page.get_by_role("button", name="Take back my request").click()
    expect(page.locator(".next")).to_contain_text("You took back your request")
    page.get_by_role("link", name="Change who gets our emails").click()
    page.get_by_role("link", name="Add a second contact").click()
    page.get_by_label("Name").fill("Records office")
    page.get_by_label("Email address").fill("desk@example.org")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("waiting for desk@example.org to confirm")
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Replace this link").click()
    page.get_by_role("button", name="Replace this link").click()
    expect(page.locator(".sent")).to_have_text("The old link no longer works.")


@pytest.mark.slow  # beside test_every_page
@pytest.mark.parametrize("language", ["es", pytest.param("en", marks=pytest.mark.slow)])
def test_pages_are_accessible_and_fit_a_phone(open_browser, office, language):
    reference = add_published(
        office, "partner", organization_name="W" * 60, commitment_title="V" * 90
    )
    set_language(office, reference, language)
    with office.app_context():
        contacts.store_missing()
    page = open_browser()
    page.goto(update_path(office, reference) + f"?lang={language}")
    one = f"/commitments/{reference}"
    paths = [f"{one}/yours", f"{one}/withdraw", f"{one}/contacts", f"{one}/contacts/contact",
             f"{one}/contacts/second", f"{one}/link", "/lost", "/updates/x"]  # fmt: skip
    for scheme, width in [("light", 1280), ("dark", 320)]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        for path in paths:
            page.goto(f"{path}?lang={language}")
            check_accessibility(page)
            assert page.evaluate(CUT_OFF) == [], (path, width)
