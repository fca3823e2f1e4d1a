"""Every step of the flow, with and without htmx: its page, its refusals, what it keeps."""

import pytest

from tests.client import headers
from tests.walk import draft_path, form_data, walk
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Choices, Confirm, Group

PARTNER_ONLY = {"involvement", "commitment", "milestones"}
STEPS = [name for name in COMMITMENT.steps if name != "kind"]
FIELDS = {name: set(step.fields) for name, step in COMMITMENT.steps.items()}
CONFIRMS = {field for field in COMMITMENT.fields.values() if isinstance(field, Confirm)}


@pytest.fixture(params=[False, True], ids=["plain", "htmx"])
def htmx(request) -> bool:
    return request.param


def answers_for(step: str) -> dict:
    from tests.conftest import load_case

    return load_case("partner" if step in PARTNER_ONLY else "agency")


@pytest.fixture(params=STEPS)
def step(request):
    return COMMITMENT.steps[request.param]


def test_a_step_comes_as_a_page_or_as_a_fragment(client, step, htmx):
    page = walk(client, answers_for(step.name), until=step.name, htmx=htmx)
    assert page.status == 200
    assert page.text("h1") == step.title
    assert page.is_fragment == htmx
    assert page.response.headers["Vary"].startswith("HX-Request, HX-History-Restore-Request")
    assert page.errors() == {}
    focused = [element.name for element in page.all("[autofocus]")]
    assert focused == (["h1"] if htmx else [])


def test_going_on_with_nothing_says_what_is_missing(client, step, htmx):
    page = walk(client, answers_for(step.name), until=step.name)
    page = client.send(page.path, {}, htmx=htmx)
    if page.status == 200:  # a step without a question that must be answered
        assert step.name == "opportunity"
        return
    assert page.status == 422
    required = {
        field.name for field in step.fields if field.required is True and field.when is None
    }
    if step.name == "involvement":
        required.add("involvement_description")
    assert set(page.errors()) >= {name for name in required if name not in ("data_sets",)} - {
        "milestones"
    }
    assert page.all("[autofocus]")[0].attrs["class"] == "summary"
    assert page.response.headers.get("HX-Push-Url") == ("false" if htmx else None)


@pytest.mark.parametrize("name", [name for name in STEPS if not CONFIRMS & FIELDS[name]])
def test_everything_typed_is_still_there_after_a_refusal(client, name, htmx):
    step = COMMITMENT.steps[name]
    answers = answers_for(step.name)
    page = walk(client, answers, until=step.name)
    typed = form_data(step, answers)
    wrong = next(iter(typed), None)
    for field in step.fields:
        if isinstance(field, Group):
            wrong = f"{field.name}-0-{field.fields[-1].name}"
        elif not isinstance(field, Choices) and field.when is None:
            wrong = field.name
    typed[wrong] = ["\x1b not right"]
    page = client.send(page.path, typed, htmx=htmx)
    assert page.status == 422
    assert set(page.errors()) >= {wrong}
    shown = page.values()
    for name, value in typed.items():
        expected = value if isinstance(value, list) else [value]
        if name == wrong and "\ufffd not right" not in shown.get(name, []):
            assert name not in shown or shown[name] == [""]  # a choice that is not offered
        elif name == wrong:
            assert shown[name] == ["\ufffd not right"]
        else:
            assert sorted(shown[name]) == sorted(expected), name
    # … and it is still there when the page is opened again.
    again = client.page(page.path)
    assert {name: again.values().get(name) for name in typed} == {
        name: shown.get(name) for name in typed
    }


def test_a_valid_answer_is_a_303_to_the_next_open_step(client, step, htmx):
    answers = answers_for(step.name)
    page = walk(client, answers, until=step.name)
    data = {"csrf_token": client.token(), **form_data(step, answers)}
    response = client.post(page.path, data=data, headers=headers(htmx))
    assert response.status_code == 303
    assert response.location.startswith(draft_path(page))
    if step.name == "review":
        assert response.location.endswith("/done")


def test_opening_a_step_out_of_turn_leads_to_the_first_open_one(client, step, htmx):
    page = walk(client, answers_for(step.name), until="organization")
    page = client.page(f"{draft_path(page)}/{step.name}", htmx=htmx)
    assert page.path.endswith("/organization")
    page = client.send(f"{draft_path(page)}/{step.name}", {"city": "Orlando"}, htmx=htmx)
    if step.name != "organization":
        assert page.path.endswith("/organization") and page.status == 200
        assert page.values()["city"] == [""]


def test_the_first_step_makes_a_draft_only_when_it_is_answered(client, app, htmx):
    from wizard.db.engine import db
    from wizard.db.models import Draft

    page = client.page("/respond/", htmx=htmx)
    assert page.text("h1") == "Who is answering?"
    page = client.send("/respond/", {"organization_kind": "king"}, htmx=htmx)
    assert (page.status, set(page.errors())) == (422, {"organization_kind"})
    with app.app_context():
        assert db.session.query(Draft).count() == 0
    page = client.send("/respond/", {"organization_kind": "city"}, htmx=htmx)
    assert page.path.endswith("/organization")
    with app.app_context():
        assert db.session.query(Draft).count() == 1


def test_someone_who_answers_for_themselves_is_told_what_to_do_instead(client, app, htmx):
    from wizard.db.engine import db
    from wizard.db.models import Draft

    page = client.send("/respond/", {"organization_kind": "individual"}, htmx=htmx)
    assert page.text("h1") == "This form is for organizations"
    with app.app_context():
        assert db.session.query(Draft).count() == 0


def test_a_draft_survives_the_answer_that_this_is_for_oneself(client):
    page = walk(client, answers_for("contact"), until="contact")
    kind = f"{draft_path(page)}/kind"
    exit_page = client.send(kind, {"organization_kind": "individual"})
    assert exit_page.text("h1") == "This form is for organizations"
    assert exit_page.all(f'a[href="{kind}"]')
    assert client.page(kind).values()["organization_kind"] == ["agency"]
    assert client.page(f"{draft_path(page)}/contact").path.endswith("/contact")


def test_the_history_gets_one_entry_a_page(client):
    page = walk(client, answers_for("contact"), until="organization")
    here = {**headers(True), "HX-Current-URL": f"http://localhost{page.path}"}
    response = client.get(page.path, headers=here)
    assert response.headers["HX-Replace-Url"] == page.path
    elsewhere = {**headers(True), "HX-Current-URL": "http://localhost/respond/"}
    response = client.get(page.path, headers=elsewhere)
    assert "HX-Replace-Url" not in response.headers and "HX-Push-Url" not in response.headers
    restored = client.get(
        page.path, headers={**headers(True), "HX-History-Restore-Request": "true"}
    )
    assert restored.text.startswith("<!doctype html>")


def test_the_public_pages_come_and_the_question_list_is_whole(client):
    assert client.page("/").text("h1").startswith("Tell us")
    page = client.page("/questions")
    for field in COMMITMENT.fields.values():
        assert field.label in page.response.text
