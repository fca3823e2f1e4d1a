"""Tests of saving a step: autosave, entries, conditional questions, where it leads."""

import pytest

from tests.complete_form import (
    autosave,
    complete_form,
    draft_path,
    form_data,
    post_step,
    submit_page,
)
from tests.conftest import AGENCY, load_case
from tests.integration.apply.conftest import AGENCY_STEPS
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.second_store_slow


def test_change_from_review_returns_to_review(client, case):
    review = complete_form(client, case, until="review")
    change = review.all('.answers a[href$="/organization"]')[0].attrs["href"]
    assert client.page(change).values()["city"] == [case["city"]]
    page = client.send(change, form_data(COMMITMENT.steps["organization"], case | {"city": "X"}))
    assert page.path.endswith("/review")
    assert "X" in page.text("main")


def test_change_that_adds_step_visits_it_before_review(client):
    case = load_case("partner") | {"programs": ["police_data_initiative"]}
    review = complete_form(client, case, until="review")
    path = draft_path(review)
    assert not review.all('.answers a[href$="/opportunity"]')
    page = post_step(client, path, "programs", load_case("partner"))
    assert page.path.endswith("/opportunity")
    page = post_step(client, path, "opportunity", load_case("partner"))
    assert page.path.endswith("/review")


def test_other_branch_answers_are_kept_hidden(client, app):
    review = complete_form(client, load_case("agency"), until="review")
    path = draft_path(review)
    page = post_step(client, path, "kind", {"organization_kind": "company"})
    assert page.path.endswith("/programs")
    assert "Naloxone" not in client.page(f"{path}/review").response.text
    page = post_step(client, path, "kind", {"organization_kind": "agency"})
    assert page.path.endswith("/review")
    assert "Naloxone" in page.response.text


def test_add_entry_keeps_typed_values(client):
    page = complete_form(client, load_case("partner"), until="milestones")
    page = client.send(
        page.path,
        {
            "milestones-0-what": "Half a ste",
            "milestones-0-due": "tomorrow",
            "milestones-0-measure": "\x00",
            "action": "add",
        },
    )
    assert page.status == 200
    values = page.values()
    assert values["milestones-0-what"] == ["Half a ste"]
    assert values["milestones-0-due"] == ["tomorrow"]
    assert "milestones-1-what" in values and "milestones-2-what" not in values
    assert set(page.errors()) == {"milestones-0-measure", "milestones-0-due"}
    assert [element.attrs["id"] for element in page.all("[autofocus]")] == ["milestones-1"]


def test_remove_entry_keeps_others(client):
    case = load_case("agency")
    page = complete_form(client, case, until="data_sets")
    page = post_step(client, draft_path(page), "data_sets", case, action="remove-1")
    titles = [page.values()[f"data_sets-{place}-title"][0] for place in range(3)]
    entries = case["data_sets"]
    assert titles == [entry["title"] for entry in (entries[0], entries[2], entries[3])]
    assert page.values()["data_sets-2-category_other"] == ["Naloxone administrations"]
    assert "data_sets-3-title" not in page.values()


@pytest.mark.parametrize("action", ["remove-9", "remove--1", "remove-x", "remove-", "explode", ""])
def test_unknown_action_keeps_typed_values(client, action):
    case = load_case("agency")
    page = complete_form(client, case, until="data_sets")
    page = post_step(client, draft_path(page), "data_sets", case, action=action)
    assert page.status == 200
    assert len([name for name in page.values() if name.endswith("-title")]) == 4


def test_full_group_takes_no_more_entries(client):
    page = complete_form(client, load_case("partner"), until="milestones")
    full = {"milestones": load_case("partner")["milestones"][:1] * 10}
    page = post_step(client, draft_path(page), "milestones", full, action="add")
    assert "milestones-10-what" not in page.values()
    assert not page.all('button[value="add"]')


def test_new_optional_question_is_asked_before_next_step(client):
    case = load_case("agency")
    page = complete_form(client, case, until="current_data")
    answers = {name: case[name] for name in ("publishes_now", "current_data_description")}
    assert "portal_url" not in page.values()
    page = client.send(page.path, {**answers, "asked": ""})
    assert page.path.endswith("/current_data")
    assert page.all("[autofocus]")[0].attrs["id"] == "portal_url"
    assert page.values()["current_data_description"] == [answers["current_data_description"]]
    page = client.send(page.path, {**answers, "asked": ["", "portal_url"], "portal_url": ""})
    assert page.path.endswith("/data_sets")


def test_new_required_question_is_asked_without_error(client):
    page = complete_form(client, load_case("partner"), until="opportunity")
    data = {"opportunity_actions": ["use_data"], "opportunity_topics": ["jobs"], "asked": ""}
    page = client.send(page.path, data)
    assert page.path.endswith("/opportunity") and page.errors() == {}
    assert page.all("[autofocus]")[0].attrs["id"] == "opportunity_description"
    assert page.values()["opportunity_topics"] == ["jobs"]
    page = client.send(page.path, data | {"asked": ["", "opportunity_description"]})
    assert (page.status, set(page.errors())) == (422, {"opportunity_description"})


def test_new_question_beside_error_is_an_error_too(client):
    page = complete_form(client, AGENCY, until="community")
    answers = {name: text for name, text in AGENCY.items() if not name.startswith("delegate_")}
    data = form_data(COMMITMENT.steps["community"], answers)
    data |= {"delegate_is_contact": "no", "help_wanted": ["none", "privacy"], "asked": ""}
    page = client.send(page.path, data)
    assert page.status == 422
    assert set(page.errors()) == {"help_wanted", "delegate_name", "delegate_email"}


def test_hidden_question_keeps_answer(client, app):
    case = load_case("partner")
    review = complete_form(client, case, until="review")
    path = draft_path(review)
    page = post_step(client, path, "programs", {"programs": ["opportunity_project"]})
    assert page.path.endswith("/review")
    assert "Transparency" not in page.text("main") and "Community groups" not in page.text("main")
    answers = {name: text for name, text in case.items() if name != "goals"}
    post_step(client, path, "commitment", answers, asked="")
    page = post_step(client, path, "programs", case)
    assert page.path.endswith("/review")
    assert client.page(f"{path}/commitment").values()["goals"] == case["goals"]
    assert client.page(f"{path}/involvement").values()["works_with"] == case["works_with"]


def test_hidden_entry_question_keeps_answer(client):
    case = load_case("agency")
    page = complete_form(client, case, until="data_sets")
    path = draft_path(page)
    post_step(client, path, "data_sets", case, action="update")
    changed = [dict(entry) for entry in case["data_sets"]]
    changed[3]["category"] = "training"
    del changed[3]["category_other"]
    page = post_step(client, path, "data_sets", {"data_sets": changed}, action="update", asked="")
    assert "data_sets-3-category_other" not in page.values()
    changed[3]["category"] = "other"
    page = post_step(client, path, "data_sets", {"data_sets": changed}, action="update", asked="")
    assert page.values()["data_sets-3-category_other"] == ["Naloxone administrations"]


@pytest.mark.parametrize("name", [name for name in AGENCY_STEPS if name != "review"])
def test_autosave_keeps_valid_and_invalid_values(client, name):
    page = complete_form(client, AGENCY, until=name)
    typed = form_data(COMMITMENT.steps[name], AGENCY)
    field = next(
        (key for key in typed if key.endswith(("-title", "email", "city", "description"))), None
    )
    if field:
        typed[field] = "half a thought @"
    saved = autosave(client, page.path, typed)
    assert (saved.status_code, saved.mimetype) == (200, "text/html")
    assert "Saved at" in saved.text and len(saved.text) < 200
    shown = client.page(page.path).values()
    for key, value in typed.items():
        assert sorted(shown[key]) == sorted(value if isinstance(value, list) else [value]), key


def test_autosave_completes_no_step(client):
    page = complete_form(client, AGENCY, until="contact")
    autosave(client, page.path, form_data(COMMITMENT.steps["contact"], AGENCY))
    assert client.page(f"{draft_path(page)}/current_data").path.endswith("/contact")


def test_autosave_of_invalid_value_reopens_step(client):
    page = complete_form(client, AGENCY, until="review")
    organization = f"{draft_path(page)}/organization"
    autosave(client, organization, {"organization_name": "A", "city": "", "state": "FL"})
    page = client.page(page.path)
    assert page.path == organization
    assert set(page.errors()) == {"city"}


def test_autosave_is_404_for_stranger_and_review(app, client):
    page = complete_form(client, AGENCY, until="review")
    path = draft_path(page)
    assert autosave(client, f"{path}/review", {"authorized": "yes"}).status_code == 404
    assert autosave(client, f"{path}/nothing", {"city": "x"}).status_code == 404
    assert autosave(app.test_client(), f"{path}/organization", {"city": "x"}).status_code == 404
    assert client.page(f"{path}/organization").values()["city"] == ["Orlando"]


def test_ineligible_answer_can_be_changed(client):
    page = complete_form(client, AGENCY, until="contact")
    kind = f"{draft_path(page)}/kind"
    assert autosave(client, kind, {"organization_kind": "individual"}).status_code == 200
    assert client.page(page.path).path == kind
    again = client.send(kind, {"organization_kind": "agency"})
    assert again.path == page.path


def test_older_autosave_does_not_overwrite_newer(client):
    page = complete_form(client, AGENCY, until="organization")
    assert autosave(client, page.path, {"city": "New", "turn": "7"}, page).status_code == 200
    assert autosave(client, page.path, {"city": "Old", "turn": "3"}, page).status_code == 200
    assert client.page(page.path).values()["city"] == ["New"]


def test_autosave_after_submit_is_409(client):
    receipt = complete_form(client, AGENCY)
    refused = autosave(client, f"{draft_path(receipt)}/organization", {"city": "Elsewhere"})
    assert refused.status_code == 409 and "We can’t save this here anymore." in refused.text
    assert "Elsewhere" not in client.page(receipt.path).response.text


def test_answer_after_submit_is_shown_to_be_copied(client):
    review = complete_form(client, AGENCY, until="review")
    late = client.page(f"{draft_path(review)}/organization")
    receipt = submit_page(client, review, authorized="yes")
    same = submit_page(client, late)
    assert (same.path, same.status) == (receipt.path, 200)
    refused = submit_page(client, late, city="Elsewhere")
    assert refused.status == 409 and "was already sent without this." in refused.text("#unsent")
    assert refused.text("#unsent + .answers dl") == "City or town Elsewhere"
    assert "Elsewhere" not in client.page(receipt.path).response.text
