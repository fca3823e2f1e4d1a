"""The journeys of users and staff in each engine: Chromium, Firefox and WebKit."""

import pytest

from tests.browser.conftest import PASSWORD
from tests.browser.test_journeys import STEPS
from tests.conftest import load_case
from tests.factories import add_submission
from tests.server import ForkedServer, running_server

AGENCY = load_case("agency")

pytestmark = pytest.mark.slow  # in Chromium, other tests of this folder do the same


@pytest.fixture
def database_url(sqlite_url):
    """Use SQLite only: the browser behaves the same on both databases."""
    return sqlite_url


@pytest.fixture
def server(database_url, tmp_path, htmx_url):
    """Run the program with an htmx that every engine can load."""
    with running_server(database_url, tmp_path, ForkedServer, HTMX_URL=htmx_url) as running:
        yield running


@pytest.fixture
def visitor(new_visitor):
    """Return a visitor on the landing page."""
    return new_visitor()


def write_city(visitor) -> None:
    """Complete the first step, and type one answer of the second."""
    visitor.walk(AGENCY, ["kind"])
    visitor.sees_step("organization")
    visitor.write("#city", "Orlando")


def test_submitted_case_shows_its_reference(visitor, case):
    visitor.walk(case, STEPS["agency" if "data_sets" in case else "partner"])
    visitor.sees("h1", "We received your commitment")
    assert len(visitor.read(".reference")) > 5


def test_missing_answer_shows_errors_that_lead_to_it(visitor):
    write_city(visitor)
    visitor.press("#continue")
    visitor.sees("#errors:focus")
    visitor.press("#errors a[href='#organization_name']")
    visitor.sees("#organization_name:focus")
    visitor.sees_value("#city", "Orlando")


def test_conditional_question_comes_and_goes_while_typing(visitor):
    visitor.walk(AGENCY, ["kind", "organization", "contact"])
    visitor.sees_step("current_data")
    visitor.sees_none("#portal_url")
    visitor.press("[name=publishes_now][value=yes]")
    visitor.write("#current_data_description", "typed meanwhile")
    visitor.sees("#portal_url")
    visitor.sees_value("#current_data_description:focus", "typed meanwhile")
    visitor.press("[name=publishes_now][value=no]")
    visitor.sees_none("#portal_url")


def test_added_entry_is_focused_and_removed_one_keeps_the_rest(visitor):
    visitor.walk(AGENCY, ["kind", "organization", "contact", "current_data"])
    visitor.sees_step("data_sets")
    visitor.write("#data_sets-1-title", "Half a tit")
    visitor.press("[name=action][value=add]")
    visitor.sees("#data_sets-3:focus")
    visitor.press("[name=action][value=remove-0]")
    visitor.sees_none("#data_sets-3")
    visitor.sees_value("#data_sets-0-title", "Half a tit")


def test_typed_text_is_autosaved(visitor):
    write_city(visitor)
    visitor.sees("#saved", "Saved at")
    visitor.window.reload()
    visitor.sees_value("#city", "Orlando")


def test_typed_text_survives_immediate_reload(visitor):
    write_city(visitor)
    visitor.window.reload()
    visitor.sees_value("#city", "Orlando")


def test_left_page_saves_typed_text(visitor):
    write_city(visitor)
    visitor.press(".back")
    visitor.sees_step("kind")
    visitor.press("#continue")
    visitor.sees_step("organization")
    visitor.sees_value("#city", "Orlando")


def test_back_and_forward_show_answers(visitor):
    visitor.walk(AGENCY, ["kind", "organization"])
    visitor.sees_step("contact")
    visitor.window.back()
    visitor.sees_step("organization")
    visitor.sees_value("#city", "Orlando")
    visitor.window.forward()
    visitor.sees_step("contact")
    visitor.window.back()
    visitor.sees_step("organization")
    visitor.press("#continue")
    visitor.sees_step("contact")


def test_resume_link_opens_draft_in_another_browser(visitor, new_visitor):
    write_city(visitor)
    visitor.press("[name=action][value=save]")
    visitor.sees("#link")
    other = new_visitor()
    other.open(visitor.window.run("() => document.querySelector('#link').value"))
    other.sees_step("organization")
    other.sees_value("#city", "Orlando")


def test_conflicting_save_shows_both_versions(visitor, new_visitor):
    visitor.walk(AGENCY, ["kind", "organization"])
    visitor.sees_step("contact")
    visitor.press("[name=action][value=save]")
    visitor.sees("#link")
    other = new_visitor()
    other.open(visitor.window.run("() => document.querySelector('#link').value"))
    visitor.press(".back")
    for person, name in ((visitor, "Pat"), (other, "Chris")):
        person.sees_step("contact")
        person.write("#contact_name", name)
        person.write("#contact_email", "desk@example.org")
        person.press("#continue")
        person.sees_none("#contact_name")
    other.sees("form.conflict", "Pat")
    other.sees("form.conflict", "Chris")
    other.press("#keep-contact_name-saved")
    other.press("#continue")
    other.sees_step("current_data")
    other.open(other.window.run("() => location.href").rsplit("/", 1)[0] + "/contact")
    other.sees_value("#contact_name", "Pat")


def test_staff_decision_is_shown_at_once(visitor, office):
    reference = add_submission(office, "agency")
    visitor.open(f"/staff/submissions/{reference}")
    visitor.write("[name=email]", "ada@example.gov")
    visitor.write("[name=password]", PASSWORD)
    visitor.press("#continue")
    visitor.press("#decide button[name=key][value=in_review]")
    visitor.sees(".facts .pill", "In review")
    visitor.press("#decide button[name=key][value=accepted]")
    visitor.sees(".facts .pill", "Accepted")
