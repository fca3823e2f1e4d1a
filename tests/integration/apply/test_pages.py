"""Tests of what pages show: progress, back link, drafts in progress."""

import pytest

from tests.complete_form import autosave, complete_form, draft_path, post_step
from tests.conftest import AGENCY, load_case

pytestmark = pytest.mark.second_store_slow


def test_progress_shows_applicable_steps_and_state(client):
    page = complete_form(client, load_case("partner"), until="programs")
    line = page.text("nav.line")
    assert "Organization (completed)" in line
    assert "Program (current step)" in line
    assert "Milestones (not completed)" in line
    assert not any(name in line for name in ("Data sets", "Current work", "Opportunity"))
    assert page.text("p.where") == "Your commitment · Step 4 of 8"
    page = post_step(client, draft_path(page), "programs", load_case("partner"))
    assert "Opportunity (not completed)" in page.text("nav.line")
    assert page.text("p.where") == "Your commitment · Step 5 of 10"


def test_back_button_keeps_what_was_typed(client, case):
    page = complete_form(client, case, until="contact")
    (back,) = page.all("button.back")
    typed = {**page.values(), "contact_name": "Half a na", "action": back.attrs["value"]}
    assert client.send(page.path, typed).path == f"{draft_path(page)}/organization"
    assert client.page(page.path).values()["contact_name"] == ["Half a na"]


def test_progress_buttons_keep_what_was_typed(client):
    page = complete_form(client, AGENCY, until="contact")
    buttons = [each.attrs["value"] for each in page.all("nav.line button")]
    assert buttons == ["to-kind", "to-organization"]
    typed = {**page.values(), "contact_name": "Half a na", "action": "to-kind"}
    assert client.send(page.path, typed).path == f"{draft_path(page)}/kind"
    assert client.page(page.path).values()["contact_name"] == ["Half a na"]
    assert client.send(page.path, typed | {"action": "to-nowhere"}).path == page.path


def test_buttons_without_javascript_leave_and_keep_what_was_typed(client):
    page = complete_form(client, AGENCY, until="contact")
    assert {each.attrs["form"] for each in page.all(".leave button")} == {"answers"}
    names = [each.attrs["value"] for each in page.all(".leave button")]
    assert len(names) == 9 and page.all("form#answers")
    places = [
        client.send(page.path, page.values() | {"contact_name": name, "action": name}).path
        for name in names
    ]
    links = [each.attrs["href"] for each in page.all(".band a, .site a")]
    pages = {link for link in links if not link.startswith("?")}
    assert {*places} - {"/staff/login"} == {*pages, page.path} - {"/staff/"}
    assert client.page(page.path).values()["contact_name"] == ["language-es"]
    assert client.page(page.path).response.headers["Content-Language"] == "es"
    typed = page.values() | {"action": "leave-//elsewhere.example"}
    assert client.send(page.path, typed).path == page.path


def test_too_few_entries_get_one_error_each(client):
    page = complete_form(client, AGENCY, until="data_sets")
    two = AGENCY | {"data_sets": AGENCY["data_sets"][:2]}
    page = post_step(client, draft_path(page), "data_sets", two)
    message = "Add a third data set. You need at least 3 and you have 2."
    assert page.errors() == {"data_sets-2": message}
    assert message in page.text(".entry .error")
    page = post_step(client, draft_path(page), "data_sets", {})
    assert list(page.errors()) == ["data_sets-0", "data_sets-1", "data_sets-2"]


def test_removed_entry_comes_back_in_its_place(client):
    data_sets = [*AGENCY["data_sets"], {**AGENCY["data_sets"][0], "title": "One “more”"}]
    page = complete_form(client, AGENCY, until="data_sets")
    path = draft_path(page)
    page = post_step(client, path, "data_sets", {"data_sets": data_sets}, "remove-1")
    assert f"Removed “{data_sets[1]['title']}”." in page.text(".group .notice")
    assert "autofocus" in page.all("#data_sets-1")[0].attrs
    typed = page.values() | {"data_sets-0-title": "Typed meanwhile", "action": "undo"}
    page = client.send(page.path, typed)
    titles = [page.values()[f"data_sets-{place}-title"][0] for place in range(len(data_sets))]
    assert titles == ["Typed meanwhile", *(each["title"] for each in data_sets[1:])]
    assert not page.all(".group .notice")


def test_removed_blank_entry_offers_no_undo(client):
    page = complete_form(client, AGENCY, until="data_sets")
    page = post_step(client, draft_path(page), "data_sets", AGENCY, "add")
    page = client.send(page.path, page.values() | {"action": f"remove-{len(AGENCY['data_sets'])}"})
    assert not page.all(".group .notice")


def test_wrong_but_real_date_keeps_its_control(client):
    page = complete_form(client, load_case("partner"), until="milestones")
    for typed, kind, shown in [
        ("2001-01-31", "date", "2001-01-31"),
        ("1/31/2001", "date", "2001-01-31"),
        ("2/30/2027", "text", "2/30/2027"),
        ("1/2/27", "text", "1/2/27"),
    ]:
        page = client.send(page.path, page.values() | {"milestones-0-due": typed})
        (control,) = page.all("#milestones-0-due")
        assert (control.attrs["type"], control.attrs["value"]) == (kind, shown)


def test_unprintable_name_is_shown_on_landing(client):
    page = complete_form(client, AGENCY, until="organization")
    autosave(client, page.path, {"organization_name": "A\x00B"})
    assert "A\ufffdB" in client.page("/").text("#drafts")


def test_landing_lists_drafts_of_browser(client):
    first = complete_form(client, AGENCY, until="contact")
    second = complete_form(client, load_case("partner"), until="programs")
    complete_form(client, AGENCY | {"organization_name": "Submitted"})
    page = client.page("/")
    links = [link.attrs["href"] for link in page.all("#drafts a")]
    assert links == [second.path, first.path]
    assert "Orlando Police Department" in page.text("#drafts")
    assert "Submitted" not in page.text("#drafts")
    assert "already started a draft" in client.page("/respond/").text(".notice")
