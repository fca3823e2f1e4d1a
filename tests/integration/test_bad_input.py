"""Bad input is refused in words, keeps what was typed, and never breaks the program."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests import oracle
from tests.client import Page
from tests.conftest import load_case
from tests.values import answers
from tests.walk import draft_path, form_data, walk
from wizard.db.engine import db
from wizard.db.models import Draft, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Group


def raw_post(client, path: str, body: bytes, content_type="application/x-www-form-urlencoded"):
    """Posts bytes as they are, with a valid token."""
    headers = {"X-CSRFToken": client.token()}
    return client.post(path, data=body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    ("step", "field", "typed", "says"),
    [
        ("organization", "city", "x" * 101, "100 characters or fewer; it has 101"),
        ("organization", "state", "ZZ", "from the list"),
        ("organization", "website", "javascript:alert(1)", "web address"),
        ("organization", "city", ["Orlando", "Tampa"], "one answer only"),
        ("organization", "state", ["FL", "GA"], "one answer only"),
        ("contact", "contact_email", "desk@", "in full"),
        ("contact", "contact_email", "a@example.org\r\nBcc: b@example.org", "in full"),
        ("contact", "contact_name", "Desk\x00", "U+0000"),
        ("current_data", "current_data_description", "x" * 5001, "5,000 characters or fewer"),
        ("current_data", "publishes_now", "perhaps", "from the list"),
        ("data_sets", "data_sets-1-release_on", "someday", "real day"),
        ("data_sets", "data_sets-0-category", "gossip", "from the list"),
        ("data_sets", "data_sets-3-category_other", " ", "what else"),
        ("community", "joins_community", "no", "Confirm"),
        ("community", "help_wanted", ["none", "privacy"], "not both"),
        ("community", "delegate_email", "", "e-mail address of the delegate"),
    ],
)
def test_a_value_outside_its_rule_is_refused_at_its_field(client, step, field, typed, says):
    case = load_case("agency")
    page = walk(client, case, until=step)
    page = client.send(page.path, form_data(COMMITMENT.steps[step], case) | {field: typed})
    assert page.status == 422
    assert list(page.errors()) == [field]
    assert says in page.errors()[field]
    place = "Data set " + str(int(field.split("-")[1]) + 1) + ": " if "-" in field else ""
    at_field = page.text(f"#{field}-error").removeprefix("Error: ")
    assert page.errors()[field] == place + at_field


@pytest.mark.parametrize(
    ("value", "status"),
    [(b"%00", 422), (b"%1B%5B2J", 422), (b"%C2%85", 422), (b"%EF%BF%BD", 422),
     (b"%ED%A0%80", 400), (b"%FF%FE", 400), (b"\xff", 400)],
)  # fmt: skip
def test_bytes_that_are_no_text_are_refused(client, value, status):
    page = walk(client, load_case("agency"), until="organization")
    body = b"organization_name=A" + value + b"B&city=Orlando&state=FL"
    refused = Page(raw_post(client, page.path, body))
    assert refused.status == status
    assert set(refused.errors()) == ({"organization_name"} if status == 422 else set())
    kept = client.page(page.path).values()["city"]
    assert kept == (["Orlando"] if status == 422 else [""])


def test_more_entries_than_a_group_takes_are_refused_and_kept(client):
    case = load_case("agency")
    page = walk(client, case, until="data_sets")
    many = [dict(case["data_sets"][0], title=f"Title {n}") for n in range(21)]
    page = client.send(page.path, form_data(COMMITMENT.steps["data_sets"], {"data_sets": many}))
    assert page.status == 422
    assert "there are 21" in page.errors()["data_sets"]
    assert page.values()["data_sets-20-title"] == ["Title 20"]


@pytest.mark.parametrize(
    "name", ["data_sets-²-title", "data_sets-" + "9" * 5000 + "-title", "data_sets--1-title",
             "data_sets-0", "data_sets-0-nothing", "data_sets-", "data_sets-999-title"]
)  # fmt: skip
def test_a_group_index_that_no_page_writes_is_no_fault(client, name):
    case = load_case("agency")
    page = walk(client, case, until="data_sets")
    data = form_data(COMMITMENT.steps["data_sets"], case) | {name: ""}
    assert client.send(page.path, data).path.endswith("/plan")


def test_fields_that_are_not_asked_are_ignored(client, app):
    case = load_case("agency")
    page = walk(client, case, until="organization")
    extra = {"reference": "PDI-0000-0000", "milestones-0-what": "x", "authorized": "yes", "id": "1"}
    client.send(page.path, form_data(COMMITMENT.steps["organization"], case) | extra)
    with app.app_context():
        draft = db.session.scalars(select(Draft)).one()
        assert not set(draft.answers) & {"reference", "id", "milestones", "authorized"}
        assert draft.id.hex != "1"


def test_a_hidden_field_posted_all_the_same_is_in_nothing(client, app):
    case = load_case("partner") | {"programs": ["opportunity_project"]}
    walk(client, case)
    with app.app_context():
        assert "goals" not in db.session.scalars(select(Submission)).one().answers


@pytest.mark.parametrize(
    "body",
    [b"x" * 1_100_000, b"city=" + b"x" * 1_100_000, b"&".join(b"f%d=1" % n for n in range(60_000))],
    ids=["a body of over 1 MB", "a field of over 1 MB", "60,000 fields"],
)
def test_too_much_at_once_is_413_and_keeps_what_was_there(client, body):
    page = walk(client, load_case("agency"), until="contact")
    path = f"{draft_path(page)}/organization"
    refused = raw_post(client, path, body)
    assert refused.status_code == 413
    assert "What you saved before is still there" in refused.text
    assert client.page(path).values()["city"] == ["Orlando"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"city": "Orlando"}', "application/json"),
        (b"{", "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"city=Orlando", "multipart/form-data"),
        (b"city=Orlando", "text/plain"),
        (b"&&&===%%%", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_of_another_kind_is_a_clear_refusal(client, body, content_type):
    page = walk(client, load_case("agency"), until="organization")
    response = raw_post(client, page.path, body, content_type)
    assert 400 <= response.status_code < 500
    assert client.page(page.path).values()["city"] != ["x"]


def test_a_step_is_kept_whole_or_not_at_all(client, app, monkeypatch):
    case = load_case("agency")
    page = walk(client, case, until="contact")
    path = f"{draft_path(page)}/organization"
    before = answers_shown(client, path)
    monkeypatch.setattr("wizard.apply.drafts.store_answers", lambda *args, **kwargs: 1 / 0)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    failed = client.send(path, {"organization_name": "Other", "city": "Other", "state": "GA"})
    assert failed.status == 500
    assert answers_shown(client, path) == before


def answers_shown(client, path: str) -> dict:
    """What a step shows, without what is new on each page."""
    own = ("csrf_token", "page", "turn", "based_on", "pass")
    return {name: given for name, given in client.page(path).values().items() if name not in own}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    walks=st.lists(
        st.tuples(st.sampled_from(list(COMMITMENT.steps)), answers(COMMITMENT)), max_size=8
    ),
    actions=st.lists(
        st.sampled_from(["continue", "add", "remove-0", "remove-9", "update"]), min_size=1
    ),
)
def test_no_walk_through_the_pages_breaks_them_or_submits_what_it_must_not(app, walks, actions):
    client = app.test_client()
    case = load_case("agency")
    path = draft_path(walk(client, case, until="community"))
    for turn, (name, typed) in enumerate(walks):
        data = {"action": actions[turn % len(actions)]}
        data |= form_data(COMMITMENT.steps[name], typed_as_posted(typed))
        page = client.send(f"{path}/{name}", data)
        assert page.status in (200, 422)
    with app.app_context():
        for submission in db.session.scalars(select(Submission)):
            oracle.check(submission.answers)
            assert json.loads(json.dumps(submission.answers)) == submission.answers


def typed_as_posted(typed: dict) -> dict:
    """Only what a form can carry: text, lists of text, and entries of text."""

    def is_text(value) -> bool:
        return isinstance(value, str) and value.isprintable()

    def is_texts(value) -> bool:
        return isinstance(value, list) and all(map(is_text, value))

    posted = {}
    for name, value in typed.items():
        if isinstance(COMMITMENT.fields[name], Group):
            entries = [each for each in value or [] if isinstance(each, dict)]
            posted[name] = [
                {key: text for key, text in entry.items() if is_text(text)} for entry in entries
            ]
        elif is_text(value) or is_texts(value):
            posted[name] = value
    return posted
