"""Inviting a colleague in a real browser, by keyboard, with and without JavaScript."""

from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_access import check_page
from tests.browser.test_staff import sign_in

pytestmark = pytest.mark.one_store

SIZES = {"phone": (390, 800), "desktop": (1280, 800)}


def look(page: Page, javascript: bool) -> None:
    """Check a page; axe needs JavaScript."""
    if javascript:
        check_page(page)


def press_enter_on(page: Page, name: str, role: str = "button") -> None:
    """Focus a control and press Enter."""
    control = page.get_by_role(role, name=name)
    control.focus()
    expect(control).to_be_focused()
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("size", "javascript"),
    [
        *(pytest.param(size, True, marks=pytest.mark.slow) for size in SIZES),
        ("desktop", False),
    ],
)
def test_colleague_joins_by_link(open_browser, office, size, javascript):
    width, height = SIZES[size]
    options = {"viewport": {"width": width, "height": height}, "javascript": javascript}
    admin = open_browser(**options)
    admin.goto("/staff/people")
    sign_in(admin, "ada")
    expect(admin.locator("h1")).to_have_text("Staff accounts")
    look(admin, javascript)
    admin.get_by_label("Email address").fill("grace@example.gov")
    admin.get_by_label("Name", exact=True).fill("Grace Hopper")
    press_enter_on(admin, "Send invitation")
    expect(admin.locator("#secret")).to_be_visible()
    link = admin.locator("#secret code").inner_text()
    look(admin, javascript)

    person = open_browser(**options)
    person.goto(urlsplit(link).path)
    expect(person.locator("h1")).to_have_text("Set up your account")
    look(person, javascript)
    press_enter_on(person, "Finish and sign in")
    expect(person.locator("#errors")).to_be_visible()
    look(person, javascript)
    person.get_by_label("New password").fill("marble-otter-lantern-22")
    secret = person.locator("code.key").inner_text().replace(" ", "")
    person.get_by_label("6-digit code").fill(pyotp.TOTP(secret).now())
    person.get_by_label("I’ve kept these codes").focus()
    person.keyboard.press("Space")
    press_enter_on(person, "Finish and sign in")
    expect(person.locator("h1")).to_have_text("My account")
    look(person, javascript)
    person.goto(urlsplit(link).path)
    expect(person.locator("h1")).to_have_text("This link doesn’t work")
    look(person, javascript)

    admin.goto("/staff/people")
    press_enter_on(admin, "Disable bob@example.gov", "link")
    expect(admin.locator("h1")).to_have_text("Disable this account?")
    look(admin, javascript)
    press_enter_on(admin, "Disable account")
    expect(admin.locator("#said")).to_contain_text("is disabled")
    admin.goto("/staff/audit")
    expect(admin.locator(".list")).to_contain_text("invited grace@example.gov as viewer")
    expect(admin.locator(".list")).to_contain_text("disabled the account of bob@example.gov")
    look(admin, javascript)


@pytest.mark.slow
def test_codes_are_printed_and_copied(open_browser, office):
    page = open_browser()
    page.goto("/staff/account")
    sign_in(page, "bob")
    expect(page.locator("h1")).to_have_text("My account")
    page.reload()
    page.evaluate("window.print = () => { document.title = 'printed' }")
    page.get_by_role("button", name="Print").click()
    expect(page).to_have_title("printed")
    page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }")
    page.get_by_role("button", name="Copy codes").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("copied").split() == page.locator("#codes code").all_inner_texts()
    page.emulate_media(media="print")
    expect(page.locator("#codes")).to_be_visible()
    expect(page.locator(".qr")).to_be_hidden()
