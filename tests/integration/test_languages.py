"""The visitors' side in another language: nothing left out, and nothing stored otherwise."""

import csv
import io
import re
from gettext import NullTranslations

import pytest
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy import select

import tests.client
from tests.client import Page
from tests.conftest import load_case
from tests.integration.test_commitments import publish
from tests.integration.test_reports import come_back, link
from tests.letters import drawn
from tests.staff import colleague
from tests.walk import draft_path, form_data, start, walk
from wizard.apply import drafts, resume
from wizard.db.engine import db
from wizard.db.models import Draft, MailMessage, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Group
from wizard.submissions import progress_reports
from wizard.web import languages

ES = {"Accept-Language": "es-US,es;q=0.9,en;q=0.5"}


def in_spanish(app):
    """A browser that asks for Spanish."""
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = ES["Accept-Language"]
    return client


class Marked(NullTranslations):
    """Says every text as it is, between brackets."""

    def gettext(self, text: str) -> str:
        return f"⟦{text}⟧"

    def ngettext(self, one: str, more: str, number: int) -> str:
        return f"⟦{one if number == 1 else more}⟧"


OURS = ("UTC", "Español", "English", "Commitments of Orange County", "office@example.gov",
        "opportunity.census.gov", "cdn.jsdelivr.net", "1-1", "commitments.example.org")  # fmt: skip
"""What is said alike in every language."""
SPOKEN = ("aria-label", "alt", "title", "placeholder", "content", "data-label", "data-copied")


@pytest.fixture
def unmarked(monkeypatch):
    """Marks what is translated, and fails on every page that shows a word that is not; the list
    is what a test has typed and looked at, by page."""
    seen: list[str] = []

    def check(page: Page) -> None:
        seen.append(page.path)
        if page.response.headers["Content-Language"] == "es":
            left = [english(text) for text in shown(page)]
            assert not any(left), (page.path, page.status, left)

    monkeypatch.setattr(
        languages, "load_catalog", lambda code: Marked() if code == "es" else NullTranslations()
    )
    monkeypatch.setattr(tests.client, "lint", check)
    return seen


def shown(page: Page) -> list[str]:
    """What is to be read on a page: its text, and the attributes that are read to somebody."""
    texts = [page.html.root.to_text()]
    for element in page.all("*"):
        words = element.name == "body"
        named = element.attrs.get("name") or element.attrs.get("property") or ""
        if element.name == "meta" and not named.endswith(("description", "title")):
            continue
        texts += [
            value or ""
            for name, value in element.attrs.items()
            if name in SPOKEN or (words and name.startswith("data-"))
        ]
    return texts


TYPED = "Ünïcode"
"""In everything that these tests type."""


def english(text: str) -> str:
    """What is left of a text without what is translated and what was typed."""
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = shorter
    for ours in OURS:
        text = text.replace(ours, "")
    text = re.sub(r"\S*(?:://|@|\.csv|\.json|\.example\.)\S*", "", text)  # addresses and files
    text = re.sub(rf"PDI-\w{{4}}-\w{{4}}|\b[A-Z]{{2}}\b|\S*{TYPED}\S*", "", text)
    return " ".join(re.findall(r"[^\W\d_]{2,}", text))


def typed(case: str) -> dict:
    """The answers of a case, each text one that these tests know again."""
    return {name: known(COMMITMENT.fields[name], value) for name, value in load_case(case).items()}


def known(field, value):
    if isinstance(field, Group):
        inside = {each.name: each for each in field.fields}
        return [
            {name: known(inside[name], text) for name, text in entry.items()}
            | ({"title": f"{TYPED}{place}"} if "title" in entry else {})
            for place, entry in enumerate(value)
        ]
    return TYPED if type(field).__name__ in ("Text", "LongText") else value


@pytest.fixture
def office(make_app):
    """The program with all settings that a page can show."""
    return make_app(
        PROGRAM_NAME="Commitments of Orange County",
        PROGRAM_EMAIL="office@example.gov",
        OMB_CONTROL_NUMBER="1-1",
        OMB_EXPIRES="2099-01-01",
    )


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("case", ["agency", "partner"])
def test_no_page_of_the_form_shows_a_word_that_is_not_translated(office, unmarked, case, htmx):
    client, answers = in_spanish(office), typed(case)
    if case == "agency":  # a step without an answer
        answers = {name: answers[name] for name in answers if "opportunity" not in name}
    client.send("/respond/", {}, htmx=htmx)
    page = start(client, answers, htmx=htmx)
    base = draft_path(page)
    while (name := page.path.rsplit("/", 1)[1]) != "review":
        step = COMMITMENT.steps[name]
        client.page(page.path, htmx=htmx)
        client.send(page.path, {}, htmx=htmx)
        client.send(page.path, wrong(step), htmx=htmx)
        client.send(page.path, form_data(step, answers) | {"action": "add"}, htmx=htmx)
        client.page(page.path, htmx=htmx)
        conflict(client, page.path, form_data(step, answers), htmx)
        page = client.send(page.path, form_data(step, answers), htmx=htmx)
    client.send(page.path, {}, htmx=htmx)
    client.send(page.path, {"based_on": "older", "authorized": "yes"}, htmx=htmx)
    for path in (f"{base}/save", f"{base}/save?mailed=1", f"{base}/delete", "/"):
        client.page(path, htmx=htmx)
    client.send(f"{base}/save", {"action": "mail", "address": "no"}, htmx=htmx)
    page = client.send(page.path, {"authorized": "yes", "csrf_token": "aged"}, htmx=htmx)
    assert page.status == 400
    page = client.send(f"{base}/review", {"authorized": "yes"}, htmx=htmx)
    assert page.path.endswith("/done") and len(unmarked) > 30


def wrong(step) -> dict:
    """What each type of question refuses."""
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


def conflict(client, path: str, data: dict, htmx: bool) -> None:
    """The page that compares what two windows typed, which is refused where they differ."""
    other = {name: f"{TYPED} 2" if value == TYPED else value for name, value in data.items()}
    refused = client.send(path, other | {"based_on": "0", "page": "other"}, htmx=htmx)
    assert (refused.status == 409) == (other != data), path


def test_no_public_page_shows_a_word_that_is_not_translated(office, unmarked):
    client = in_spanish(office)
    for path in ("/", "/questions", "/commitments", "/privacy", "/respond/exit", "/nowhere",
                 "/resume/x", "/respond/", "/commitments?state=FL&state=GA"):  # fmt: skip
        client.page(path)
    client.page("/", query_string={"left": 1})
    client.page("/", query_string={"deleted": 1})
    assert client.post("/questions").status_code == 405
    references = [publish(office, case, **typed(case)) for case in ("agency", "partner")]
    for path in ("/", "/commitments", "/commitments?kind=company", "/commitments?text=nothing",
                 *(f"/commitments/{each}" for each in references)):  # fmt: skip
        client.page(path)
        client.page(path, htmx=True)


def test_no_page_of_an_organization_that_comes_back_shows_a_word_that_is_not_translated(
    office, unmarked
):
    reference = publish(office, "partner", **typed("partner"))
    come_back(office, reference)
    client = in_spanish(office)
    path = f"/commitments/{reference}"
    client.page(link(office, reference))
    news = {"milestones-0-done": "yes", "milestones-0-note": TYPED, "milestones-0-url": "a.org"}
    for data in ({}, {"action": "withdraw"}, {"milestones-0-url": "a b"}, news):
        client.send(f"{path}/update", {"action": "report"} | data)
    client.send(f"{path}/update", {"action": "withdraw", "sure": "yes"})
    client.page(f"{path}/reminders")
    client.send(f"{path}/reminders")
    editor = colleague(office, "editor")
    for number, action in ((1, "approve"), (2, "decline")):
        editor.send(f"/staff/submissions/{reference}/report", {"report": number, "action": action})
    client.page(path)
    client.page(f"{path}/update")


def test_no_message_shows_a_word_that_is_not_translated(office, unmarked):
    client, answers = in_spanish(office), typed("agency")
    base = draft_path(start(client, answers))
    client.send(f"{base}/save", {"action": "mail", "address": "desk@example.org"})
    walk(client, answers)
    with office.app_context():
        submission = db.session.scalars(select(Submission)).one()
        progress_reports._queue(submission, "desk@example.org")
        draft = db.session.scalars(select(Draft).where(Draft.id != submission.draft_id)).one()
        resume._queue(draft, "desk@example.org", "reminder")
        db.session.commit()
        queued = list(db.session.scalars(select(MailMessage)))
    notice = [each for each in queued if each.recipient == "office@example.gov"]
    letter = drawn(office, notice[0])
    assert len(queued) == 5 and "⟦" not in letter.subject + letter.text + letter.html
    for message in queued:
        if message in notice:
            continue
        letter = drawn(office, message)
        html = re.sub(r"<[^>]+>", " ", letter.html)
        for text in (letter.subject, *letter.text.splitlines(), *html.splitlines()):
            assert not english(re.sub(r"https?://\S+", "", text)), (letter.subject, text)


def test_the_small_status_of_an_autosave_is_translated(office, unmarked):
    client = in_spanish(office)
    base = draft_path(start(client, typed("agency")))
    token = client.token()
    for data in ({"city": TYPED}, {"city": "other", "based_on": "0", "page": "other"}):
        answer = client.post(f"{base}/organization/autosave", data={"csrf_token": token} | data)
        assert "⟦" in answer.text and not english(re.sub("<[^>]+>", " ", answer.text))


def test_a_case_answered_in_spanish_is_stored_and_exported_as_in_english(app, case):
    english_one = walk(app.test_client(), case)
    spanish = in_spanish(app)
    page = start(spanish, case)
    assert page.text("h1") == "Su organización"
    spanish_one = walk(spanish, case)
    assert spanish_one.text("h1") == "Recibimos su compromiso"
    assert " de 20" in spanish_one.text(".next")
    with app.app_context():
        stored = {each.reference: each for each in db.session.scalars(select(Submission))}
        message = db.session.scalars(select(MailMessage).where(MailMessage.language == "es")).one()
    letter = drawn(app, message)
    here, there = (stored[each.text(".reference")] for each in (english_one, spanish_one))
    assert (here.language, there.language) == ("en", "es")
    assert here.answers == there.answers
    assert "Gracias. Recibimos el compromiso de" in letter.text and 'lang="es"' in letter.html

    staff = colleague(app, "admin")
    for name in ("submissions.csv", "submissions.jsonl", "data-sets.csv", "milestones.csv"):
        path = f"/staff/export/{name}"
        assert staff.get(path).data == staff.get(path, headers=ES).data
    table = staff.get("/staff/export/submissions.csv").data.decode("utf-8-sig")
    one, other = csv.DictReader(io.StringIO(table))
    own = ("reference", "submitted_at")
    assert {**one, **dict.fromkeys(own)} == {**other, **dict.fromkeys(own)}


def test_open_data_is_the_same_in_every_language(app, client):
    publish(app)
    for path in ("/commitments.csv", "/commitments.json", "/data.json", "/commitments/schema.json"):
        plain, spanish = client.get(path), client.get(path, headers=ES)
        assert (plain.data, plain.headers["ETag"]) == (spanish.data, spanish.headers["ETag"])


def test_the_staff_side_stays_english(app):
    staff = colleague(app, "admin")
    staff.set_cookie("lang", "es")
    page = staff.page("/staff/?lang=es")
    assert (page.all("html")[0].attrs["lang"], page.text("h1")) == ("en", "Dashboard")
    assert not page.all("a[hreflang]")


@pytest.mark.parametrize(
    ("asks", "language"),
    [
        ("es", "es"),
        ("es-419,en;q=0.8", "es"),
        ("en-US,es;q=0.9", "en"),
        ("fr,es;q=0.5,en;q=0.1", "es"),
        ("fr", "en"),
        ("es;q=0", "en"),
        ("", "en"),
        ("\u00e9\x7f;;q=,", "en"),
    ],
)
def test_the_browser_says_which_language(client, asks, language):
    page = Page(client.get("/", headers={"Accept-Language": asks}))
    assert page.all("html")[0].attrs["lang"] == language
    assert page.response.headers["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= set(page.response.vary)


def test_the_link_stays_on_the_page_and_is_remembered(app, client):
    publish(app, state="FL")
    page = client.page("/commitments?state=FL&lang=xx")
    (to_spanish,) = page.all("a[hreflang=es]")
    assert to_spanish.attrs["href"] == "?state=FL&lang=es"
    page = client.page("/commitments" + to_spanish.attrs["href"])
    assert page.text("h1") == "A qué se comprometen las organizaciones"
    assert page.all("option[value=FL][selected]")
    cookie = client.get_cookie("lang")
    assert (cookie.value, cookie.http_only, cookie.max_age) == ("es", True, 365 * 24 * 3600)
    assert client.page("/questions").text("h1") == "Todas las preguntas"
    assert client.page("/questions", htmx=True).text("h1") == "Todas las preguntas"
    back = client.page("/questions?lang=en")
    assert back.text("h1") == "All questions"
    assert client.page("/").all("html")[0].attrs["lang"] == "en"


@pytest.mark.parametrize("given", ["xx", "", "es/../en", "//evil.example", "es\r\nX: y", "⟦"])
def test_a_language_that_there_is_not_changes_nothing(client, given):
    page = Page(client.get("/", query_string={"lang": given}))
    assert page.status == 200 and client.get_cookie("lang") is None
    for anchor in page.all("a[hreflang]"):
        assert anchor.attrs["href"].startswith("?")


def test_a_step_is_drawn_again_in_the_other_language_with_what_was_typed(client, case):
    page = start(client, case)
    client.send(f"{page.path}/autosave", {"city": "Half a na"})
    page = client.page(page.path + "?lang=es")
    assert page.text("h1") == "Su organización" and page.values()["city"] == ["Half a na"]


def test_the_messages_of_a_draft_are_in_the_language_of_its_last_answer(app, client, case):
    page = start(client, case)
    client.page(page.path + "?lang=es")
    client.send(page.path, {"organization_name": "A"})
    with app.app_context():
        draft = db.session.scalars(select(Draft)).one()
        assert draft.language == "es"
        draft.link_email = "desk@example.org"
        draft.updated_at -= drafts.draft_lifetime() - resume.REMINDER_LEAD
        db.session.commit()
        assert resume.send_reminders() == 1
        message = db.session.scalars(select(MailMessage)).one()
    assert "su borrador se borrará" in drawn(app, message).subject


def test_what_is_in_the_order_of_the_alphabet_is_so_in_spanish(client, case):
    client.set_cookie("lang", "es")
    page = start(client, case)
    names = [option.to_text() for option in page.all("#state option")][1:]
    assert names.index("Carolina del Norte") == names.index("California") + 1
    assert names.index("Míchigan") == names.index("Massachusetts") + 1
    assert len(names) == 56


def test_errors_are_in_the_language_of_the_page(client, case):
    client.set_cookie("lang", "es")
    page = start(client, case)
    page = client.send(page.path, {"website": "a b"})
    assert page.errors()["organization_name"] == "Escriba el nombre de su organización."
    assert page.errors()["website"].startswith("Escriba su sitio web como una dirección web")
    assert page.text("title").startswith("Error: ")
    assert page.text("#errors h2") == "Hay que revisar 4 respuestas"


@pytest.mark.parametrize(
    "expression",
    ["request.path", "session.get('once')", "g.person", "csrf_token()", "language_query('es')",
     "get_flashed_messages()"],
)  # fmt: skip
def test_cached_part_that_depends_on_the_request_raises(app, client, expression):
    parts = {"parts/foot.html": "{{ " + expression + " }}"}
    app.jinja_loader = ChoiceLoader([DictLoader(parts), app.jinja_loader])
    app.jinja_env.bytecode_cache = None
    with pytest.raises(RuntimeError, match="outside of"):
        client.get("/questions")


def test_cached_part_is_rendered_once_a_language(client):
    feet = [client.get("/questions", headers=more).text for more in ({}, ES, {}, ES)]
    feet = [page.partition("<footer")[2].partition("</footer>")[0] for page in feet]
    assert feet[0] == feet[2] != feet[1] == feet[3]
    assert 'href="/privacy"' in feet[0]
