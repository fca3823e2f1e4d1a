"""The staff side in a real browser: sign-in, filters, decisions, exports."""

import csv
import io
import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser.conftest import PASSWORD
from tests.browser.pages import JAVASCRIPT, check_accessibility
from tests.factories import add_submission
from wizard import clock
from wizard.db.engine import writing
from wizard.db.promises import Promise

pytestmark = pytest.mark.one_store


def sign_in(page: Page, name: str) -> None:
    """Sign in on the page that asks for it."""
    page.get_by_label("Email address").fill(f"{name}@example.gov")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@JAVASCRIPT
def test_submission_is_filtered_exported_and_decided(open_browser, office, javascript):
    for case, state in [("agency", "FL"), ("partner", "GA"), ("agency", "GA")]:
        reference = add_submission(office, case, state=state)
    page = open_browser(javascript=javascript)
    page.goto("/staff/submissions")
    sign_in(page, "ada")
    expect(page.locator(".list tbody tr")).to_have_count(3)

    page.get_by_label("State").select_option("GA")
    page.get_by_label("Branch").select_option("jurisdiction")
    if not javascript:
        page.get_by_role("button", name="Filter").click()
    expect(page.locator(".list tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("(?=.*state=GA).*branch=jurisdiction"))
    if javascript:
        assert "kind=" not in page.url
        page.reload()
        expect(page.locator(".list tbody tr")).to_have_count(1)

    with page.expect_download() as download:
        page.get_by_role("link", name="submissions.csv", exact=True).click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["reference"] == reference

    page.get_by_role("link", name=reference).click()
    expect(page.locator("h1")).not_to_have_text("Submissions")
    page.get_by_label("New note").fill("Looks good.")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator(".note")).to_contain_text("Looks good.")
    for button, status in [("Start review", "In review"), ("Accept", "Accepted")]:
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator(".facts .pill")).to_contain_text(status)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    page.goto("/staff/submissions")
    expect(page.locator("h1")).to_have_text("Sign in")


@pytest.mark.slow
def test_rarer_filters_unfold_on_a_phone_without_javascript(open_browser, office):
    add_submission(office, state="FL")
    reference = add_submission(office, state="GA")
    page = open_browser(javascript=False, viewport={"width": 320, "height": 640})
    page.goto("/staff/submissions")
    sign_in(page, "bob")
    expect(page.get_by_label("State")).to_be_hidden()
    page.locator("summary", has_text="More filters").click()
    page.get_by_label("State").select_option("GA")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".list tbody tr")).to_have_count(1)
    expect(page.locator("[data-row]")).to_have_text(reference)
    expect(page.get_by_label("State")).to_be_visible()
    page.locator(".chips a").click()
    expect(page.locator(".list tbody tr")).to_have_count(2)
    expect(page.get_by_label("State")).to_be_hidden()


@pytest.mark.slow
def test_two_filters_chosen_quickly_are_both_applied(open_browser, office):
    for state in ("FL", "GA"):
        add_submission(office, "agency", state=state)
        add_submission(office, "partner", state=state)
    page = open_browser()
    page.goto("/staff/submissions")
    sign_in(page, "ada")
    expect(page.locator(".list tbody tr")).to_have_count(4)
    # The first response would arrive after the second.
    page.route(
        lambda url: "state=GA" in url and "branch=jurisdiction" not in url,
        lambda route: (page.wait_for_timeout(500), route.continue_()),
    )
    page.get_by_label("State").select_option("GA")
    page.get_by_label("Branch").select_option("jurisdiction")
    expect(page.locator(".list tbody tr")).to_have_count(1)
    page.wait_for_timeout(700)
    expect(page.locator(".list tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("(?=.*state=GA).*branch=jurisdiction"))


@pytest.mark.slow  # beside test_every_page
def test_staff_pages_are_accessible_and_fit_a_phone(open_browser, office):
    reference = add_submission(office, organization_name="W" * 60)
    page = open_browser()
    page.goto("/staff/login")
    check_accessibility(page)
    sign_in(page, "ada")
    expect(page.locator("h1")).to_have_text("Dashboard")
    for scheme, width in [("light", 1280), ("dark", 360)]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        one = f"submissions/{reference}"
        for path in (
            "",
            "submissions",
            one,
            f"{one}/erase",
            f"{one}/changes",
            f"{one}/versions",
            "account",
            "people",
            "tokens",
            "audit",
        ):
            page.goto(f"/staff/{path}")
            check_accessibility(page)
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(wide), (path, width)


@pytest.mark.slow
def test_report_is_printed_on_one_sheet_without_the_frame(open_browser, office):
    for number in range(6):
        add_submission(office, status="published", organization_name=f"Police of Town {number}")
    with office.app_context(), writing() as session:
        today = clock.today()
        for number, promise in enumerate(session.scalars(select(Promise)).all()):
            promise.submitted_on = today - timedelta(days=9)
            promise.due_on = today + timedelta(days=1 if number % 2 else -1)
    page = open_browser()
    page.goto("/staff/report")
    sign_in(page, "ada")
    expect(page.locator("h1")).to_have_text("Report")
    expect(page.locator(".waiting li")).to_have_count(20)
    printed = page.pdf(format="Letter", margin=dict.fromkeys(("top", "bottom"), "0.4in"))
    assert len(re.findall(rb"/Type /Page\b", printed)) == 1
    page.emulate_media(media="print")
    for hidden in (".staffbar", ".filters", ".back"):
        expect(page.locator(hidden).first).to_be_hidden()


@pytest.mark.slow
@JAVASCRIPT
def test_changes_are_asked_for_and_declined_with_own_words(open_browser, office, javascript):
    reference = add_submission(office, status="in_review")
    page = open_browser(javascript=javascript)
    look = check_accessibility if javascript else lambda page: None  # axe needs JavaScript
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"/staff/submissions/{reference}")
    sign_in(page, "ada")
    page.get_by_role("link", name="Ask for changes").click()
    expect(page.locator("h1")).to_have_text("Ask for changes")
    about = page.locator("#about-city")
    expect(about).to_be_hidden()
    page.get_by_label("City or town", exact=True).focus()
    page.keyboard.press("Space")
    about.fill("Which one?")
    page.get_by_role("button", name="Ask for changes").click()
    expect(page.locator("#asked")).to_contain_text("Which one?")
    look(page)
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    for label in ("Decline…", "Email that goes with it", "For the organization"):
        page.locator("summary", has_text=label).first.click()
    look(page)
    assert not page.evaluate(wide)
    decline = page.get_by_role("button", name="Decline", exact=True)
    decline.click()
    expect(page.locator("#errors")).to_contain_text("Enter the reason")
    page.locator("#reason-declined").fill("It is public already.")
    page.locator("#words-declined").fill("Dear Ana,\n\nthank you.")
    decline.click()
    expect(page.locator(".facts .pill")).to_contain_text("Declined")
    expect(page.locator("#history")).to_contain_text("It is public already.")
    expect(page.locator("#history")).to_contain_text("Dear Ana,")


@pytest.mark.slow
def test_bar_with_the_decision_covers_no_control_in_focus(open_browser, office):
    reference = add_submission(office, status="in_review")
    page = open_browser(viewport={"width": 390, "height": 700})
    page.goto("/staff/")
    sign_in(page, "bob")
    expect(page.locator("h1")).to_have_text("Dashboard")
    page.goto(f"/staff/submissions/{reference}")
    bar = page.locator(".decidebar")
    expect(bar).to_be_in_viewport(ratio=1)
    hidden = """() => {
      const it = document.activeElement, bar = document.querySelector(".decidebar");
      const box = it.getBoundingClientRect(), edge = bar.getBoundingClientRect();
      return !bar.contains(it) && box.top >= edge.top && box.top < edge.bottom
        ? it.outerHTML.slice(0, 120) : "";
    }"""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(hidden) == ""
    bar.get_by_role("link", name="To the decision").click()
    expect(page.locator("#case")).to_be_in_viewport()


@pytest.mark.slow
def test_stale_decision_shows_the_other_editors_change(open_browser, office):
    reference = add_submission(office, status="in_review")
    pages = []
    for name in ("ada", "bob"):
        page = open_browser()
        page.goto(f"/staff/submissions/{reference}")
        sign_in(page, name)
        expect(page.get_by_role("button", name="Accept")).to_be_visible()
        pages.append(page)
    first, second = pages
    first.locator("summary", has_text="Decline").click()
    first.locator("#reason-declined").fill("Too vague.")
    first.get_by_role("button", name="Decline", exact=True).click()
    expect(first.locator(".facts .pill")).to_contain_text("Declined")
    second.locator("summary", has_text="Email").click()
    second.locator("#words-accepted").fill("Dear Ana")
    second.get_by_role("button", name="Accept", exact=True).click()
    expect(second.locator("#stale")).to_be_focused()
    expect(second.locator("#stale")).to_contain_text("Dear Ana")
    expect(second.locator("#history")).to_contain_text("Too vague.")
    expect(second.locator(".facts .pill")).to_contain_text("Declined")


@pytest.mark.slow  # beside test_morning
@pytest.mark.parametrize("javascript", [True, False], ids=["htmx", "plain"])
def test_many_cases_are_declined_at_once(open_browser, office, javascript):
    made = [add_submission(office, status="in_review") for _ in range(53)]
    add_submission(office, status="published")
    page = open_browser(javascript=javascript)
    look = check_accessibility if javascript else lambda page: None  # axe needs JavaScript
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/staff/submissions")
    sign_in(page, "bob")
    page.get_by_label("Select all 50 on this page").focus()
    page.keyboard.press("Space")
    checked = page.locator("input[name=reference]:checked")
    expect(checked).to_have_count(50 if javascript else 0)
    look(page)
    page.get_by_label("Select all 54 on this list").check()
    page.get_by_label("Selected submissions").select_option("declined")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("h1")).to_have_text("Decline: 53 submissions")
    expect(page.locator("#refused + .list")).to_contain_text("Its status is Published.")
    page.get_by_text("Email in English about 53 submissions").click()
    expect(page.locator("#words-en-many")).to_contain_text("decided not to accept it")
    look(page)
    page.locator("button.primary").click()
    expect(page.locator("#errors")).to_contain_text("Enter the reason")
    page.get_by_label("Reason").fill("It is public already.")
    if javascript:  # hold the second portion until somebody stops
        held: list = []
        page.route("**/staff/submissions/many?**", lambda route: hold_second(held, route))
    page.locator("button.primary").click()
    if javascript:
        expect(page.locator("h1")).to_have_text("Decline: 26 of 54")
        expect(page.locator("#stop")).to_be_focused()
        look(page)
        page.keyboard.press("Enter")
        page.locator("#progress").click()  # anything but *Continue*
        held[1].continue_()
        expect(page.locator("h1")).to_have_text("Decline: 51 of 54")
        expect(page.locator("#continue")).to_be_focused()
    else:
        expect(page.locator("h1")).to_have_text("Decline: 26 of 54")
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("h1")).to_have_text("Decline: 51 of 54")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("h1")).to_have_text("Decline: finished")
    expect(page.locator("#progress")).to_have_text("53 done, 1 not changed.")
    look(page)
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    page.get_by_role("link", name=made[0]).click()
    expect(page.locator(".facts .pill")).to_contain_text("Declined")


def hold_second(held: list, route) -> None:
    """Let all requests pass but the second one."""
    held.append(route)
    if len(held) != 2:
        route.continue_()
