"""Motion explains what happened: it is short, moves nothing else, and can be switched off."""

import pytest
from playwright.sync_api import expect

from tests.browser.pictures import signed_in_admin

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

MAX_SECONDS = 0.2
MOVING = """() => [...document.querySelectorAll("*")]
  .flatMap(each => ["", "::before", "::after"].map(part => getComputedStyle(each, part)))
  .flatMap(style => [
    ...(style.animationName === "none" ? [] : [[style.animationName, style.animationDuration]]),
    ...(parseFloat(style.transitionDuration) ? [["a transition", style.transitionDuration]] : []),
  ])
  .map(([name, duration]) => [name, parseFloat(duration)])"""
CHANGED = """() => [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
  .filter(rule => rule instanceof CSSKeyframesRule)
  .flatMap(rule => [...rule.cssRules]).flatMap(frame => [...frame.style])"""


def moving_parts(page) -> dict[str, float]:
    """Return the seconds of each animation on a page, by its name."""
    return dict(page.evaluate(MOVING))


def open_pages(open_browser, server, motion):
    """Yield a page with a step, then with the next step, then with a kept promise and a part that
    was unfolded."""
    with signed_in_admin(server.database_url, server.folder) as token:
        page = open_browser(reduced_motion=motion)
        page.context.add_cookies([{"name": "staff", "value": token, "url": f"{server.url}/staff/"}])
    page.goto("/respond/")
    yield page
    page.locator("label").first.click()
    page.locator("#continue").click()
    expect(page.locator("#organization_name")).to_be_visible()
    yield page
    page.goto("/staff/parts")
    page.locator("#by-due summary").click()
    expect(page.locator("#by-due table")).to_be_visible()
    yield page


def test_motion_is_off_if_reduced(open_browser, server):
    for page in open_pages(open_browser, server, "reduce"):
        assert moving_parts(page) == {}


def test_motion_is_short_and_shows_what_came(open_browser, server):
    pages = open_pages(open_browser, server, "no-preference")
    first, step, parts = (moving_parts(page) for page in pages)
    # The largest paint of a page that was opened would wait for it.
    assert "appear" not in first.keys() | parts.keys()
    assert step.keys() == {"appear", "come", "arrive"}
    assert parts.keys() == {"come", "arrive"}
    assert max(*step.values(), *parts.values()) <= MAX_SECONDS


def test_motion_shifts_no_other_part(open_browser):
    assert set(open_browser().evaluate(CHANGED)) <= {"opacity", "transform"}


def test_step_that_comes_takes_input_at_once(open_browser):
    page = open_browser(reduced_motion="no-preference")
    page.goto("/respond/")
    page.locator("label").first.click()
    page.locator("#continue").click()
    page.locator("#organization_name").fill("Riverton")
    expect(page.locator("#organization_name")).to_have_value("Riverton")
