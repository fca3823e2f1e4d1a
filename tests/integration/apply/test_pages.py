"""Tests of what pages show: progress, back link, drafts in progress."""

from tests.complete_form import autosave, complete_form, draft_path, post_step
from tests.conftest import AGENCY, load_case


def test_progress_shows_applicable_steps_and_state(client):
    page = complete_form(client, load_case("partner"), until="commitment")
    line = page.text("nav.line")
    assert "Organization (completed)" in line
    assert "Commitment (current step)" in line
    assert "Milestones (not completed)" in line
    assert "Data sets" not in line
    assert "Opportunity" not in line
    page = post_step(client, draft_path(page), "commitment", load_case("partner"))
    assert "Opportunity (not completed)" in page.text("nav.line")
    assert page.text("p.where") == "Your commitment · Step 6 of 9"


def test_back_link_leads_to_previous_step(client, case):
    page = complete_form(client, case, until="contact")
    assert page.all("a.back")[0].attrs["href"] == f"{draft_path(page)}/organization"


def test_unprintable_name_is_shown_on_landing(client):
    page = complete_form(client, AGENCY, until="organization")
    autosave(client, page.path, {"organization_name": "A\x00B"})
    assert "A\ufffdB" in client.page("/").text("#drafts")


def test_landing_lists_drafts_of_browser(client):
    first = complete_form(client, AGENCY, until="contact")
    second = complete_form(client, load_case("partner"), until="involvement")
    complete_form(client, AGENCY | {"organization_name": "Submitted"})
    page = client.page("/")
    links = [link.attrs["href"] for link in page.all("#drafts a")]
    assert links == [second.path, first.path]
    assert "Orlando Police Department" in page.text("#drafts")
    assert "Submitted" not in page.text("#drafts")
    assert "already started a commitment" in client.page("/respond/").text(".notice")
