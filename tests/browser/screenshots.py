"""Take a screenshot of every page and state: `make screenshots` writes build/screenshots/.

Covers both branches and the staff side, on a phone and a desktop, light and dark.
"""

import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.browser.conftest import launch, serve_htmx
from tests.browser.pages import StepPage, walk
from tests.browser.test_journeys import STEPS
from tests.conftest import load_case, migrate
from tests.server import ROOT, running_server
from tools import demo
from wizard import create_app
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE, Actor
from wizard.db.engine import db
from wizard.flows.commitment import COMMITMENT
from wizard.submissions.cases import change_status, locked_case
from wizard.web.errors import ERROR_PAGES, error_response

FOLDER = ROOT / "build" / "screenshots"
SCREENS = {"phone": {"width": 375, "height": 740}, "desktop": {"width": 1280, "height": 800}}
PASSWORD = "violin-cactus-harbor-9"
Shoot = Callable[[Page, str], None]


def main() -> None:
    """Take all screenshots, or those of the screens named as arguments (`phone-dark`)."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        url = f"sqlite:///{folder / 'wizard.sqlite'}"
        migrate(url, folder)
        reference = fill(url, folder)
        errors = draw_error_pages(url, folder)
        browser = launch(playwright)
        with running_server(url, folder) as server:
            for (screen, size), scheme in itertools.product(SCREENS.items(), ("light", "dark")):
                if sys.argv[1:] and f"{screen}-{scheme}" not in sys.argv[1:]:
                    continue
                taken = FOLDER / f"{screen}-{scheme}"
                taken.mkdir(parents=True, exist_ok=True)
                numbers = itertools.count(1)

                def shoot(page: Page, name: str, taken=taken, numbers=numbers, size=size) -> None:
                    path = taken / f"{next(numbers):03}-{name}.png"
                    # Not `full_page`: Chromium would scroll back during the next click.
                    height = page.evaluate("document.documentElement.scrollHeight")
                    page.set_viewport_size({**size, "height": height})
                    page.screenshot(path=path, animations="disabled")
                    page.set_viewport_size(size)

                context = browser.new_context(
                    base_url=server.url, viewport=size, color_scheme=scheme,
                    reduced_motion="reduce", bypass_csp=True,
                )  # fmt: skip
                context.route("https://cdn.jsdelivr.net/**", serve_htmx)
                page = context.new_page()
                shoot_public_side(page, shoot)
                shoot_error_pages(page, errors, shoot)
                shoot_spanish_steps(page, shoot)
                for branch in STEPS:
                    shoot_branch(page, branch, shoot)
                shoot_staff_side(page, reference, shoot)
                context.close()
        browser.close()
    print(f"{len(list(FOLDER.rglob('*.png')))} screenshots in {FOLDER.relative_to(ROOT)}/")


def fill(url: str, folder: Path) -> str:
    """Add demo submissions and a staff account; return the reference of a pending submission."""
    app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(folder)})
    with app.app_context():
        demo.fill(300)
        accounts.add_account("ada@example.gov", "admin", COMMAND_LINE, PASSWORD)
        published = "SELECT reference FROM submission WHERE status = 'published' LIMIT 1"
        withdrawn = db.session.execute(db.text(published)).scalar_one()
        db.session.remove()
        with locked_case(withdrawn) as submission:
            office = Actor("ada@example.gov")
            change_status(submission, "withdrawn", office, reason="The county does this now.")
        select = db.text("SELECT reference FROM submission WHERE status = 'in_review' LIMIT 1")
        reference = db.session.execute(select).scalar_one()
        db.session.remove()
        db.engine.dispose()
    return str(reference)


def draw_error_pages(url: str, folder: Path) -> dict[int, str]:
    """Return the error page of each status, which no visit would lead to."""
    app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(folder)})
    with app.test_request_context("/"):
        return {
            code: error_response(code, page).get_data(as_text=True)
            for code, page in ERROR_PAGES.items()
        }


def serve_page(body: str) -> Callable[[Route], None]:
    """Return what answers a request of the browser with a page."""
    return lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8")


def shoot_error_pages(page: Page, errors: dict[int, str], shoot: Shoot) -> None:
    """Take the error pages, with the styles of the server."""
    for code, body in errors.items():
        page.route(f"**/error-{code}", serve_page(body))
        page.goto(f"/error-{code}")
        shoot(page, f"error-{code}")


def shoot_spanish_steps(page: Page, shoot: Shoot) -> None:
    """Take the first two steps in Spanish, and one with errors."""
    page.goto("/respond/?lang=es")
    shoot(page, "es-first")
    page.locator(".tick label").first.click()
    page.locator("#continue").click()
    page.locator("#organization_name").wait_for()
    shoot(page, "es-second")
    page.locator("#continue").click()
    page.locator("#errors").wait_for()
    shoot(page, "es-second-errors")
    page.context.clear_cookies()


def shoot_public_side(page: Page, shoot: Shoot) -> None:
    """Take the public pages."""
    for path in ("/", "/questions", "/privacy", "/accessibility", "/commitments",
                 "/commitments?state=XX", "/nowhere", "/lost", "/resume/invented",
                 "/respond/exit"):  # fmt: skip
        page.goto(path)
        shoot(page, path.strip("/").replace("/", "-").replace("?", "-") or "landing")
    page.goto("/commitments")
    page.locator(".item a").first.click()
    expect(page.locator(".told").first).to_be_visible()
    shoot(page, "commitment")
    page.goto("/commitments?status=withdrawn")
    page.locator(".item a").first.click()
    expect(page.locator(".told").first).to_be_visible()
    shoot(page, "commitment-withdrawn")


def shoot_branch(page: Page, branch: str, shoot: Shoot) -> None:
    """Take each step of a branch: empty, with errors, and answered."""
    case = load_case(branch)
    page.goto("/")
    walk(page, case, [])
    for name in STEPS[branch]:
        step = StepPage(page, COMMITMENT.steps[name])
        step.wait_until_shown()
        shoot(page, f"{branch}-{name}")
        step.press_continue()
        try:
            page.locator("#errors").wait_for(timeout=1500)
            shoot(page, f"{branch}-{name}-errors")
        except Exception:  # the step has no required question
            page.goto(page.url)
            if page.locator("h1").inner_text() != step.step.title:
                continue
        step.answer(case)
        if step.step.group:
            entries = page.locator(".entry")
            before = entries.count()
            page.get_by_role("button", name="Add another").click()
            expect(entries).to_have_count(before + 1)
            shoot(page, f"{branch}-{name}-another")
            page.get_by_role("button", name="Remove").last.click()
            expect(entries).to_have_count(before)
        else:
            shoot(page, f"{branch}-{name}-answered")
        if name == "contact":
            address = page.url
            page.get_by_role("button", name="Save and finish later").click()
            expect(page.locator("#link")).to_be_visible()
            shoot(page, f"{branch}-saved")
            page.get_by_role("link", name="Delete draft").click()
            expect(page.locator("h1")).to_have_text("Delete this draft?")
            shoot(page, f"{branch}-delete")
            page.goto(address)
            shoot_conflict(page, branch, shoot)
            page.goto(address)
        step.press_continue()
    expect(page.locator(".reference")).to_be_visible()
    shoot(page, f"{branch}-receipt")
    page.emulate_media(media="print")
    shoot(page, f"{branch}-receipt-printed")
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Your commitment").click()
    expect(page.locator("#link")).to_be_visible()
    shoot(page, f"{branch}-yours")
    shoot_links(page, f"{branch}-yours", shoot)


def shoot_links(page: Page, name: str, shoot: Shoot) -> None:
    """Take the pages that belong to the one shown, and that it links to."""
    reference = page.url.split("/")[-2 if page.url.endswith("/yours") else -1]
    links = page.locator(f"main a[href*='/{reference}/']")
    found = links.evaluate_all("all => all.map(link => link.getAttribute('href'))")
    for path in dict.fromkeys(path.partition("#")[0] for path in found):
        if not path.endswith((".pdf", ".eml")):
            page.goto(path)
            shoot(page, f"{name}-{path.split(reference)[-1].strip('/').replace('/', '-')}")


def shoot_conflict(page: Page, branch: str, shoot: Shoot) -> None:
    """Take the conflict page after two windows changed the contact."""
    other = page.context.new_page()
    other.goto(page.url)
    other.fill("#contact_name", "Somebody else")
    page.fill("#contact_name", "Pat Garcia")
    with other.expect_response("**/autosave"):
        other.locator("#contact_name").blur()
    other.close()
    page.locator("#continue").click()
    expect(page.locator("h1")).to_have_text("Choose which answers to keep")
    shoot(page, f"{branch}-conflict")


def shoot_staff_side(page: Page, reference: str, shoot: Shoot) -> None:
    """Take the staff pages, from sign-in to the audit log."""
    page.goto("/staff/")
    shoot(page, "staff-sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.locator("#errors").wait_for()
    shoot(page, "staff-sign-in-refused")
    page.get_by_label("Email address").fill("ada@example.gov")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Dashboard")
    shoot(page, "staff-dashboard")
    for path in ("submissions", "submissions?status=received&state=FL", "submissions?text=nothing",
                 "account", "people", "people/1/disable", "tokens", "audit", "report",
                 f"submissions/{reference}"):  # fmt: skip
        page.goto(f"/staff/{path}")
        shoot(page, f"staff-{path}".replace("/", "-").replace("?", "-").replace("&", "-"))
    shoot_links(page, "staff-case", shoot)
    page.goto("/staff/people")
    page.get_by_label("Email address").fill("grace@example.gov")
    page.get_by_label("Name", exact=True).fill("Grace Hopper")
    page.get_by_role("button", name="Send invitation").click()
    page.locator("#secret").wait_for()
    shoot(page, "staff-people-invited")
    link = page.locator("#secret code").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.goto(urlsplit(link).path)
    shoot(page, "staff-welcome")
    page.get_by_role("button", name="Finish and sign in").click()
    page.locator("#errors").wait_for()
    shoot(page, "staff-welcome-errors")
    page.goto("/staff/welcome/invented")
    shoot(page, "staff-link-closed")


if __name__ == "__main__":
    main()
