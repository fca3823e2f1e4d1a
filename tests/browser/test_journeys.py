"""Both example cases are submitted in a real browser, with htmx and without JavaScript."""

import time

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.browser.pages import JAVASCRIPT, StepPage, check_accessibility, walk
from tests.complete_form import is_equivalent
from tests.conftest import load_case, without_ids
from wizard import create_app
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.one_store

STEPS = {
    "agency": [
        "kind", "organization", "contact", "current_data", "data_sets", "plan", "community",
        "opportunity", "publication", "review",
    ],
    "partner": [
        "kind", "organization", "contact", "programs", "involvement", "commitment", "milestones",
        "opportunity", "publication", "review",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("branch", "javascript"),
    [
        ("agency", True),
        ("partner", False),
        pytest.param("agency", False, marks=pytest.mark.slow),
        pytest.param("partner", True, marks=pytest.mark.slow),
    ],
    ids=["agency-htmx", "partner-plain", "agency-plain", "partner-htmx"],
)
def test_submitted_case_is_stored_unchanged(open_browser, server, branch, javascript):
    steps, case = STEPS[branch], load_case(branch)
    page = open_browser(javascript=javascript)
    look = check_accessibility if javascript else lambda page: None
    walk(page, case, steps, javascript=javascript, look=look)
    expect(page.locator("h1")).to_have_text("We received your commitment")
    reference = page.locator(".reference").inner_text()

    stored_reference, answers = stored(server)
    assert stored_reference == reference
    assert answers.keys() == case.keys()
    for name, given in case.items():
        assert is_equivalent(given, without_ids(answers)[name]), name
    message = server.folder / "mail" / f"{reference}.confirmation.eml"
    wait_for(message.exists)
    assert case["contact_email"] in message.read_text(encoding="utf-8")


@JAVASCRIPT
def test_link_of_a_card_selects_the_program_after_a_refused_post(open_browser, javascript):
    page = open_browser(javascript=javascript)
    page.locator("a[href$='?for=police']").click()
    expect(page.locator("h1")).to_have_text(COMMITMENT.steps["kind"].title)
    expect(page.locator("input:checked")).to_have_count(0)
    page.locator("#continue").click()
    expect(page.locator("#errors")).to_be_visible()
    for name in ("kind", "organization", "contact"):
        step = StepPage(page, COMMITMENT.steps[name], javascript=javascript)
        step.wait_until_shown()
        step.answer(load_case("partner"))
        step.press_continue()
    StepPage(page, COMMITMENT.steps["programs"]).wait_until_shown()
    expect(page.get_by_label("Police Data Initiative")).to_be_checked()
    expect(page.get_by_label("Opportunity Project")).not_to_be_checked()


def stored(server) -> tuple[str, dict]:
    """Return the reference and the answers of the only submission."""
    app = create_app({"DATABASE_URL": server.database_url, "INSTANCE_PATH": str(server.folder)})
    with app.app_context():
        submission = db.session.scalars(select(Submission)).one()
        db.session.remove()
        db.engine.dispose()
    return submission.reference, submission.answers


def wait_for(condition) -> None:
    """Wait until `condition` is true, for 30 seconds at most."""
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise TimeoutError(condition)
