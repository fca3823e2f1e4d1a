"""The queue in a real browser: by keyboard, without JavaScript, and for two people at once."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import JAVASCRIPT, check_accessibility
from tests.browser.test_staff import sign_in
from tests.factories import add_submission
from tests.integration.staff.test_queue import add_many

pytestmark = pytest.mark.second_store_slow

QUEUE = "/staff/submissions?todo=yes"
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
KEYS_FOR_TWENTY = 45


def open_queue(page: Page, name: str = "ada", address: str = QUEUE) -> None:
    """Open the queue, signed in."""
    page.goto(address)
    sign_in(page, name)
    expect(page.locator("h1")).to_have_text("To do")


def test_twenty_cases_are_decided_by_few_keys(open_browser, office):
    made = add_many(office, 20)
    page = open_browser()
    open_queue(page)
    pressed = 0

    def press(key: str) -> None:
        nonlocal pressed
        page.keyboard.press(key)
        pressed += 1

    press("j")
    expect(page.get_by_role("link", name=made[0])).to_be_focused()
    press("Enter")
    for reference in made:
        expect(page.locator(".facts .reference")).to_have_text(reference)
        press("a")
        expect(page.get_by_role("button", name="Accept", exact=True)).to_be_focused()
        press("Enter")
        expect(page.locator("#said")).to_contain_text(f"{reference}: Status changed to Accepted.")
    expect(page.locator("h1")).to_have_text("To do")
    expect(page.locator("main")).to_contain_text("Nothing waits for you.")
    assert pressed <= KEYS_FOR_TWENTY


@pytest.mark.slow
def test_keys_lead_through_the_list_and_open_a_reason(open_browser, office):
    first, second, third = add_many(office, 3)
    page = open_browser()
    open_queue(page)
    for key, reference in [("j", first), ("j", second), ("j", third), ("k", second)]:
        page.keyboard.press(key)
        expect(page.get_by_role("link", name=reference)).to_be_focused()
    page.keyboard.press("Enter")
    shown = page.locator(".facts .reference")
    expect(shown).to_have_text(second)
    expect(page.locator("h1")).to_be_focused()  # as soon as the page is complete
    for key, reference in [("n", third), ("p", second), ("k", first), ("j", second)]:
        page.keyboard.press(key)
        expect(shown).to_have_text(reference)
        expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("d")
    reason = page.locator("#reason-declined")
    expect(reason).to_be_focused()
    page.keyboard.type("Just a plan? No.")
    expect(reason).to_have_value("Just a plan? No.")
    expect(shown).to_have_text(second)
    page.keyboard.press("Escape")
    page.locator("h1").focus()
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.keyboard.press("u")
    expect(page.locator("h1")).to_have_text("To do")
    assert asked == ["What you wrote on this page isn’t saved. Leave anyway?"]


@pytest.mark.slow
def test_keys_are_listed_and_can_be_switched_off(open_browser, office):
    first, second = add_many(office, 2)
    page = open_browser()
    page.goto(f"/staff/submissions/{first}?todo=yes")
    sign_in(page, "ada")
    shown = page.locator(".facts .reference")
    expect(shown).to_have_text(first)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_be_visible()
    for line in ("Next", "Accept", "Decline…", "Ask for changes", "Assign to me", "This list"):
        expect(keys.locator("dd", has_text=line).first).to_be_visible()
    check_accessibility(page)
    page.keyboard.press("n")  # not while the list is open
    keys.get_by_label("Use these keys in this browser").uncheck()
    keys.get_by_role("button", name="Close").click()
    for key in ("n", "?"):
        page.keyboard.press(key)
    expect(keys).to_be_hidden()
    expect(shown).to_have_text(first)
    page.reload()
    page.keyboard.press("n")
    expect(shown).to_have_text(first)
    page.get_by_role("button", name="Shortcuts").click()
    keys.get_by_label("Use these keys in this browser").check()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(shown).to_have_text(second)
    page.keyboard.press("Control+p")
    expect(shown).to_have_text(second)


@pytest.mark.slow
@JAVASCRIPT
def test_queue_is_worked_through_by_clicks(open_browser, office, javascript):
    first, second, third = add_many(office, 3)
    page = open_browser(javascript=javascript)
    open_queue(page)
    page.get_by_role("link", name=first).click()
    shown = page.locator(".facts .reference")
    expect(shown).to_have_text(first)
    page.get_by_role("link", name="Next", exact=True).click()
    expect(shown).to_have_text(second)
    page.get_by_role("button", name="Assign to me").click()
    expect(page.locator(".facts")).to_contain_text("Assigned to ada@example.gov")
    page.locator("summary", has_text="Email that goes with it").click()
    expect(page.locator("#words-accepted")).to_be_visible()
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(shown).to_have_text(third)
    expect(page.locator("#said")).to_contain_text(f"{second}: Status changed to Accepted.")
    page.get_by_role("button", name="Start review").click()
    expect(page.locator("h1")).to_have_text("To do")
    expect(page.locator("#said")).to_contain_text("That was the last one of this list.")
    expect(page.locator(".list tbody tr")).to_have_count(2)
    page.get_by_role("navigation", name="Whose").get_by_role("link", name="Mine").click()
    expect(page.locator("main")).to_contain_text("Nothing matches")
    expect(page.get_by_role("button", name="Shortcuts")).to_be_visible(visible=javascript)


@pytest.mark.slow
def test_two_people_see_each_other(open_browser, office):
    first, second = add_many(office, 2)
    pages = [open_browser(), open_browser(javascript=False)]
    for page, name in zip(pages, ("ada", "bob"), strict=True):
        open_queue(page, name)
        page.get_by_role("link", name=first).click()
        expect(page.locator(".facts .reference")).to_have_text(first)
    ada, bob = pages
    expect(bob.locator(".facts")).to_contain_text("Opened by ada@example.gov just now")
    ada.get_by_role("button", name="Accept", exact=True).click()
    expect(ada.locator(".facts .reference")).to_have_text(second)
    bob.get_by_role("button", name="Accept", exact=True).click()
    expect(bob.locator("#stale")).to_contain_text("Someone else changed this")
    bob.get_by_role("link", name="Next", exact=True).click()
    expect(bob.locator(".facts .reference")).to_have_text(second)


@pytest.mark.slow  # beside test_every_page
def test_queue_is_accessible_and_fits_a_phone(open_browser, office):
    for number in range(3):
        reference = add_submission(office, organization_name="W" * 60 * number)
    page = open_browser()
    open_queue(page)
    page.goto(f"/staff/submissions/{reference}?todo=yes")
    page.get_by_role("button", name="Assign to me").click()
    expect(page.locator("#said")).to_have_text(re.compile("Assigned to ada"))
    for scheme, width in [("light", 1280), ("dark", 390), ("light", 390), ("dark", 1280)]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        for path in (f"submissions/{reference}?todo=yes", "submissions?todo=yes&assigned=me"):
            page.goto(f"/staff/{path}")
            check_accessibility(page)
            assert not page.evaluate(WIDE), (path, width)
