"""Accessibility: small screens, forced colors, keyboard only, other scripts."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import StepPage, check_accessibility, walk
from tests.browser.test_journeys import STEPS
from tests.conftest import load_case
from tests.factories import add_published, update_path
from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import Choice, Choices, Select
from wizard.forms.fields import Confirm, Date, Field
from wizard.forms.groups import Group
from wizard.submissions.cases import find_by_reference
from wizard.submissions.promises import list_promises
from wizard.web import links

AGENCY, PARTNER = load_case("agency"), load_case("partner")
HEBREW_NAME = "מרכז הנתונים (2026) 100%"
CUT_OFF = """() => [...document.querySelectorAll("#main *, .band *, .foot *")].filter(each => {
  if (each.closest("input, textarea, select, svg, .visually-hidden, .default, .scroll, thead")
    || each.closest("details:not([open])")) return false;
  const style = getComputedStyle(each), box = each.getBoundingClientRect();
  const hides = ["hidden", "clip"].includes(style.overflowX);
  return box.width && (box.right > innerWidth + 1 || hides && each.scrollWidth > box.width + 1
    || each.matches("button") && each.scrollHeight > box.height + 1);
}).map(each => each.outerHTML.slice(0, 120))"""
SMALL = """() => [...document.querySelectorAll("button, select, textarea, summary, nav a, a.button,"
  + " .back, .cardhead a, input:not([type=hidden], [type=radio], [type=checkbox]), .tick label")]
  .filter(each => each.checkVisibility() && !each.closest(".default, .tiles, .skip"))
  .filter(each => each.getBoundingClientRect().height < 43.5)
  .map(each => each.outerHTML.slice(0, 120))"""
"""Controls lower than 44 px; links inside a sentence are exempt (WCAG 2.2, 2.5.8)."""


@pytest.fixture
def database_url(sqlite_url):
    """Use SQLite only: the browser behaves the same on both databases."""
    return sqlite_url


def check_page(page: Page) -> None:
    """Check for accessibility violations, clipped content and small targets."""
    check_accessibility(page)
    assert page.evaluate(CUT_OFF) == [], (page.url, "is cut off")
    assert page.evaluate(SMALL) == [], (page.url, "is too small to press")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_twenty_invalid_entries_in_another_script_are_accessible(open_draft, scheme):
    names = AGENCY | {"organization_name": HEBREW_NAME, "city": "القدس"}
    phone = {"width": 320, "height": 640}
    page = open_draft("data_sets", names, viewport=phone, color_scheme=scheme)
    StepPage(page, COMMITMENT.steps["data_sets"]).wait_until_shown()
    page.fill("#data_sets-0-title", HEBREW_NAME)
    for number in range(3, 20):
        page.get_by_role("button", name="Add another data set").click()
        expect(page.locator(f"#data_sets-{number}")).to_be_focused()
        page.fill(f"#data_sets-{number}-title", f"Data set of words{'s' * number}")
    expect(page.locator("#data_sets-0")).to_have_text(f"Data set 1: {HEBREW_NAME}")
    page.locator("#continue").click()
    expect(page.locator("#errors")).to_be_focused()
    assert page.locator("#errors a").count() > 40
    check_page(page)


@pytest.mark.slow
def test_done_and_open_stops_differ_in_forced_colors(open_browser):
    page = open_browser(forced_colors="active", viewport={"width": 1280, "height": 800})
    check_page(page)
    walk(page, AGENCY, ["kind", "organization"])
    StepPage(page, COMMITMENT.steps["contact"]).wait_until_shown()
    fill = """selector => getComputedStyle(document.querySelector(selector), "::after")
      .backgroundColor"""
    assert page.evaluate(fill, ".line .done") != page.evaluate(fill, ".line .open")
    check_page(page)


@pytest.mark.slow
def test_progress_line_folds_on_phone_and_is_open_on_desktop(open_browser):
    page = open_browser(viewport={"width": 375, "height": 740})
    walk(page, AGENCY, ["kind", "organization"])
    StepPage(page, COMMITMENT.steps["contact"]).wait_until_shown()
    stop = page.get_by_role("button", name="Organization", exact=True)
    expect(stop).to_be_hidden()
    page.get_by_text("About your organization · Step 3 of 10").locator("visible=true").click()
    expect(stop).to_be_visible()
    check_page(page)
    page.reload()
    expect(stop).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(stop).to_be_visible()
    stop.click()
    StepPage(page, COMMITMENT.steps["organization"]).wait_until_shown()


@pytest.mark.slow
def test_counter_shows_characters_left_and_warns_when_over(open_browser):
    page = open_browser()
    walk(page, AGENCY, ["kind", "organization", "contact"])
    StepPage(page, COMMITMENT.steps["current_data"]).wait_until_shown()
    text, count = page.locator("#current_data_description"), "#current_data_description-count"
    expect(page.locator(count)).to_have_text("5,000 characters left")
    text.fill("Two\nlines 👮")
    expect(page.locator(count)).to_have_text("4,989 characters left")
    page.wait_for_timeout(1200)
    assert page.locator("#count-spoken").inner_text() == ""
    text.fill("x" * 5003)
    expect(page.locator(count)).to_have_text("3 characters over the limit")
    expect(page.locator("#count-spoken")).to_have_text("3 characters over the limit")
    check_accessibility(page)


def addresses_in_reminder(office, reference: str) -> list[str]:
    """Return the links of a reminder by email about the first promise of a commitment."""
    path = update_path(office, reference)
    with office.app_context():
        submission = find_by_reference(reference)
        (promise, *_) = list_promises([submission.id])[submission.id]
    about = f"{path}?then=update&promise={promise.entry_id}&outcome="
    return [f"{about}done", f"{about}delayed", f"{path}?then=update", f"{path}?then=stop"]


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["en-US", "es-US"])
def test_links_of_reminders_lead_to_accessible_pages(open_browser, office, locale):
    reference = add_published(office, "partner", commitment_title="V" * 60)
    with office.app_context():
        ends = [
            links.unsubscribe_url("submission", reference),
            links.unsubscribe_url("digest", "1"),
        ]
    addresses = [f"/{each.split('/', 3)[3]}" for each in ends]
    addresses += addresses_in_reminder(office, reference)
    page = open_browser(locale=locale)
    for scheme, width in [("light", 1280), ("dark", 320)]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 640})
        for address in addresses:
            page.goto(address)
            check_page(page)
    for address in addresses[:2]:
        page.goto(address)
        question = page.locator("h1").inner_text()
        page.locator("main button").click()
        expect(page.locator("h1")).not_to_have_text(question)
        expect(page.locator("main button")).to_have_count(0)
        check_page(page)


@pytest.mark.slow
def test_layout_does_not_shift_while_typing(open_browser):
    page = open_browser(viewport={"width": 375, "height": 740})
    page.add_init_script("""window.moved = []; new PerformanceObserver(list => {
      for (const shift of list.getEntries()) moved.push(shift.value);
    }).observe({type: "layout-shift", buffered: true})""")
    for path in ("/", "/commitments", "/respond/"):
        page.goto(path)
        page.wait_for_timeout(300)
        assert page.evaluate("moved") == [], path
    page.goto("/")
    walk(page, AGENCY, ["kind", "organization"])
    StepPage(page, COMMITMENT.steps["contact"]).wait_until_shown()
    page.reload()
    page.evaluate("moved.length = 0")
    page.locator("#contact_name").press_sequentially("Pat", delay=30)
    expect(page.locator("#saved")).to_contain_text("Saved at")
    assert page.evaluate("moved") == []


def test_new_step_makes_no_announcement_beside_its_heading(open_browser):
    page = open_browser()
    page.get_by_role("link", name="Start now").click()
    StepPage(page, COMMITMENT.steps["kind"]).wait_until_shown()
    page.evaluate("""() => { window.said = []; new MutationObserver(records => {
      for (const {target} of records) {
        const live = target.parentElement?.closest("[role=status], [role=alert]") ||
          target.closest?.("[role=status], [role=alert]");
        if (live?.textContent.trim()) said.push(live.textContent);
      }
    }).observe(document.body, {subtree: true, childList: true, characterData: true}) }""")
    for name in STEPS["agency"][:3]:
        step = StepPage(page, COMMITMENT.steps[name])
        step.wait_until_shown()
        step.answer(AGENCY)
        step.press_continue()
    StepPage(page, COMMITMENT.steps["current_data"]).wait_until_shown()
    expect(page.locator("h1")).to_be_focused()
    assert [each for each in page.evaluate("said") if each != "Draft saved"] == []


class Keyboard:
    """A user who has no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def tab_to(self, selector: str) -> None:
        """Press Tab until `selector` has the focus."""
        for _ in range(80):
            if self.page.evaluate("s => document.activeElement?.matches(s)", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached")

    def answer(self, field: Field, value, prefix: str = "") -> None:
        """Answer one question."""
        keys, id_ = self.page.keyboard, prefix + field.name
        if isinstance(field, Group):
            self._entries(field, value)
        elif isinstance(field, Choice):
            self._choose(field, value, id_)
        elif isinstance(field, Confirm):
            self.tab_to(f"#{id_}")
            keys.press("Space")
        elif isinstance(field, Date):
            self.tab_to(f"#{id_}")
            keys.type(f"{value[5:7]}{value[8:]}{value[:4]}")
        else:
            self.tab_to(f"#{id_}")
            keys.insert_text(value)

    def _entries(self, group: Group, entries: list) -> None:
        for number, entry in enumerate(entries):
            if number >= self.page.locator(".entry").count():
                self.tab_to("[name=action][value=add]")
                self.page.keyboard.press("Enter")
                expect(self.page.locator(f"#{group.name}-{number}")).to_be_focused()
            for field in group.fields:
                if field.name in entry:
                    self.answer(field, entry[field.name], f"{group.name}-{number}-")

    def _choose(self, field: Choice, value, id_: str) -> None:
        keys = self.page.keyboard
        if isinstance(field, Choices):
            for code in value:
                self.tab_to(f"[name={id_}][value={code}]")
                keys.press("Space")
        elif isinstance(field, Select):
            self.tab_to(f"#{id_}")
            keys.type(field.display(value))
        else:
            self.tab_to(f"[name={id_}]")
            keys.press("Space")
            for _ in range(field.codes().index(value)):
                keys.press("ArrowDown")


def test_branch_is_completed_by_keyboard(open_browser):
    page = open_browser(locale="en-US")
    keyboard = Keyboard(page)
    keyboard.tab_to("a.button")
    page.keyboard.press("Enter")
    for name in STEPS["partner"]:
        step = COMMITMENT.steps[name]
        StepPage(page, step).wait_until_shown()
        for field in step.fields:
            if field.name in PARTNER:
                if field.when:
                    expect(page.locator(f"[name^={field.name}]").first).to_be_attached()
                keyboard.answer(field, PARTNER[field.name])
        keyboard.tab_to("#continue")
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("We received your commitment")
