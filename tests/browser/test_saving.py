"""Autosave in a real browser: offline, after errors, in conflicts and across browsers."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import JAVASCRIPT, StepPage, check_accessibility, walk
from tests.conftest import load_case
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.one_store

AGENCY = load_case("agency")
SAVED = re.compile(r"^Saved at \d")


@pytest.fixture
def data_sets_page(open_draft):
    """Return a page that shows the data sets step."""
    page = open_draft("data_sets")
    StepPage(page, COMMITMENT.steps["data_sets"]).wait_until_shown()
    return page


def drop_network_errors(open_browser, page) -> None:
    """Drop console errors that a test caused by cutting the network."""
    known = ("net::", "Failed to fetch", "status of 502")
    problems = open_browser.problems_of(page)
    problems[:] = [each for each in problems if not any(part in each for part in known)]


def test_typed_text_is_autosaved_and_announced(data_sets_page):
    page = data_sets_page
    page.locator("#data_sets-1-title").press_sequentially("Half a title", delay=20)
    page.fill("#data_sets-0-url", "not an address")
    expect(page.locator("#saved")).to_have_text(SAVED)
    expect(page.locator("#saved-spoken")).to_have_text("Draft saved")
    check_accessibility(page)
    page.reload()  # the page loads itself again when its last save came after it was drawn
    expect(page.locator("#data_sets-1-title")).to_have_value("Half a title")
    expect(page.locator("#data_sets-0-url")).to_have_value("not an address")
    expect(page.locator("#data_sets-0-url-error")).to_contain_text("like https://example.org")
    check_accessibility(page)


def test_leaving_without_javascript_saves_typed_text(open_browser):
    page = open_browser(javascript=False)
    walk(page, AGENCY, ["kind", "organization"], javascript=False)
    expect(page.locator(".band a, .site a").first).to_be_hidden()
    leaving = page.get_by_role("navigation", name="Leave this page")
    page.fill("#contact_name", "Half a na")
    leaving.get_by_role("button", name="Privacy").click()
    expect(page.locator("h1")).to_have_text("Privacy")
    page.go_back()
    page.reload()
    expect(page.locator("#contact_name")).to_have_value("Half a na")
    page.fill("#contact_name", "By the Enter key")
    page.press("#contact_name", "Enter")
    expect(page.locator("h1")).to_have_text(COMMITMENT.steps["contact"].title)


def test_leaving_by_link_saves_typed_text(data_sets_page):
    page = data_sets_page
    page.locator("#data_sets-0-title").press_sequentially("Typed and left")
    page.get_by_role("button", name="Back").click()
    StepPage(page, COMMITMENT.steps["current_data"]).wait_until_shown()
    page.get_by_role("button", name="Data sets", exact=True).click()
    StepPage(page, COMMITMENT.steps["data_sets"]).wait_until_shown()
    expect(page.locator("#data_sets-0-title")).to_have_value("Typed and left")


def test_autosave_retries_when_network_is_back(open_browser, data_sets_page):
    page = data_sets_page
    page.context.set_offline(True)
    page.locator("#data_sets-0-title").press_sequentially("Typed on a train")
    expect(page.locator("#saved")).to_contain_text("offline")
    expect(page.locator("#saved-spoken")).to_contain_text("offline")
    page.locator("#continue").click()
    expect(page.locator("#saved")).to_contain_text("offline")
    assert page.input_value("#data_sets-0-title") == "Typed on a train"
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_have_text(SAVED, timeout=10_000)
    drop_network_errors(open_browser, page)
    other = page.context.new_page()
    other.goto(page.url)
    assert other.input_value("#data_sets-0-title") == "Typed on a train"


@pytest.mark.slow
def test_server_error_keeps_page_and_typed_text(open_browser, data_sets_page):
    page = data_sets_page
    page.route("**/data_sets", lambda route: route.fulfill(status=502, body="<h1>Bad gateway"))
    page.fill("#data_sets-0-title", "Still here")
    page.locator("#continue").click()
    expect(page.locator("#saved")).to_contain_text("We couldn’t save your answers")
    assert page.input_value("#data_sets-0-title") == "Still here"
    drop_network_errors(open_browser, page)


def test_lost_network_without_draft_shows_alert(open_browser):
    page = open_browser()
    page.get_by_role("link", name="Start now").click()
    kind = StepPage(page, COMMITMENT.steps["kind"])
    kind.wait_until_shown()
    kind.answer(AGENCY)
    page.context.set_offline(True)
    kind.press_continue()
    expect(page.locator("#problem")).to_contain_text("offline")
    page.context.set_offline(False)
    drop_network_errors(open_browser, page)
    kind.press_continue()
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()
    expect(page.locator("#problem")).to_be_empty()


def test_resume_link_opens_draft_in_another_browser(open_browser, data_sets_page):
    page = data_sets_page
    page.locator("#data_sets-0-title").press_sequentially("From the office")
    page.get_by_role("button", name="Save and finish later").click()
    expect(page.locator("h1")).to_have_text("Your answers are saved")
    check_accessibility(page)
    link = page.locator("#link").input_value()
    phone = open_browser(viewport={"width": 360, "height": 740})
    phone.goto(link)
    StepPage(phone, COMMITMENT.steps["data_sets"]).wait_until_shown()
    assert "resume" not in phone.url
    assert phone.input_value("#data_sets-0-title") == "From the office"
    page.get_by_role("button", name="Clear from this browser").click()
    expect(page.locator(".notice[role=status]")).to_contain_text("cleared from this browser")
    page.goto(phone.url)
    expect(page.locator("h1")).to_have_text("Page not found")


@JAVASCRIPT
def test_conflicting_save_shows_both_versions(open_browser, javascript):
    here = open_browser(javascript=javascript)
    walk(here, AGENCY, ["kind", "organization"], javascript=javascript)
    StepPage(here, COMMITMENT.steps["contact"]).wait_until_shown()
    here.get_by_role("button", name="Save and finish later").click()
    link = here.locator("#link").input_value()
    there = open_browser(javascript=javascript)
    there.goto(link)
    here.get_by_role("link", name="Back to your answers").click()
    contact = COMMITMENT.steps["contact"]
    for page, name in ((here, "Pat"), (there, "Chris")):
        StepPage(page, contact).wait_until_shown()
        page.fill("#contact_name", name)
        page.fill("#contact_email", "desk@example.org")
        page.locator("#continue").click()
        expect(page.locator("h1")).not_to_have_text(contact.title)
    expect(there.locator("h1")).to_have_text("Choose which answers to keep")
    assert "Pat" in there.inner_text("main") and "Chris" in there.inner_text("main")
    check_accessibility(there) if javascript else None
    there.get_by_label("What was saved in the other window").check()
    there.locator("#continue").click()
    StepPage(there, COMMITMENT.steps["current_data"]).wait_until_shown()
    here.reload()
    here.get_by_role("button", name="Contact", exact=True).click()
    expect(here.locator("#contact_name")).to_have_value("Pat")


@pytest.mark.slow
def test_expired_session_asks_to_confirm_typed_text(data_sets_page):
    page = data_sets_page
    page.wait_for_timeout(1000)  # a pending response would set the cookie again
    page.context.clear_cookies()
    page.fill("#data_sets-0-title", "Typed over lunch")
    page.locator("#continue").click()
    expect(page.locator("#confirm")).to_contain_text("Your answers are still here")
    expect(page.locator("#confirm")).to_be_focused()
    check_accessibility(page)
    StepPage(page, COMMITMENT.steps["data_sets"]).answer(AGENCY)
    page.locator("#continue").click()
    StepPage(page, COMMITMENT.steps["plan"]).wait_until_shown()


@pytest.mark.slow
def test_landing_page_links_to_draft_in_progress(data_sets_page):
    page = data_sets_page
    page.goto("/")
    check_accessibility(page)
    page.get_by_role("link", name="Continue this draft").click()
    StepPage(page, COMMITMENT.steps["data_sets"]).wait_until_shown()


@pytest.fixture
def refused_page(data_sets_page):
    """Return a page whose save was refused: another window changed its answers."""
    page = data_sets_page
    other = page.context.new_page()
    other.goto(page.url)
    other.fill("#data_sets-0-title", "Typed elsewhere")
    other.locator("#data_sets-0-title").blur()
    expect(other.locator("#saved")).to_have_text(SAVED)
    page.locator("#data_sets-0-title").press_sequentially("Typed here")
    expect(page.locator("#saved")).to_contain_text("changed these answers in another window")
    return page


@pytest.mark.slow
def test_back_when_save_refused_asks_which_answers_to_keep(refused_page):
    refused_page.get_by_role("button", name="Back").click()
    expect(refused_page.locator("h1")).to_have_text("Choose which answers to keep")


@pytest.mark.slow
def test_link_when_save_refused_asks_before_leaving(refused_page):
    asked = []
    refused_page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    refused_page.get_by_role("link", name="Preview the questions").click(no_wait_after=True)
    refused_page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    expect(refused_page.locator("#data_sets-0-title")).to_have_value("Typed here")


@pytest.mark.slow
def test_button_when_save_refused_stays_in_place_while_pressed(refused_page):
    page, button = refused_page, refused_page.locator("#continue")
    page.set_viewport_size({"width": 320, "height": 480})
    page.locator("#data_sets-0-title").press_sequentially(" and here")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    before = button.bounding_box()
    page.mouse.move(before["x"] + 20, before["y"] + 20)
    page.mouse.down()
    assert button.bounding_box() == before
    page.mouse.up()
    expect(page.locator("h1")).to_have_text("Choose which answers to keep")


@pytest.mark.slow
def test_immediate_reload_shows_typed_text(data_sets_page):
    page = data_sets_page
    page.locator("#data_sets-0-title").press_sequentially("Typed and reloaded")
    page.reload()
    expect(page.locator("#data_sets-0-title")).to_have_value("Typed and reloaded")
    page.locator("#data_sets-1-title").press_sequentially("More")
    expect(page.locator("#saved")).to_have_text(SAVED)


@pytest.mark.slow
@pytest.mark.parametrize("clipboard", ["{writeText: () => Promise.reject()}", "undefined"])
def test_copy_without_clipboard_selects_link_and_says_keys(data_sets_page, clipboard):
    page = data_sets_page
    page.get_by_role("button", name="Save and finish later").click()
    page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{value: {clipboard}}})")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Selected. To copy, use Ctrl+C or ⌘C.")).to_be_visible()
    selected = "() => document.activeElement.value.slice(0, document.activeElement.selectionEnd)"
    assert page.evaluate(selected) == page.locator("#link").input_value()


@pytest.mark.slow
def test_copy_with_clipboard_copies_link(data_sets_page):
    page = data_sets_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Save and finish later").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == page.locator("#link").input_value()


@pytest.mark.slow
def test_half_a_date_stays_in_its_control_until_it_is_a_day(data_sets_page):
    page = data_sets_page
    StepPage(page, COMMITMENT.steps["data_sets"]).answer(AGENCY)
    day, change = page.locator("#data_sets-0-release_on"), page.get_by_text("Change data set 1")
    change.click()
    day.focus()
    page.keyboard.press("Backspace")
    assert day.evaluate("field => field.validity.badInput")
    change.click()
    expect(day).to_be_hidden()
    page.locator("#continue").click()
    expect(day).to_be_visible()
    message = day.evaluate("field => field.validationMessage")
    assert message == "This date isn’t complete, or it doesn’t exist."
    expect(page.locator("h1")).to_have_text(COMMITMENT.steps["data_sets"].title)
    day.fill("2027-06-30")
    assert day.evaluate("field => field.validity.valid")
    page.locator("#continue").click()
    StepPage(page, COMMITMENT.steps["plan"]).wait_until_shown()


@pytest.mark.slow
def test_back_with_half_a_date_leaves(data_sets_page):
    page = data_sets_page
    page.locator("#data_sets-0-release_on").focus()
    page.keyboard.press("0")
    page.keyboard.press("2")
    page.get_by_role("button", name="Back").click()
    StepPage(page, COMMITMENT.steps["current_data"]).wait_until_shown()


@pytest.mark.slow
def test_post_over_the_limit_leaves_the_page_as_it_is(data_sets_page):
    page = data_sets_page
    title = page.locator("#data_sets-0-title")
    title.evaluate("field => { field.value = 'x'.repeat(2_200_000); }")
    page.locator("#continue").click()
    expect(page.locator("#saved")).to_contain_text("Not saved: too long.")
    assert title.evaluate("field => field.value.length") == 2_200_000
    title.evaluate("field => { field.value = 'x'.repeat(900_000); }")
    page.locator("#continue").click()
    expect(page.locator("#data_sets-0-title-error")).to_contain_text("Not saved: too long.")
    assert title.evaluate("field => field.value.length") == 900_000
