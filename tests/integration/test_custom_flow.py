"""Run another flow through every page and file, and a flow of two versions."""

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from jinja2 import ChoiceLoader, DictLoader, TemplateNotFound
from jsonschema import Draft202012Validator
from sqlalchemy import select

import tests.client
from tests.client import visible_texts
from tests.complete_form import complete_form, draft_path, form_data, start_draft
from tests.conftest import without_ids
from tests.factories import staff_client, update_client, update_path
from tests.mail import render_message
from wizard.accounts.audit import Actor
from wizard.apply import resume
from wizard.db.engine import db, writing
from wizard.db.models import Draft, MailMessage, Submission
from wizard.forms.choices import YES_NO, Choice, Choices, Option, Select
from wizard.forms.conditions import Answered, Has
from wizard.forms.fields import Confirm, Date, Email, LongText, Phone, Text, Url
from wizard.forms.flow import Facet, Flow, Noun, Pages, Program, Roles, Section, Step
from wizard.forms.groups import Group
from wizard.notify import outbox
from wizard.staff import exports
from wizard.submissions import reminders
from wizard.submissions.cases import change_status, locked_case
from wizard.submissions.filters import Filters

pytestmark = pytest.mark.second_store_slow

COLORS = (Option("red", "red"), Option("blue", "blue"), Option("gold", "gold"))
HAS_PET = Has("has_pet", frozenset({"yes"}))
OFFICE = Actor("office@example.gov")

PETS = Flow(
    "pets",
    7,
    (
        Section(
            "You",
            (
                Step(
                    "you",
                    "You and your pet",
                    (
                        Choice("has_pet", "Do you have a pet?", noun="whether you have a pet",
                               required=True, public=True, options=YES_NO),
                        Date("since", "Since when?", noun="the day", required=True, when=HAS_PET),
                        Email("owner_email", "E-mail", noun="your address", required=True),
                        Confirm("show", "Show it to all.", noun="that it may be shown"),
                    ),
                    short="You",
                ),
            ),
        ),
        Section(
            "Pet",
            (
                Step(
                    "pet",
                    "Your pet",
                    (
                        Text("pet_name", "Its name", noun="its name", required=True, public=True),
                        Text("village", "Its village", noun="its village", public=True),
                        LongText("story", "Its story", noun="its story", public=True),
                        Select("color", "Its color", noun="its color", public=True, options=COLORS),
                        Choices("likes", "It likes", noun="it", public=True, options=COLORS),
                        Phone("vet", "Its vet", noun="the number of its vet"),
                        Url("homepage", "Its page", noun="its page", public=True),
                        Group(
                            "toys", "Toys", noun="a toy", entry="Toy", min_entries=1,
                            max_entries=2, required=True, public=True,
                            title="toy", due="mended_by", topic="hue", kept="Mended",
                            fields=(
                                Text("toy", "What", noun="the toy", required=True, public=True),
                                Select("hue", "Hue", noun="hue", public=True, options=COLORS),
                                Date("mended_by", "Mended by", noun="the day", public=True),
                            ),
                        ),
                    ),
                    short="Pet",
                ),
            ),
            HAS_PET,
        ),
    ),
    Step("review", "Look again", (Confirm("sure", "I am sure.", noun="that you are sure",
                                          required=True),), short="Look"),
    programs=(Program("animals", "Animals", HAS_PET),),
    ineligible_when=Has("color", frozenset({"gold"})),
    noun=Noun("pet", "pets"),
    reference_prefix="PET",
    roles=Roles(
        title="pet_name",
        place=("village",),
        link="homepage",
        contact="owner_email",
        consent=Answered("show"),
        summary=("story",),
    ),
    facets=(
        Facet("color", "Color", "color", chart="By color"),
        Facet("likes", "Likes", "likes"),
        Facet("toy", "Toy", "toys.hue"),
        Facet("call", "Call"),
    ),
    pages=Pages(
        landing="pets/landing.html",
        ineligible="pets/exit.html",
        description="A list of pets.",
        footer="Be kind to animals.",
    ),
)  # fmt: skip
TEMPLATES = {
    "pets/landing.html": '{% extends "public/home.html" %}',
    "pets/exit.html": "{% extends layout %}{% block title %}No gold{% endblock %}"
    "{% block main %}<h1>No gold</h1>{% endblock %}",
}

WITH_PET = {
    "has_pet": "yes",
    "since": "2020-02-29",
    "owner_email": "me@example.org",
    "show": True,
    "pet_name": "Rex",
    "village": "São José",
    "story": "Long\nand short",
    "color": "red",
    "likes": ["red", "blue"],
    "vet": "+12025550143",
    "homepage": "https://example.org/rex",
    "toys": [{"toy": "Ball", "hue": "red", "mended_by": "2020-01-01"}, {"toy": "Bone"}],
    "sure": True,
}
WITHOUT = {"has_pet": "no", "owner_email": "me@example.org", "sure": True}


@pytest.fixture
def app(make_app):
    """Create a program that serves the flow with its own templates."""
    return make_pets(make_app, PETS)


def make_pets(make_app, flow: Flow, **settings):
    app = make_app(flow=flow, **settings)
    app.jinja_loader = ChoiceLoader([DictLoader(TEMPLATES), app.jinja_loader])
    return app


def publish(app, reference: str) -> None:
    with app.app_context():
        for status in ("in_review", "accepted", "published"):
            with locked_case(reference) as submission:
                change_status(submission, status, OFFICE)


@pytest.fixture
def published(app) -> str:
    """Submit and publish the pet; return its reference."""
    reference = complete_form(app.test_client(), WITH_PET, flow=PETS).text(".reference")
    publish(app, reference)
    return reference


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("answers", [WITH_PET, WITHOUT], ids=["with a pet", "without"])
def test_custom_flow_is_completed(app, client, answers, htmx):
    assert "It likes" in client.page("/questions").response.text
    receipt = complete_form(client, answers, htmx=htmx, follow=True, flow=PETS)
    assert receipt.path.endswith("/done")
    assert "me@example.org" in receipt.text(".achieved")
    with app.app_context():
        submission = db.session.scalars(select(Submission)).one()
        assert without_ids(submission.answers) == answers
        assert (submission.flow, submission.flow_version) == ("pets", 7)
        assert submission.reference.startswith("PET-")
        message = db.session.scalars(select(MailMessage)).one()
        assert (message.kind, message.recipient) == ("confirmation", "me@example.org")
        assert "Its vet" in str(outbox.render_email(message)) or answers is WITHOUT


def test_conditional_question_on_first_step_is_asked(client):
    page = client.send("/respond/", {"has_pet": "yes", "owner_email": "me@example.org"})
    assert (page.status, list(page.errors())) == (422, ["since"])


def test_contact_page_asks_about_the_contact_alone(app, client):
    reference = complete_form(client, WITHOUT, flow=PETS).text(".reference")
    client = update_client(app, reference)
    path = f"/commitments/{reference}/contacts/contact"
    assert list(client.page(path).values()) == ["csrf_token", "owner_email"]
    assert client.send(path, {"owner_email": ""}).errors().keys() == {"owner_email"}
    sent = client.send(path, {"owner_email": "me@example.org", "has_pet": "yes", "show": "yes"})
    assert sent.status == 200 and not sent.errors()
    with app.app_context():
        assert without_ids(db.session.scalars(select(Submission)).one().answers) == WITHOUT


def test_custom_flow_has_its_own_landing_and_exit_page(client, published):
    landing = client.page("/")
    assert "A list of pets." in landing.text("main") and "Rex" in landing.text(".featured")
    assert "Be kind to animals." in landing.text("footer")
    assert "Pets" in landing.text("header nav")
    page = start_draft(client, WITH_PET, flow=PETS)
    gold = form_data(PETS.steps["pet"], WITH_PET | {"color": "gold"})
    assert client.send(page.path, gold).text("h1") == "No gold"


def test_custom_flow_has_staff_pages(app, published):
    staff = staff_client(app, "admin")
    assert "red" in staff.page("/staff/").text("#by-color")
    for query in ("color=red", "likes=blue", "toy=red", "call=animals", "text=sao+rex"):
        assert published in staff.page(f"/staff/submissions?{query}").text("main"), query
    listed = staff.page("/staff/submissions").text("tbody")
    assert all(text in listed for text in ("Rex", "São José", "red"))
    assert published not in staff.page("/staff/submissions?color=blue").text("main")
    assert staff.page("/staff/submissions?state=CA").status == 400
    path = f"/staff/submissions/{published}"
    assert "(202) 555-0143" in staff.page(path).text(".given")
    staff.send(f"{path}/erase")
    assert "Rex" not in staff.page("/staff/submissions").text("tbody")


def test_custom_flow_has_exports(app, published, tmp_path):
    staff = staff_client(app, "admin")
    files = {}
    for name in exports.export_names(PETS):
        with staff.get(f"/staff/export/{name}") as response:
            assert response.status_code == 200
            files[name] = response.get_data()
    (row,) = csv.DictReader(io.StringIO(files["submissions.csv"].decode("utf-8-sig")))
    assert (row["reference"], row["pet_name"], row["likes"]) == (published, "Rex", "red;blue")
    assert b"Bone" in files["toys.csv"] and b"Its village" in files["dictionary.csv"]
    for color, count in (("red", 1), ("blue", 0)):
        output = tmp_path / color
        command = ["export", "submissions.csv", "--color", color, "--output", str(output)]
        assert app.test_cli_runner().invoke(args=command).exit_code == 0
        assert output.read_text("utf-8").count("Rex") == count


def test_custom_flow_has_public_pages(app, client, published):
    found = client.page("/commitments?color=red&likes=blue&toy=red&call=animals&text=josé")
    assert "Rex" in found.text("main")
    for query in ("color=blue", "toy=re", "toy=RED", "likes=red;blue", "call=animal"):
        assert "Rex" not in client.page(f"/commitments?{query}").text("main"), query
    page = client.page(f"/commitments/{published}").text("main")
    shown = ("Rex", "São José", "Ball", "Already released", "Bone", "example.org/rex")
    assert all(text in page for text in shown)
    assert "555-0143" not in page
    own = update_client(app, published).page(f"/commitments/{published}/update")
    assert "Toy 1: Ball" in own.text("main")


def test_custom_flow_has_open_data(client, published):
    with client.get("/commitments.json") as response:
        document = json.loads(response.get_data())
    with client.get("/commitments/schema.json") as response:
        Draft202012Validator(json.loads(response.get_data())).validate(document)
    (record,) = document["commitments"]
    assert (record["pet_name"], record["all_programs"]) == ("Rex", ["animals"])
    assert "vet" not in record
    files = {"/commitments.csv": "Rex", "/commitments/toys.csv": "Bone", "/data.json": "pets"}
    for address, text in {**files, "/commitments.atom": "Long and short"}.items():
        with client.get(address) as response:
            assert text in response.get_data(as_text=True), address


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "es"])
def test_custom_flow_never_says_commitment(make_app, monkeypatch, language):
    settings = {"PROGRAM_NAME": "Pets of Ohio", "PROGRAM_EMAIL": "office@example.gov"}
    app = make_pets(make_app, PETS, **settings)
    said = []
    monkeypatch.setattr(
        tests.client,
        "check_page",
        lambda page: said.extend((page.path, text) for text in visible_texts(page)),
    )
    client = app.test_client()
    client.set_cookie("lang", language)
    walk_pages(client)
    receipt = complete_form(client, WITH_PET, follow=True, flow=PETS)
    reference = receipt.text(".reference")
    client.page(update_path(app, reference))
    publish(app, reference)
    walk_followup(app, client, reference)
    said += [("mail", text) for text in sent_texts(app, reference)]
    addresses = r"\S*(?:/commitments|commitments\.)\S*"
    wrong = [
        (path, found[0])
        for path, text in said
        for found in re.finditer(".*(commitment|compromiso).*", re.sub(addresses, "", text), re.I)
    ]
    assert len(said) > 500 and not wrong


def walk_pages(client) -> None:
    """Open the public pages, and every page of a draft that is left at its end."""
    for path in ("/", "/questions", "/privacy", "/accessibility", "/commitments",
                 "/respond/", "/progress", "/commitments?text=no", "/resume/x", "/nowhere",
                 "/respond/exit"):  # fmt: skip
        client.page(path)
    page = start_draft(client, WITH_PET, flow=PETS)
    base = draft_path(page)
    client.send(page.path, {})
    client.page("/respond/")
    page = client.send(page.path, form_data(PETS.steps["pet"], WITH_PET))
    client.send(page.path, {})
    for path in (f"{base}/save?renewed=1", f"{base}/save?mailed=1", f"{base}/delete", "/"):
        client.page(path)
    client.send(f"{base}/save", {"action": "mail", "address": "desk@example.org"})


def walk_followup(app, client, reference: str) -> None:
    """Open the pages about a published submission, for all three sides."""
    path = f"/commitments/{reference}"
    client.page(f"{path}/update")
    for page in ("yours", "contacts", "contacts/second", "withdraw", "link"):
        client.page(f"{path}/{page}")
    client.send(f"{path}/withdraw", {"reason": "We moved."})
    staff = staff_client(app, "admin")
    for page in ("/", "/commitments", "/commitments?color=red", path, f"{path}/reminders"):
        client.page(page)
    for page in (
        "",
        "parts",
        "submissions",
        f"submissions/{reference}",
        f"submissions/{reference}/erase",
    ):
        staff.page(f"/staff/{page}")


def sent_texts(app, reference: str) -> list[str]:
    """Return the subjects and texts of one message of each kind."""
    with app.app_context(), writing():
        is_it = Submission.reference == reference
        submission = db.session.scalars(select(Submission).where(is_it)).one()
        reminders._remind_yearly([submission])
        resume._queue(db.session.scalars(select(Draft)).first(), "desk@example.org", "reminder")
        queued = {each.kind: each for each in db.session.scalars(select(MailMessage))}
    told = {"accepted", "published", "withdrawal_requested"}
    office = {"notice", "office_withdrawal_requested"}
    assert set(queued) == {"confirmation", "resume", "reminder", "news"} | told | office
    letters = [render_message(app, message) for message in queued.values()]
    return [text for each in letters for text in (each.subject, each.text, each.html)]


NEW_PET_STEPS = (
    replace(PETS.steps["pet"], fields=PETS.steps["pet"].fields[:3]),
    Step(
        "look",
        "Its look",
        (
            Choices("colors", "Its colors", noun="its colors", public=True, options=COLORS),
            *PETS.steps["pet"].fields[4:],
        ),
        short="Look",
    ),
)


def upgrade_pet(answers, completed_steps):
    """Let a pet have several colors, on a step of their own."""
    upgraded = {name: value for name, value in answers.items() if name != "color"}
    if color := answers.get("color"):
        upgraded["colors"] = [color]
    return upgraded, (*completed_steps, *(("look",) if "pet" in completed_steps else ()))


NEW_PETS = replace(
    PETS,
    version=8,
    sections=(PETS.sections[0], replace(PETS.sections[1], steps=NEW_PET_STEPS)),
    ineligible_when=None,
    facets=(Facet("color", "Color", "colors"), *PETS.facets[1:]),
    upgrades={7: upgrade_pet},
)
UPGRADED = {name: value for name, value in WITH_PET.items() if name != "color"} | {
    "colors": ["red"]
}


def test_draft_of_older_version_goes_on_in_the_newer(app, make_app):
    browser = app.test_client()
    review = complete_form(browser, WITH_PET, until="review", flow=PETS)
    newer = make_pets(make_app, NEW_PETS)
    client = newer.test_client()
    client.set_cookie("session", browser.get_cookie("session").value)
    review = client.page(review.path)
    assert "Its colors" in review.text("main") and review.path.endswith("/review")
    path = draft_path(review)
    page = client.page(f"{path}/look")
    assert page.values()["colors"] == ["red"]
    assert client.send(page.path, page.values() | {"action": "save"}).status == 200
    with newer.app_context(), db.engine.connect() as connection:
        columns = Draft.flow_version, Draft.answers, Draft.completed_steps
        version, answers, completed_steps = connection.execute(select(*columns)).one()
    assert (version, answers["colors"]) == (8, ["red"])
    assert "color" not in answers and completed_steps == ["you", "pet", "look"]
    assert client.send(f"{path}/review", {"sure": "yes"}).path.endswith("/done")
    with newer.app_context():
        submission = db.session.scalars(select(Submission)).one()
        assert submission.flow_version == 8
        assert without_ids(submission.answers) == UPGRADED


def test_submission_of_older_version_is_read_as_the_newer(app, make_app, published):
    newer = make_pets(make_app, NEW_PETS)
    client, staff = newer.test_client(), staff_client(newer, "admin")
    assert "Its colors" in staff.page(f"/staff/submissions/{published}").text(".given")
    assert "Its colors" in client.page(f"/commitments/{published}").text("main")
    assert "Rex" in client.page("/commitments?color=red").text("main")
    with newer.app_context():
        (line,) = b"".join(exports.export("submissions.jsonl", NEW_PETS, Filters())).splitlines()
        exported = json.loads(line)
        assert (exported["colors"], exported["flow_version"]) == (["red"], 7)
        assert "color" not in exported
        (confirmation,) = db.session.scalars(select(MailMessage).filter_by(kind="confirmation"))
        email = outbox.render_email(confirmation)
        assert "Its colors" in email.get_body(("plain",)).get_content()
    with client.get("/commitments.json") as response:
        (record,) = json.loads(response.get_data())["commitments"]
    assert record["colors"] == ["red"] and "color" not in record
    with newer.app_context(), writing(), db.engine.connect() as connection:
        stored = connection.scalar(select(Submission.answers))
    assert without_ids(stored) == WITH_PET


def test_rows_of_another_flow_are_not_opened(make_app, published):
    other = make_app(flow=replace(PETS, name="dogs"))
    staff = staff_client(other, "admin")
    assert staff.page(f"/staff/submissions/{published}").status == 404
    assert other.test_client().page(f"/commitments/{published}").status == 404


def test_template_of_the_flow_replaces_a_shared_one(app, make_app):
    own = make_app(flow=replace(PETS, name="public")).jinja_env
    assert own.get_template("home.html").filename.endswith("templates/public/home.html")
    with pytest.raises(TemplateNotFound):
        app.jinja_env.get_template("home.html")
