"""Tests of posted bodies: encodings, sizes, unknown names."""

import pytest
from sqlalchemy import select

from tests.client import read_page
from tests.complete_form import complete_form, draft_path, form_data
from tests.conftest import AGENCY, load_case
from wizard.db.engine import db
from wizard.db.models import Draft, Submission
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.one_store


def post_bytes(client, path: str, body: bytes, content_type="application/x-www-form-urlencoded"):
    """Post raw bytes with a valid CSRF token."""
    headers = {"X-CSRFToken": client.token()}
    return client.post(path, data=body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    ("value", "status"),
    [(b"%00", 422), (b"%1B%5B2J", 422), (b"%C2%81", 422), (b"%EF%BF%BD", 422),
     (b"%ED%A0%80", 400), (b"%FF%FE", 400), (b"\xff", 400)],
)  # fmt: skip
def test_undecodable_bytes_are_refused(client, value, status):
    page = complete_form(client, load_case("agency"), until="organization")
    body = b"organization_name=A" + value + b"B&city=Orlando&state=FL"
    refused = read_page(post_bytes(client, page.path, body))
    assert refused.status == status
    assert set(refused.errors()) == ({"organization_name"} if status == 422 else set())
    kept = client.page(page.path).values()["city"]
    assert kept == (["Orlando"] if status == 422 else [""])


def test_too_many_entries_are_refused_and_kept(client):
    case = load_case("agency")
    page = complete_form(client, case, until="data_sets")
    many = [dict(case["data_sets"][0], title=f"Title {n}") for n in range(21)]
    page = client.send(page.path, form_data(COMMITMENT.steps["data_sets"], {"data_sets": many}))
    assert page.status == 422
    assert "You now have 21" in page.errors()["data_sets"]
    assert page.values()["data_sets-20-title"] == ["Title 20"]


@pytest.mark.parametrize(
    "name", ["data_sets-²-title", "data_sets-" + "9" * 5000 + "-title", "data_sets--1-title",
             "data_sets-0", "data_sets-0-nothing", "data_sets-", "data_sets-999-title"]
)  # fmt: skip
def test_invalid_group_index_is_ignored(client, name):
    case = load_case("agency")
    page = complete_form(client, case, until="data_sets")
    data = form_data(COMMITMENT.steps["data_sets"], case) | {name: ""}
    assert client.send(page.path, data).path.endswith("/plan")


def test_unknown_fields_are_ignored(client, app):
    case = load_case("agency")
    page = complete_form(client, case, until="organization")
    extra = {"reference": "PDI-0000-0000", "milestones-0-what": "x", "authorized": "yes", "id": "1"}
    client.send(page.path, form_data(COMMITMENT.steps["organization"], case) | extra)
    with app.app_context():
        draft = db.session.scalars(select(Draft)).one()
        assert not set(draft.answers) & {"reference", "id", "milestones", "authorized"}
        assert draft.id.hex != "1"


def test_hidden_field_is_not_submitted(client, app):
    case = load_case("partner") | {"programs": ["opportunity_project"]}
    complete_form(client, case)
    with app.app_context():
        assert "goals" not in db.session.scalars(select(Submission)).one().answers


@pytest.mark.parametrize(
    "body",
    [b"x" * 2_100_000, b"city=" + b"x" * 2_100_000, b"&".join(b"f%d=1" % n for n in range(60_000))],
    ids=["a body of over 2 MB", "a field of over 2 MB", "60,000 fields"],
)
def test_oversized_body_is_413_and_draft_is_kept(client, body):
    page = complete_form(client, load_case("agency"), until="contact")
    path = f"{draft_path(page)}/organization"
    refused = post_bytes(client, path, body)
    assert refused.status_code == 413
    assert "more than 2 MB together" in refused.text
    assert "Everything you saved before is safe" in refused.text
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
def test_unsupported_body_is_4xx(client, body, content_type):
    page = complete_form(client, load_case("agency"), until="organization")
    response = post_bytes(client, page.path, body, content_type)
    assert 400 <= response.status_code < 500
    assert client.page(page.path).values()["city"] != ["x"]


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
class TestMistypedAddress:
    """A likely slip is asked about once, and never refused."""

    @pytest.fixture
    def asked(self, client, htmx):
        """Save the contact step with a slip; return the page that asks about it."""
        page = complete_form(client, AGENCY, until="contact", htmx=htmx)
        data = {**form_data(COMMITMENT.steps["contact"], AGENCY), "contact_email": "m@gmial.com"}
        return client.send(page.path, data, htmx=htmx)

    def test_step_is_shown_again_with_a_question(self, asked):
        assert asked.status == 200 and asked.path.endswith("/contact") and not asked.errors()
        assert asked.text("#contact_email-suggestion") == "Did you mean m@gmail.com ?"
        (control,) = asked.all("#contact_email")
        assert control.attrs["value"] == "m@gmial.com" and "autofocus" in control.attrs
        assert "contact_email-suggestion" in control.attrs["aria-describedby"]
        assert "aria-invalid" not in control.attrs

    @pytest.mark.parametrize(
        ("action", "stored"),
        [
            ("continue", "m@gmial.com"),
            ("replace-contact_email", "m@gmail.com"),
            ("replace-contact_name", "m@gmial.com"),
        ],
    )
    def test_next_button_goes_on(self, client, asked, htmx, action, stored):
        values = {**asked.values(), "action": action}
        assert values["checked"] == ["m@gmail.com"]
        following = client.send(asked.path, values, htmx=htmx)
        assert following.path != asked.path
        page = client.page(asked.path)
        assert page.values()["contact_email"] == [stored]
        assert bool(page.all("#contact_email-suggestion")) == (stored == "m@gmial.com")

    def test_another_slip_is_asked_about(self, client, asked, htmx):
        values = {**asked.values(), "contact_email": "m@yaho.com", "action": "continue"}
        again = client.send(asked.path, values, htmx=htmx)
        assert again.text("#contact_email-suggestion") == "Did you mean m@yahoo.com ?"

    def test_error_comes_before_the_question(self, client, asked, htmx):
        values = {**asked.values(), "contact_email": "m@gmial", "action": "replace-contact_email"}
        page = client.send(asked.path, values, htmx=htmx)
        assert page.status == 422 and not page.all("#contact_email-suggestion")
