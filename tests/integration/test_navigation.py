"""Back, change, switch branches, add and remove: nothing that was typed goes."""

import pytest

from tests.conftest import load_case
from tests.walk import draft_path, form_data, walk
from wizard.flows.commitment import COMMITMENT


def post(client, path, step, answers, action="continue", **more):
    data = form_data(COMMITMENT.steps[step], answers) | {"action": action} | more
    return client.send(f"{path}/{step}", data)


def test_a_change_from_the_review_leads_back_to_the_review(client, case):
    review = walk(client, case, until="review")
    change = review.all('.answers a[href$="/organization"]')[0].attrs["href"]
    assert client.page(change).values()["city"] == [case["city"]]
    page = client.send(change, form_data(COMMITMENT.steps["organization"], case | {"city": "X"}))
    assert page.path.endswith("/review")
    assert "X" in page.text("main")


def test_a_change_that_opens_a_step_leads_through_it_to_the_review(client):
    case = load_case("partner") | {"programs": ["police_data_initiative"]}
    review = walk(client, case, until="review")
    path = draft_path(review)
    assert not review.all('.answers a[href$="/opportunity"]')
    page = post(client, path, "commitment", load_case("partner"))
    assert page.path.endswith("/opportunity")
    page = post(client, path, "opportunity", load_case("partner"))
    assert page.path.endswith("/review")


def test_the_other_branch_keeps_its_answers_out_of_sight(client, app):
    review = walk(client, load_case("agency"), until="review")
    path = draft_path(review)
    page = post(client, path, "kind", {"organization_kind": "company"})
    assert page.path.endswith("/involvement")
    assert "Naloxone" not in client.page(f"{path}/review").response.text
    page = post(client, path, "kind", {"organization_kind": "agency"})
    assert page.path.endswith("/review")
    assert "Naloxone" in page.response.text


def test_the_line_names_the_steps_that_apply_and_how_far_one_is(client):
    page = walk(client, load_case("partner"), until="commitment")
    line = page.text("nav.line")
    assert "Organization (done)" in line
    assert "Commitment (this step)" in line
    assert "Milestones (still to do)" in line
    assert "Data sets" not in line
    assert "Opportunity" not in line
    page = post(client, draft_path(page), "commitment", load_case("partner"))
    assert "Opportunity (still to do)" in page.text("nav.line")
    assert page.text("p.where") == "Your commitment · Step 6 of 9"


def test_back_leads_to_the_step_before(client, case):
    page = walk(client, case, until="contact")
    assert page.all("a.back")[0].attrs["href"] == f"{draft_path(page)}/organization"


def test_adding_an_entry_keeps_what_was_typed_valid_or_not(client):
    page = walk(client, load_case("partner"), until="milestones")
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


def test_removing_an_entry_keeps_the_others(client):
    case = load_case("agency")
    page = walk(client, case, until="data_sets")
    page = post(client, draft_path(page), "data_sets", case, action="remove-1")
    titles = [page.values()[f"data_sets-{place}-title"][0] for place in range(3)]
    entries = case["data_sets"]
    assert titles == [entry["title"] for entry in (entries[0], entries[2], entries[3])]
    assert page.values()["data_sets-2-category_other"] == ["Naloxone administrations"]
    assert "data_sets-3-title" not in page.values()


@pytest.mark.parametrize("action", ["remove-9", "remove--1", "remove-x", "remove-", "explode", ""])
def test_an_action_that_makes_no_sense_still_keeps_what_was_typed(client, action):
    case = load_case("agency")
    page = walk(client, case, until="data_sets")
    page = post(client, draft_path(page), "data_sets", case, action=action)
    assert page.status == 200
    assert len([name for name in page.values() if name.endswith("-title")]) == 4


def test_a_group_that_is_full_takes_no_more(client):
    page = walk(client, load_case("partner"), until="milestones")
    full = {"milestones": load_case("partner")["milestones"][:1] * 10}
    page = post(client, draft_path(page), "milestones", full, action="add")
    assert "milestones-10-what" not in page.values()
    assert not page.all('button[value="add"]')


def test_an_optional_question_that_opens_is_asked_before_going_on(client):
    case = load_case("agency")
    page = walk(client, case, until="current_data")
    answers = {name: case[name] for name in ("publishes_now", "current_data_description")}
    assert "portal_url" not in page.values()
    page = client.send(page.path, {**answers, "asked": ""})
    assert page.path.endswith("/current_data")
    assert page.all("[autofocus]")[0].attrs["id"] == "portal_url"
    assert page.values()["current_data_description"] == [answers["current_data_description"]]
    page = client.send(page.path, {**answers, "asked": ["", "portal_url"], "portal_url": ""})
    assert page.path.endswith("/data_sets")


def test_a_required_question_that_opens_is_asked_with_what_was_typed(client):
    case = load_case("partner")
    page = walk(client, case, until="commitment")
    answers = {name: text for name, text in case.items() if name != "goals"}
    data = form_data(COMMITMENT.steps["commitment"], answers) | {"asked": ""}
    page = client.send(page.path, data)
    assert page.path.endswith("/commitment") and page.errors() == {}
    assert page.all("[autofocus]")[0].attrs["id"] == "goals"
    assert page.values()["commitment_title"] == [case["commitment_title"]]
    page = client.send(page.path, data | {"asked": ["", "goals"]})
    assert (page.status, set(page.errors())) == (422, {"goals"})


def test_a_question_that_opens_beside_a_wrong_answer_is_one_of_several_to_mend(client):
    case = load_case("partner")
    page = walk(client, case, until="commitment")
    answers = {name: text for name, text in case.items() if name != "goals"}
    data = form_data(COMMITMENT.steps["commitment"], answers) | {"asked": ""}
    page = client.send(page.path, data | {"commitment_title": "x" * 121})
    assert (page.status, set(page.errors())) == (422, {"commitment_title", "goals"})


def test_a_question_that_closes_keeps_its_answer_for_when_it_opens_again(client, app):
    case = load_case("partner")
    review = walk(client, case, until="review")
    path = draft_path(review)
    opportunity_only = case | {"programs": ["opportunity_project"]}
    del opportunity_only["goals"]
    page = post(client, path, "commitment", opportunity_only, asked="")
    assert page.path.endswith("/review")
    assert "Which goals" not in page.response.text
    page = client.send(
        f"{path}/commitment",
        form_data(COMMITMENT.steps["commitment"], case | {"goals": None}) | {"asked": ""},
    )
    assert page.values()["goals"] == ["transparency", "accountability"]


def test_an_entry_that_changes_its_category_keeps_the_other_one_for_later(client):
    case = load_case("agency")
    page = walk(client, case, until="data_sets")
    path = draft_path(page)
    post(client, path, "data_sets", case, action="update")
    changed = [dict(entry) for entry in case["data_sets"]]
    changed[3]["category"] = "training"
    del changed[3]["category_other"]
    page = post(client, path, "data_sets", {"data_sets": changed}, action="update", asked="")
    assert "data_sets-3-category_other" not in page.values()
    changed[3]["category"] = "other"
    page = post(client, path, "data_sets", {"data_sets": changed}, action="update", asked="")
    assert page.values()["data_sets-3-category_other"] == ["Naloxone administrations"]


def test_a_receipt_stays_and_nothing_can_be_changed_after_it(client, app, case):
    receipt = walk(client, case)
    path = draft_path(receipt)
    for name in ("kind", "organization", "review"):
        assert client.page(f"{path}/{name}").path == f"{path}/done"
        page = client.send(f"{path}/{name}", {"city": "Elsewhere", "organization_kind": "city"})
        assert page.path == f"{path}/done"
    assert case["city"] in client.page(f"{path}/done").response.text


def test_there_is_no_receipt_before_the_end(client, case):
    page = walk(client, case, until="contact")
    assert client.page(f"{draft_path(page)}/done").path.endswith("/contact")
