"""htmx swaps: one document from the first step on, with address, title and focus kept right."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import JAVASCRIPT, StepPage, check_accessibility, walk
from tests.conftest import load_case
from wizard.flows.commitment import COMMITMENT

AGENCY = load_case("agency")
PARTNER = load_case("partner")
TO_PROGRAMS = ["kind", "organization", "contact", "programs"]
ORGANIZATION_URL = re.compile("/organization$")


@pytest.fixture
def database_url(sqlite_url):
    """Use SQLite only: the browser behaves the same on both databases."""
    return sqlite_url


def test_next_step_is_swapped_with_title_address_and_focus(open_browser):
    page = open_browser()
    page.get_by_role("link", name="Start now").click()
    kind = StepPage(page, COMMITMENT.steps["kind"])
    kind.wait_until_shown()
    page.evaluate("window.same = true")
    kind.answer(AGENCY)
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("Your organization – Data Commitments")
    expect(page).to_have_url(ORGANIZATION_URL)
    expect(page.locator("h1")).to_be_focused()
    assert page.evaluate("window.same") is True
    assert page.evaluate("scrollY") < 200


@pytest.mark.slow
def test_second_of_two_quick_links_wins(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind", "organization"])
    StepPage(page, COMMITMENT.steps["contact"]).wait_until_shown()
    page.evaluate("window.same = true")
    page.route("**/kind", lambda route: (page.wait_for_timeout(500), route.continue_()))
    page.get_by_role("button", name="Organization type", exact=True).click()
    page.get_by_role("button", name="Organization", exact=True).click()
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()
    page.wait_for_timeout(700)
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()
    expect(page).to_have_url(ORGANIZATION_URL)
    assert page.evaluate("window.same") is True


def test_error_summary_is_focused_and_links_to_fields(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind"])
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()
    page.fill("#city", "Orlando")
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("Error: Your organization – Data Commitments")
    expect(page).to_have_url(ORGANIZATION_URL)
    expect(page.locator("#errors")).to_be_focused()
    check_accessibility(page)
    page.get_by_role("link", name="Enter your organization’s name.").click()
    expect(page.locator("#organization_name")).to_be_focused()
    expect(page.locator("#city")).to_have_value("Orlando")


def test_conditional_field_swaps_without_losing_input(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind", "organization", "contact"])
    StepPage(page, COMMITMENT.steps["current_data"]).wait_until_shown()
    page.evaluate("window.same = true")
    # The response arrives while the user is still typing.
    page.route("**/current_data", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.get_by_label("Yes", exact=True).check()
    page.locator("#current_data_description").press_sequentially("typed meanwhile", delay=40)
    expect(page.locator("#portal_url")).to_be_visible()
    assert page.input_value("#current_data_description") == "typed meanwhile"
    expect(page.locator("#current_data_description")).to_be_focused()
    page.get_by_label("No", exact=True).check()
    expect(page.locator("#portal_url")).to_have_count(0)
    assert page.evaluate("window.same") is True


@pytest.mark.slow
def test_visible_conditional_field_keeps_what_is_typed_meanwhile(open_browser):
    page = open_browser()
    walk(page, PARTNER, TO_PROGRAMS)
    StepPage(page, COMMITMENT.steps["involvement"]).wait_until_shown()
    description = page.locator("#involvement_description")
    with page.expect_response(lambda got: "keep=1" in got.url):
        page.route("**/involvement", lambda route: (page.wait_for_timeout(300), route.continue_()))
        page.get_by_label("Community groups").check()
        description.fill("typed meanwhile")
    page.unroute("**/involvement")
    page.wait_for_timeout(200)
    expect(description).to_have_value("typed meanwhile")
    page.get_by_label("Community groups").uncheck()
    page.get_by_label("None of these yet").check()
    expect(description).to_have_count(0)


@pytest.mark.slow
def test_optional_step_says_that_it_can_be_skipped_until_it_cannot(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind", "organization", "contact", "current_data", "data_sets", "plan",
                        "community"])  # fmt: skip
    StepPage(page, COMMITMENT.steps["opportunity"]).wait_until_shown()
    skip = page.get_by_text("Select Continue to skip it.")
    expect(skip).to_be_visible()
    page.get_by_label("Use Opportunity Project data").check()
    expect(page.locator("#opportunity_description")).to_be_visible()
    expect(skip).to_have_count(0)
    page.get_by_label("Use Opportunity Project data").uncheck()
    expect(skip).to_be_visible()


def test_added_entry_is_focused_and_keeps_typed_text(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind", "organization", "contact", "current_data"])
    page.fill("#data_sets-1-title", "Half a tit")
    page.get_by_role("button", name="Add another data set").click()
    expect(page.locator("#data_sets-3")).to_be_focused()
    expect(page.locator("#data_sets-3")).to_be_in_viewport()
    assert page.input_value("#data_sets-1-title") == "Half a tit"
    page.get_by_role("button", name="Remove data set 1", exact=True).click()
    expect(page.locator("#data_sets-3")).to_have_count(0)
    assert page.input_value("#data_sets-0-title") == "Half a tit"


@pytest.mark.slow
@JAVASCRIPT
def test_complete_entries_fold_and_lose_nothing(open_browser, javascript):
    page = open_browser(javascript=javascript)
    steps = ["kind", "organization", "contact", "current_data", "data_sets"]
    walk(page, AGENCY, steps, javascript=javascript)
    StepPage(page, COMMITMENT.steps["plan"]).wait_until_shown()
    page.get_by_role("button", name="Back", exact=True).click()
    StepPage(page, COMMITMENT.steps["data_sets"]).wait_until_shown()
    titles = [page.locator(f"#data_sets-{place}-title") for place in range(3)]
    for title in titles:
        expect(title).to_be_hidden()
    for place in (0, 1):
        page.get_by_text(f"Change data set {place + 1}").click()
        titles[place].fill(f"Changed {place}")
    expect(titles[0]).to_be_hidden()
    titles[1].fill("")
    page.get_by_role("button", name="Add another data set").click()
    expect(page.locator("#data_sets-4")).to_be_focused()
    expect(titles[0]).to_have_value("Changed 0")
    titles[1].fill("Changed 1")
    page.get_by_role("button", name="Remove data set 1").click()
    expect(page.locator("#data_sets-removed")).to_have_text("Removed “Changed 0”.")
    expect(titles[0]).to_have_value("Changed 1")
    page.get_by_role("button", name="Undo").click()
    expect(titles[0]).to_have_value("Changed 0")
    expect(titles[0]).to_be_hidden()


def test_enter_key_continues(open_browser):
    page = open_browser()
    walk(page, PARTNER, [*TO_PROGRAMS, "involvement", "commitment"])
    milestones = StepPage(page, COMMITMENT.steps["milestones"])
    milestones.wait_until_shown()
    milestones.answer(PARTNER)
    page.locator("#milestones-0-what").press("Enter")
    StepPage(page, COMMITMENT.steps["opportunity"]).wait_until_shown()


def test_back_and_forward_show_answers(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind", "organization"])
    StepPage(page, COMMITMENT.steps["contact"]).wait_until_shown()
    page.go_back()
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()
    expect(page.locator("#city")).to_have_value("Orlando")
    page.go_forward()
    StepPage(page, COMMITMENT.steps["contact"]).wait_until_shown()


def test_first_steps_are_completed_by_keyboard(open_browser):
    page = open_browser()
    keys = page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(60):
            if page.evaluate(f"document.activeElement?.matches({selector!r})"):
                return
            keys.press("Tab")
        raise AssertionError(f"{selector} is not reached")

    tab_to("a.button")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Who are you responding for?")
    tab_to("#organization_kind")
    for _ in range(3):
        keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Your organization")
    for selector, text in (("#organization_name", "Orlando"), ("#city", "Orlando")):
        tab_to(selector)
        keys.type(text)
    tab_to("#state")
    keys.type("Flo")
    tab_to("#continue")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Contact person")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_step_fits_a_narrow_phone(open_browser, scheme):
    page = open_browser(viewport={"width": 320, "height": 640}, color_scheme=scheme)

    def look(page) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
        check_accessibility(page)

    look(page)
    long_words = AGENCY | {"organization_name": "Long" * 40}
    steps = ["kind", "organization", "contact", "current_data", "data_sets", "plan", "community",
             "opportunity", "publication", "review"]  # fmt: skip
    walk(page, long_words, steps, look=look)
    expect(page.locator("h1")).to_have_text("We received your commitment")
    look(page)
    for path in ("/questions", "/nowhere", "/respond/exit"):
        page.goto(path)
        look(page)


def test_double_click_creates_one_draft(open_browser, server):
    from sqlalchemy import select

    from wizard import create_app
    from wizard.db.engine import db
    from wizard.db.models import Draft

    page = open_browser()
    page.get_by_role("link", name="Start now").click()
    page.get_by_label("A private-sector company").check()
    page.locator("#continue").dblclick()
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()
    app = create_app({"DATABASE_URL": server.database_url, "INSTANCE_PATH": str(server.folder)})
    with app.app_context():
        assert len(db.session.scalars(select(Draft)).all()) == 1
        db.session.remove()
        db.engine.dispose()


def test_language_link_keeps_step_and_typed_text(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind"])
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()
    page.fill("#city", "Orlando")
    page.get_by_role("link", name="Español").click()
    expect(page.locator("h1")).to_have_text("Su organización")
    assert "/organization?" in page.url
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.locator("#city")).to_have_value("Orlando")
    check_accessibility(page)
    page.fill("#city", "Orlando, FL")
    expect(page.locator("#saved")).to_contain_text("Guardado: ")
    page.evaluate("window.same = true")
    page.get_by_role("button", name="Continuar").click()
    expect(page).to_have_title("Error: Su organización – Compromisos de datos")
    assert page.evaluate("window.same") is True
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("Your organization")
    expect(page.locator("#city")).to_have_value("Orlando, FL")
