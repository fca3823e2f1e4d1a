"""Published commitments in a real browser: map, pages and progress reports."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.pages import JAVASCRIPT, check_accessibility
from tests.factories import add_published, update_path
from tests.integration.public.conftest import OFFICE
from tests.integration.public.test_views import replace_answers, withdraw
from wizard.accounts.audit import ORGANIZATION

pytestmark = pytest.mark.one_store


@JAVASCRIPT
def test_map_filter_leads_to_commitment(open_browser, office, javascript):
    add_published(office, "partner", state="GA")
    reference = add_published(office, state="FL", commitment_title="Every stop, in a table")
    page = open_browser(javascript=javascript)
    page.get_by_role("link", name="Commitments", exact=True).click()
    expect(page.locator(".item")).to_have_count(2)
    page.get_by_role("link", name="FL 1: Florida").click()
    expect(page.locator(".item")).to_have_count(1)
    expect(page).to_have_url(re.compile("state=FL"))
    page.get_by_role("link", name="Every stop, in a table").click()
    expect(page.locator("h1")).to_have_text("Every stop, in a table")
    expect(page).to_have_url(re.compile(f"/commitments/{reference}$"))


@pytest.mark.slow  # beside test_every_page
def test_public_pages_are_accessible_and_fit_a_phone(open_browser, office):
    entries = [
        {"what": "W" * 60, "measure": "x", "due": "2027-03-01"},
        {"what": "Two", "measure": "x", "due": "2029-03-02"},
    ]
    reference = add_published(
        office, "partner", organization_name="W" * 60, commitment_title="V" * 90, milestones=entries
    )
    page = open_browser()
    page.goto(update_path(office, reference) + "?then=update")
    expect(page.locator("h1")).to_have_text("Progress update")
    for scheme, width in [("light", 1280), ("dark", 320)]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        one = f"/commitments/{reference}"
        for path in ("/", "/commitments", "/commitments?state=XX", one, f"{one}/update",
                     "/progress", f"{one}/reminders"):  # fmt: skip
            page.goto(path)
            check_accessibility(page)
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(wide), (path, width)


@pytest.mark.slow  # beside test_every_page
@pytest.mark.parametrize("locale", ["en-US", "es-US"])
def test_corrected_and_withdrawn_pages_are_accessible(open_browser, office, locale):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    corrected, withdrawn = add_published(office, at=at), add_published(office, "partner", at=at)
    plan = "We publish each data set monthly. " * 12
    changed = {"city": "W" * 60, "access_plan": plan, "organization_name": "Orlando Police"}
    replace_answers(office, corrected, "corrected", OFFICE, **changed)
    replace_answers(office, corrected, "resubmitted", ORGANIZATION, city="Springfield")
    withdraw(office, withdrawn, reason="V" * 90 + "\nWe merged with the county.")
    page = open_browser(locale=locale)
    for scheme, width in [("light", 1280), ("dark", 390), ("light", 320)]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        for reference in (corrected, withdrawn):
            page.goto(f"/commitments/{reference}")
            for each in page.locator("details.correction > summary").all():
                each.focus()
                each.press("Enter")
            check_accessibility(page)
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(wide), (reference, width)


def test_progress_report_with_error_is_corrected_and_sent(open_browser, office):
    reference = add_published(office, "partner")
    page = open_browser()
    page.goto(update_path(office, reference) + "?then=update")
    page.locator("section.answers a").first.click()
    page.get_by_label("Done", exact=True).check()
    page.get_by_label("When was it done?").fill("2026-01-31")
    where = page.get_by_label("Where can people see it?")
    where.fill("no address")
    page.locator("#continue").click()
    expect(page.locator("#errors")).to_be_focused()
    expect(where).to_have_value("no address")
    where.fill("example.org/done")
    page.locator("#continue").click()
    expect(page.locator("h1")).to_have_text("Progress update")
    page.locator("#continue").click()
    expect(page.locator(".sent")).to_contain_text("Program staff will read it next")
