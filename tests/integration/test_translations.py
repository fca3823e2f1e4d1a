"""Walk every page in a marked language; assert that no text is left untranslated."""

import csv
import io
import re
from gettext import NullTranslations
from importlib import import_module
from pkgutil import iter_modules

import pytest
from sqlalchemy import select, update

import tests.client
import wizard.apply
import wizard.public
import wizard.web
from tests.client import SPANISH_HEADERS, Page, spanish_client, visible_texts
from tests.complete_form import complete_form, draft_path, form_data, start_draft
from tests.conftest import load_case
from tests.factories import add_published, staff_client, update_client, update_path
from tests.mail import render_message
from wizard.apply import resume
from wizard.db.engine import db, writing
from wizard.db.models import Draft, MailMessage, Submission
from wizard.db.promises import Promise
from wizard.flows.commitment import COMMITMENT
from wizard.forms.groups import Group
from wizard.forms.messages import iter_messages
from wizard.submissions import reminders
from wizard.web import languages
from wizard.web.errors import ERROR_PAGES, ErrorPage

pytestmark = pytest.mark.second_store_slow


class BracketTranslations(NullTranslations):
    """Translate every text into itself in brackets."""

    def gettext(self, text: str) -> str:
        return f"⟦{text}⟧"

    def ngettext(self, one: str, more: str, number: int) -> str:
        return f"⟦{one if number == 1 else more}⟧"


OURS = ("UTC", "Español", "English", "Commitments of Orange County", "office@example.gov",
        "opportunity.census.gov", "cdn.jsdelivr.net", "1-1", "commitments.example.org")  # fmt: skip
"""Texts that are the same in every language."""


@pytest.fixture
def checked_pages(monkeypatch):
    """Fail on a page with untranslated text; return the paths of checked pages."""
    seen: list[str] = []

    def check(page: Page) -> None:
        seen.append(page.path)
        if page.response.headers["Content-Language"] == "es":
            left = [untranslated_text(text) for text in visible_texts(page)]
            assert not any(left), (page.path, page.status, left)

    monkeypatch.setattr(
        languages,
        "load_catalog",
        lambda code: BracketTranslations() if code == "es" else NullTranslations(),
    )
    monkeypatch.setattr(tests.client, "check_page", check)
    return seen


TYPED = "Ünïcode"
"""A marker in every typed text."""


def untranslated_text(text: str) -> str:
    """Remove translated and typed parts from a text; return the rest."""
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = shorter
    for ours in OURS:
        text = text.replace(ours, "")
    text = re.sub(r"\S*(?:://|@|\.csv|\.json|\.example\.)\S*", "", text)  # addresses and files
    text = re.sub(rf"PDI-\w{{4}}-\w{{4}}|\b[A-Z]{{2}}\b|\S*{TYPED}\S*", "", text)
    return " ".join(re.findall(r"[^\W\d_]{2,}", text))


def marked_answers(case: str) -> dict:
    """Return the answers of a case, each text replaced by a known one."""
    return {
        name: mark_value(COMMITMENT.fields[name], value) for name, value in load_case(case).items()
    }


def mark_value(field, value):
    if isinstance(field, Group):
        inside = {each.name: each for each in field.fields}
        return [
            {name: mark_value(inside[name], text) for name, text in entry.items()}
            | ({"title": f"{TYPED}{place}"} if "title" in entry else {})
            for place, entry in enumerate(value)
        ]
    return TYPED if type(field).__name__ in ("Text", "LongText") else value


@pytest.fixture
def configured_app(make_app):
    """Return a program with every setting that a page can show."""
    return make_app(
        PROGRAM_NAME="Commitments of Orange County",
        PROGRAM_EMAIL="office@example.gov",
        OMB_CONTROL_NUMBER="1-1",
        OMB_EXPIRES="2099-01-01",
    )


@pytest.mark.parametrize(
    ("case", "htmx"),
    [
        pytest.param("agency", True, id="agency-htmx"),
        pytest.param("partner", False, id="partner-plain"),
        pytest.param("agency", False, id="agency-plain", marks=pytest.mark.slow),
        pytest.param("partner", True, id="partner-htmx", marks=pytest.mark.slow),
    ],
)
def test_form_pages_are_translated(configured_app, checked_pages, case, htmx):
    client, answers = spanish_client(configured_app), marked_answers(case)
    if case == "agency":  # a step without an answer
        answers = {name: answers[name] for name in answers if "opportunity" not in name}
    client.send("/respond/", {}, htmx=htmx)
    page = start_draft(client, answers, htmx=htmx)
    base = draft_path(page)
    while (name := page.path.rsplit("/", 1)[1]) != "review":
        step = COMMITMENT.steps[name]
        client.page(page.path, htmx=htmx)
        client.send(page.path, {}, htmx=htmx)
        client.send(page.path, invalid_data(step), htmx=htmx)
        client.send(page.path, form_data(step, answers) | {"action": "add"}, htmx=htmx)
        client.page(page.path, htmx=htmx)
        post_conflict(client, page.path, form_data(step, answers), htmx)
        page = client.send(page.path, form_data(step, answers), htmx=htmx)
    client.send(page.path, {}, htmx=htmx)
    client.send(page.path, {"based_on": "older", "authorized": "yes"}, htmx=htmx)
    for path in (f"{base}/save", f"{base}/save?mailed=1", f"{base}/delete", "/"):
        client.page(path, htmx=htmx)
    client.send(f"{base}/save", {"action": "mail", "address": "no"}, htmx=htmx)
    page = client.send(page.path, {"authorized": "yes", "csrf_token": "aged"}, htmx=htmx)
    assert page.status == 400
    page = client.send(f"{base}/review", {"authorized": "yes"}, htmx=htmx)
    assert page.path.endswith("/done") and len(checked_pages) > 30


def invalid_data(step) -> dict:
    """Return data that each field type of a step refuses."""
    bad = {
        "Text": f"{TYPED}\x1b",
        "LongText": TYPED * 800,
        "Url": "a b",
        "Date": "1.1",
        "Choices": "zz",
    }
    data = {}
    for field in step.fields:
        inside = field.fields if isinstance(field, Group) else (field,)
        prefix = f"{field.name}-0-" if isinstance(field, Group) else ""
        for each in inside:
            data[prefix + each.name] = bad.get(type(each).__name__, "zz")
    return data


def post_conflict(client, path: str, data: dict, htmx: bool) -> None:
    """Post a stale page; assert the conflict page where the answers differ."""
    other = {name: f"{TYPED} 2" if value == TYPED else value for name, value in data.items()}
    refused = client.send(path, other | {"based_on": "0", "page": "other"}, htmx=htmx)
    assert (refused.status == 409) == (other != data), path


def test_public_pages_are_translated(configured_app, checked_pages):
    client = spanish_client(configured_app)
    for path in ("/", "/questions", "/commitments", "/privacy", "/respond/exit",
                 "/nowhere", "/progress", "/resume/x", "/respond/",
                 "/commitments?state=FL&state=GA"):  # fmt: skip
        client.page(path)
    client.page("/", query_string={"left": 1})
    client.page("/", query_string={"deleted": 1})
    assert client.post("/questions").status_code == 405
    references = [
        add_published(configured_app, case, **marked_answers(case))
        for case in ("agency", "partner")
    ]
    for path in ("/", "/commitments", "/commitments?kind=company", "/commitments?text=nothing",
                 "/progress", *(f"/commitments/{each}" for each in references)):  # fmt: skip
        client.page(path)
        client.page(path, htmx=True)


def test_followup_pages_are_translated(configured_app, checked_pages):
    reference = add_published(configured_app, "partner", **marked_answers("partner"))
    update_client(configured_app, reference)
    client = spanish_client(configured_app)
    path = f"/commitments/{reference}"
    client.page(update_path(configured_app, reference))
    with configured_app.app_context():
        name = db.session.scalars(select(Promise.entry_id).order_by(Promise.id)).first()
    page = f"{path}/update/{name}"
    asked = {"asked": [f"{each}_{name}" for each in ("done_on", "url", "new_date", "words")]}
    for told in ({}, {"done_on": "2099-01-01", "url": "a b"}, {"done_on": "2027-01-01"}):
        data = {f"{key}_{name}": value for key, value in told.items()}
        client.send(page, {f"outcome_{name}": "done", f"words_{name}": TYPED} | asked | data)
    for code in ("delayed", "dropped"):
        client.page(f"{page}?outcome={code}")
    client.page(f"{path}/update")
    client.send(f"{path}/update/review")
    client.send(f"{path}/update/review")
    for page in ("link", "contacts", "contacts/contact", "contacts/second", "withdraw", "yours"):
        client.page(f"{path}/{page}")
    contact = {"name": TYPED, "email": "other@example.org"}
    for data in ({}, contact | {"email": "a"}, contact | {"email": "a@gmial.com"}, contact):
        client.send(f"{path}/contacts/second", data)
    for data in ({}, {"reason": TYPED}, {"action": "cancel"}, {"reason": TYPED}):
        client.send(f"{path}/withdraw", data)
    client.send(f"{path}/link")
    for data in ({}, {"address": "a"}, {"address": "other@example.org"}):
        client.send("/lost", data)
    assert client.page("/updates/x").status == client.page("/contact/x").status == 404
    client.page(f"{path}/reminders")
    client.send(f"{path}/reminders")
    editor = staff_client(configured_app, "editor")
    case = editor.page(f"/staff/submissions/{reference}").values()
    data = {"key": "progress_approved-1", "offered": "1", "approve": "1"}
    editor.send(f"/staff/submissions/{reference}/progress", data | {"version": case["version"][0]})
    client.page(path)
    client.page(f"{path}/update")


def test_messages_are_translated(configured_app, checked_pages):
    client, answers = spanish_client(configured_app), marked_answers("agency")
    base = draft_path(start_draft(client, answers))
    client.send(f"{base}/save", {"action": "mail", "address": "desk@example.org"})
    complete_form(client, answers)
    with configured_app.app_context(), writing():
        submission = db.session.scalars(select(Submission)).one()
        reminders._remind_yearly([submission])
        draft = db.session.scalars(select(Draft).where(Draft.id != submission.draft_id)).one()
        resume._queue(draft, "desk@example.org", "reminder")
        queued = list(db.session.scalars(select(MailMessage)))
    notice = [each for each in queued if each.recipient == "office@example.gov"]
    letter = render_message(configured_app, notice[0])
    assert len(queued) == 5 and "⟦" not in letter.subject + letter.text + letter.html
    for message in queued:
        if message in notice:
            continue
        letter = render_message(configured_app, message)
        html = re.sub(r"<style>[^<]+</style>|<[^>]+>", " ", letter.html)
        paragraphs = [" ".join(part.split()) for part in letter.text.split("\n\n")]
        for text in (letter.subject, *paragraphs, *html.splitlines()):
            assert not untranslated_text(re.sub(r"https?://\S+", "", text)), (letter.subject, text)


def error_pages() -> set[ErrorPage]:
    """Return the error pages that modules for visitors declare."""
    packages = (wizard.apply, wizard.public, wizard.web)
    names = [
        f"{package.__name__}.{each.name}"
        for package in packages
        for each in iter_modules(package.__path__)
    ]
    modules = [*packages, *map(import_module, names)]
    declared = [value for module in modules for value in vars(module).values()]
    return {*ERROR_PAGES.values(), *(each for each in declared if isinstance(each, ErrorPage))}


def test_error_page_is_in_the_spanish_catalog():
    missing = [
        text
        for page in error_pages()
        for text in iter_messages(page)
        if text and languages.load_catalog("es").gettext(text.template) == text.template
    ]
    assert missing == []


def test_ended_link_to_act_is_in_one_language(app):
    shown = spanish_client(app).page("/acting/bad").text("main")
    assert "Funciona durante 10 minutos." in shown and "minutes" not in shown


def test_autosave_status_is_translated(configured_app, checked_pages):
    client = spanish_client(configured_app)
    base = draft_path(start_draft(client, marked_answers("agency")))
    token = client.token()
    for data in ({"city": TYPED}, {"city": "other", "based_on": "0", "page": "other"}):
        answer = client.post(f"{base}/organization/autosave", data={"csrf_token": token} | data)
        assert "⟦" in answer.text and not untranslated_text(re.sub("<[^>]+>", " ", answer.text))


def test_spanish_case_is_stored_and_exported_as_english(app, case):
    english_one = complete_form(app.test_client(), case)
    spanish = spanish_client(app)
    page = start_draft(spanish, case)
    assert page.text("h1") == "Su organización"
    spanish_one = complete_form(spanish, case, follow=True)
    assert spanish_one.text("h1") == "Recibimos su compromiso"
    assert " de 20" in spanish_one.text(".next")
    with app.app_context():
        stored = {each.reference: each for each in db.session.scalars(select(Submission))}
        message = db.session.scalars(select(MailMessage).where(MailMessage.language == "es")).one()
    letter = render_message(app, message)
    here, there = (stored[each.text(".reference")] for each in (english_one, spanish_one))
    assert (here.language, there.language) == ("en", "es")
    assert here.answers == there.answers
    assert "Recibimos su compromiso." in letter.text and 'lang="es"' in letter.html

    staff = staff_client(app, "admin")
    for name in ("submissions.csv", "submissions.jsonl", "data-sets.csv", "milestones.csv"):
        path = f"/staff/export/{name}"
        assert staff.get(path).data == staff.get(path, headers=SPANISH_HEADERS).data
    table = staff.get("/staff/export/submissions.csv").data.decode("utf-8-sig")
    one, other = csv.DictReader(io.StringIO(table))
    own = ("reference", "submitted_at")
    assert {**one, **dict.fromkeys(own)} == {**other, **dict.fromkeys(own)}


@pytest.mark.parametrize(
    ("settings", "english", "spanish"),
    [
        ({}, "Data Commitments", "Compromisos de datos"),
        ({"PROGRAM_NAME": "Open Ohio"}, "Open Ohio", "Open Ohio"),
        ({"PROGRAM_NAME": "Open Ohio", "PROGRAM_NAME_ES": "Ohio abierto"}, "Open Ohio",
         "Ohio abierto"),
    ],
)  # fmt: skip
def test_program_has_a_name_in_each_language(make_app, settings, english, spanish):
    app = make_app(**settings)
    for client, name in ((app.test_client(), english), (spanish_client(app), spanish)):
        page = client.page("/privacy")
        assert page.text(".program") == name and page.text("title").endswith(name)
        assert page.text(".lead").startswith(name)


def test_published_answers_are_marked_with_their_language(app):
    reference = add_published(app, "partner", commitment_title="Datos para todos")
    with app.app_context(), writing() as session:
        session.execute(update(Submission).values(language="es"))
    english, spanish = app.test_client(), spanish_client(app)
    for path in ("/", "/commitments", f"/commitments/{reference}"):
        page = english.page(path)
        marked = [each.text for each in page.all('main [lang="es"]')]
        assert "Datos para todos" in marked and "Transparency" not in marked, path
        assert not spanish.page(path).all("main [lang]")
    staff = staff_client(app, "viewer").page(f"/staff/submissions/{reference}")
    assert "Español" in staff.text(".facts")
    assert "Datos para todos" in [each.text for each in staff.all('dd[lang="es"]')]
