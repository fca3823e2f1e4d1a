"""Tests of step pages: show, refuse, redirect, receipt; with and without htmx."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select

from tests import reference_rules
from tests.client import htmx_headers
from tests.complete_form import complete_form, draft_path, form_data
from tests.conftest import load_case
from tests.examples import examples
from tests.strategies import typed_answers
from wizard import clock
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import Choices
from wizard.forms.fields import Confirm
from wizard.forms.groups import Group
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due

pytestmark = pytest.mark.second_store_slow

PARTNER_ONLY = {"programs", "involvement", "commitment", "milestones"}
STEPS = [name for name in COMMITMENT.steps if name != "kind"]
FIELDS = {name: set(step.fields) for name, step in COMMITMENT.steps.items()}
CONFIRMS = {field for field in COMMITMENT.fields.values() if isinstance(field, Confirm)}


@pytest.fixture(params=[False, True], ids=["plain", "htmx"])
def htmx(request) -> bool:
    return request.param


def answers_for(step: str) -> dict:
    return load_case("partner" if step in PARTNER_ONLY else "agency")


@pytest.fixture(params=STEPS)
def step(request):
    return COMMITMENT.steps[request.param]


def test_step_is_page_or_fragment(client, step, htmx):
    page = complete_form(client, answers_for(step.name), until=step.name, htmx=htmx)
    assert page.status == 200
    assert page.text("h1") == step.title
    assert page.is_fragment == htmx
    assert page.response.headers["Vary"].startswith("HX-Request, HX-History-Restore-Request")
    assert page.errors() == {}
    focused = [element.name for element in page.all("[autofocus]")]
    assert focused == (["h1"] if htmx else [])


def test_blank_post_lists_missing_answers(client, step, htmx):
    page = complete_form(client, answers_for(step.name), until=step.name)
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
def test_invalid_post_keeps_typed_values(client, name, htmx):
    step = COMMITMENT.steps[name]
    answers = answers_for(step.name)
    page = complete_form(client, answers, until=step.name)
    always_asked = {
        name: each for name, each in answers.items() if not COMMITMENT.fields[name].when
    }
    typed = form_data(step, always_asked)
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


def test_valid_post_redirects_to_next_step(client, step, htmx):
    answers = answers_for(step.name)
    page = complete_form(client, answers, until=step.name)
    data = {"csrf_token": client.token(), **form_data(step, answers)}
    response = client.post(page.path, data=data, headers=htmx_headers(htmx))
    assert response.status_code == 303
    assert response.location.startswith(draft_path(page))
    if step.name == "review":
        assert response.location.endswith("/done")


def test_skipped_step_redirects_to_first_incomplete(client, step, htmx):
    page = complete_form(client, answers_for(step.name), until="organization")
    page = client.page(f"{draft_path(page)}/{step.name}", htmx=htmx)
    assert page.path.endswith("/organization")
    page = client.send(f"{draft_path(page)}/{step.name}", {"city": "Orlando"}, htmx=htmx)
    if step.name != "organization":
        assert page.path.endswith("/organization") and page.status == 200
        assert page.values()["city"] == [""]


def test_valid_first_step_creates_draft(client, app, htmx):
    from wizard.db.engine import db
    from wizard.db.models import Draft

    page = client.page("/respond/", htmx=htmx)
    assert page.text("h1") == "Who are you responding for?"
    page = client.send("/respond/", {"organization_kind": "king"}, htmx=htmx)
    assert (page.status, set(page.errors())) == (422, {"organization_kind"})
    with app.app_context():
        assert db.session.query(Draft).count() == 0
    page = client.send("/respond/", {"organization_kind": "city"}, htmx=htmx)
    assert page.path.endswith("/organization")
    with app.app_context():
        assert db.session.query(Draft).count() == 1


def test_individual_gets_ineligible_page(client, app, htmx):
    from wizard.db.engine import db
    from wizard.db.models import Draft

    page = client.send("/respond/", {"organization_kind": "individual"}, htmx=htmx)
    assert page.text("h1") == "This form is for organizations"
    with app.app_context():
        assert db.session.query(Draft).count() == 0


def test_ineligible_answer_keeps_draft(client):
    page = complete_form(client, answers_for("contact"), until="contact")
    kind = f"{draft_path(page)}/kind"
    exit_page = client.send(kind, {"organization_kind": "individual"})
    assert exit_page.text("h1") == "This form is for organizations"
    assert exit_page.all(f'a[href="{kind}"]')
    assert client.page(kind).values()["organization_kind"] == ["agency"]
    assert client.page(f"{draft_path(page)}/contact").path.endswith("/contact")


@pytest.mark.parametrize(
    ("step", "field", "typed", "says"),
    [
        (
            "organization",
            "city",
            "x" * 101,
            "100 characters or fewer to enter your city or town. You now have 101",
        ),
        ("organization", "state", "ZZ", "Use the list to"),
        ("organization", "website", "javascript:alert(1)", "like https://example.org"),
        ("organization", "city", ["Orlando", "Tampa"], "only one answer"),
        ("organization", "state", ["FL", "GA"], "only one answer"),
        ("contact", "contact_email", "desk@", "in full"),
        (
            "contact",
            "contact_email",
            "a@example.org\r\nBcc: b@example.org",
            "Enter only one.",
        ),
        ("contact", "contact_name", "Desk\x00", "U+0000"),
        ("current_data", "current_data_description", "x" * 5001, "5,000 characters or fewer"),
        ("current_data", "publishes_now", "perhaps", "Use the list to"),
        ("data_sets", "data_sets-1-release_on", "someday", "month/day/year"),
        ("data_sets", "data_sets-0-category", "gossip", "Use the list to"),
        ("data_sets", "data_sets-3-category_other", " ", "other topic"),
        ("community", "joins_community", "no", "confirm"),
        ("community", "help_wanted", ["none", "privacy"], "don’t select anything else"),
        ("community", "delegate_email", "", "the representative’s email address"),
    ],
)
def test_invalid_value_shows_error_at_field(client, step, field, typed, says):
    case = load_case("agency")
    page = complete_form(client, case, until=step)
    page = client.send(page.path, form_data(COMMITMENT.steps[step], case) | {field: typed})
    assert page.status == 422
    assert list(page.errors()) == [field]
    assert says in page.errors()[field]
    place = "Data set " + str(int(field.split("-")[1]) + 1) + ": " if "-" in field else ""
    at_field = page.text(f"#{field}-error").removeprefix("Error: ")
    assert page.errors()[field] == place + at_field


@examples(
    15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    walks=st.lists(
        st.tuples(st.sampled_from(list(COMMITMENT.steps)), typed_answers(COMMITMENT)), max_size=8
    ),
    actions=st.lists(
        st.sampled_from(["continue", "add", "remove-0", "remove-9", "update"]), min_size=1
    ),
)
def test_random_posts_submit_nothing_invalid(app, walks, actions):
    client = app.test_client()
    case = load_case("agency")
    path = draft_path(complete_form(client, case, until="community"))
    for turn, (name, typed) in enumerate(walks):
        data = {"action": actions[turn % len(actions)]}
        data |= form_data(COMMITMENT.steps[name], postable_values(typed))
        page = client.send(f"{path}/{name}", data)
        assert page.status in (200, 422)
    with app.app_context():
        for submission in db.session.scalars(select(Submission)):
            reference_rules.check_commitment(submission.answers)
            assert json.loads(json.dumps(submission.answers)) == submission.answers


def postable_values(typed: dict) -> dict:
    """Return only what a form can carry: texts, lists of texts, entries of texts."""

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


def test_submitted_draft_shows_only_receipt(client, app, case):
    receipt = complete_form(client, case)
    path = draft_path(receipt)
    for name in ("kind", "organization", "review"):
        assert client.page(f"{path}/{name}").path == f"{path}/done"
        page = client.send(f"{path}/{name}", {"city": "Elsewhere", "organization_kind": "city"})
        assert receipt.text(".reference") in page.text("main") and not page.all("#line")
    assert case["city"] in client.page(f"{path}/done").response.text


def test_receipt_before_submit_redirects_to_step(client, case):
    page = complete_form(client, case, until="contact")
    assert client.page(f"{draft_path(page)}/done").path.endswith("/contact")


def test_unknown_step_is_404(client):
    path = draft_path(complete_form(client, load_case("agency"), until="contact"))
    for name in ("nothing", "kind%00", "..", "Organization"):
        assert client.get(f"{path}/{name}").status_code == 404
        assert client.send(f"{path}/{name}").status == 404


PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% include 'x' %}",
    "' hx-get='/x' hx-trigger='load",
    "</textarea><h1>x</h1>",
    "</title><h1>x</h1>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_answers_is_escaped(client, app, payload):
    case = load_case("agency") | {
        "organization_name": payload,
        "current_data_description": payload,
        "commitment_title": payload,
    }
    case["data_sets"][0]["title"] = payload
    receipt = complete_form(client, case, follow=True)  # the client lints every page
    assert payload in receipt.text("main")
    with app.app_context():
        deliver_due()
        (file,) = mail_folder().glob("*.eml")
    body = file.read_text(encoding="utf-8").replace("=\n", "")
    if "<" in payload:
        html = body.split("text/html")[1]
        assert payload.replace("=", "=3D") not in html


def test_receipt_shows_expired_dates(make_app, monkeypatch):
    client = make_app(DRAFT_DAYS=1000).test_client()
    receipt = complete_form(client, load_case("partner"))
    monkeypatch.setattr(clock, "now", lambda: datetime(2028, 12, 1, 12, tzinfo=UTC))
    page = client.page(receipt.path)
    assert "September 30, 2027" in page.response.text


@pytest.mark.parametrize("consent", ["yes", "no"])
def test_receipt_says_if_commitment_is_listed(client, case, consent):
    text = complete_form(client, case | {"publish_consent": consent}).text("main")
    assert ("we’ll publish it" in text) == (consent == "yes")
    assert ("You asked us not to publish" in text) == (consent == "no")
