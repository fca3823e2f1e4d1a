"""Submit markup, templates and formulas; assert that every output shows them as text."""

import csv
import io
import json
import zipfile
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from tests.attack.browser import Browser
from tests.attack.conftest import staff_browser
from tests.client import is_page, read_page
from tests.complete_form import complete_form, draft_path
from tests.conftest import load_case
from tests.elements import Document
from tests.mail import render_message
from wizard.db.engine import db
from wizard.db.models import MailMessage, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import LongText, Text
from wizard.forms.groups import Group

PAYLOADS = {
    "script": '<script>pwned()</script>"><img src=x onerror=pwned()>',
    "htmx": "' hx-get='/pwned' hx-on:load='pwned()<b data-hx-post=/pwned hx-trigger=load>x</b>",
    "template": "=1+1{{7*7}}{%include 'pwned'%}${7*7}<%=7*7%>",
    "ends": '</textarea></title></script><h1>pwned</h1><!--"],"pwned":[{"\\u003cscript',
}
each_payload = pytest.mark.parametrize(
    "payload",
    [
        pytest.param(each, id=name, marks=() if name == "script" else pytest.mark.slow)
        for name, each in PAYLOADS.items()
    ],
)
FOREIGN = ("img", "iframe", "object", "embed", "b")
"""Elements that no page has, except the logo."""
PLAIN = (Text, LongText)
"""The field types that accept any text."""


def with_payload(payload: str) -> dict:
    """Return a case with the payload in every free-text field."""
    case = load_case("partner")
    for field in COMMITMENT.fields.values():
        if type(field) in PLAIN and field.name in case:
            case[field.name] = payload
        elif isinstance(field, Group) and field.name in case:
            for number, entry in enumerate(case[field.name]):
                for inner in field.fields:
                    if type(inner) in PLAIN and inner.name in entry:
                        entry[inner.name] = f"{payload}{number}"
    return case


def assert_harmless(answer) -> None:
    """Assert that a page contains no active markup except the program's own."""
    page = read_page(answer)  # the browser linted it: no inline script, style or handler
    for element in page.all("*"):
        for name, value in element.attrs.items():
            assert not name.startswith(("on", "hx-on", "data-hx")), (page.path, element)
            if name not in ("value", "content"):
                assert "pwned" not in (value or "").partition("?")[0], (page.path, name, value)
        if element.name != "img" or not element.attrs["src"].startswith("/static/icon.svg"):
            assert element.name not in FOREIGN, (page.path, element)


@each_payload
def test_payload_in_answers_is_escaped_everywhere(server, server_app, payload):
    applicant = Browser(server)
    case = with_payload(payload)
    receipt = complete_form(applicant, case, htmx=payload == PAYLOADS["htmx"], follow=True)
    reference, path = receipt.text(".reference"), draft_path(receipt)
    second = draft_path(complete_form(applicant, case, until="review"))
    for name in ("organization", "goals", "review", "save", "delete"):
        for more in ({}, {"HX-Request": "true"}):
            assert_harmless(applicant.get(f"{second}/{name}", more))
    shown = applicant.get(f"{path}/done")
    assert payload in read_page(shown).text("main")
    assert_harmless(shown)

    admin = staff_browser(server, server_app, "admin", f"admin-{reference}")
    case_path = f"/staff/submissions/{reference}"
    for to in ("in_review", "accepted", "published"):
        version = read_page(admin.get(case_path)).values()["version"][0]
        assert admin.post(f"{case_path}/status", {"to": to, "version": version}).status_code == 303
    admin.post(f"{case_path}/note", {"text": payload})
    review = f"/commitments/{reference}/update/review"
    page = read_page(applicant.get(review)).all("#report .cardhead a")[0].attrs["href"]
    name = page.rpartition("/")[2]
    told = {f"outcome_{name}": "on_track", f"words_{name}": payload, "asked": f"words_{name}"}
    assert applicant.post(page, {"action": "continue", **told}).status_code in (303, 422)
    assert_harmless(applicant.get(page))
    assert_harmless(applicant.get(review))
    applicant.post(review, {"action": "continue"})
    shown = read_page(admin.get(case_path)).values()
    if "offered" in shown:
        data = {"key": f"progress_approved-{shown['offered'][0]}", "offered": shown["offered"][0],
                "approve": shown["approve"][0], "version": shown["version"][0]}  # fmt: skip
        assert admin.post(f"{case_path}/progress", data).status_code == 303
    admin.post(
        "/staff/people",
        {"action": "invite", "email": "x@example.gov", "name": payload, "role": "viewer"},
    )
    admin.post("/staff/tokens", {"action": "make", "name": payload[:60], "days": "9"})
    for address in (
        case_path, f"{case_path}/erase", "/staff/", "/staff/submissions",
        "/staff/submissions?todo=yes", f"{case_path}?todo=yes", "/staff/people",
        "/staff/tokens", "/staff/audit", "/staff/report",
    ):  # fmt: skip
        answer = admin.get(address)
        assert answer.status_code == 200, address
        assert_harmless(answer)
    for address in ("/", "/commitments", "/progress", f"/commitments/{reference}", "/questions"):
        assert_harmless(applicant.get(address))
    assert payload in read_page(applicant.get(f"/commitments/{reference}")).text("main")
    assert_files_hold(admin, applicant, reference, payload)
    assert_message_holds(server_app, reference, payload)


def assert_files_hold(admin: Browser, anyone: Browser, reference: str, payload: str) -> None:
    """Assert that each file has its declared format and holds the payload as text."""
    lines = admin.get("/staff/export/submissions.jsonl").content.splitlines()
    exact = [json.loads(line) for line in lines]
    (kept,) = [row for row in exact if row["reference"] == reference]
    assert kept["commitment_title"] == payload
    for name in ("submissions.csv", "milestones.csv"):
        assert_no_formula(admin.get(f"/staff/export/{name}").content.decode("utf-8-sig"))
    assert_no_formula(admin.get("/staff/audit.csv").content.decode("utf-8-sig"))
    assert_no_formula(anyone.get("/commitments.csv").content.decode("utf-8-sig"))
    workbook = zipfile.ZipFile(io.BytesIO(admin.get("/staff/export/submissions.xlsx").content))
    for name in workbook.namelist():
        if name.endswith(".xml"):
            sheet = ElementTree.fromstring(workbook.read(name))  # noqa: S314
            assert not sheet.findall(".//{*}f")
    document = anyone.get("/commitments.json")
    records = json.loads(document.text)["commitments"]
    (record,) = [each for each in records if each["reference"] == reference]
    assert record["commitment_title"] == payload
    feed = ElementTree.fromstring(anyone.get("/commitments.atom").content)  # noqa: S314
    assert not [tag for tag in ("script", "img", "b", "h1") if feed.findall(f".//{{*}}{tag}")]
    for answer in (document, anyone.get("/commitments.csv"), anyone.get("/commitments.atom")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not is_page(answer)


def assert_no_formula(text: str) -> None:
    """Assert that no cell of a CSV starts a formula."""
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not cell.lstrip().startswith(("=", "@")), cell


def assert_message_holds(app, reference: str, payload: str) -> None:
    """Assert that the message holds the payload as text, without active markup."""
    with app.app_context():
        query = select(MailMessage).join(Submission).where(Submission.reference == reference)
        (message,) = db.session.scalars(query.where(MailMessage.kind == "confirmation"))
    read = render_message(app, message, has_markup=True)
    assert " ".join(payload.split()) in " ".join(read.text.split())
    assert "pwned" not in read.subject
    letter = Document(read.html)
    for element in letter.all("*"):
        assert element.name not in ("script", "img", "b", "form"), element
        assert not [name for name in element.attrs if name.startswith(("on", "hx-"))], element


@each_payload
def test_payload_in_address_is_escaped(server, server_app, payload):
    viewer = staff_browser(
        server, server_app, "admin", f"viewer-of-{list(PAYLOADS.values()).index(payload)}"
    )
    for path in (
        "/staff/submissions",
        "/staff/audit",
        "/commitments",
        "/progress",
        "/respond/exit",
        "/staff/login",
    ):
        for name in (
            "text",
            "next",
            "draft",
            "state",
            "actor",
            "before",
            "assigned",
            "then",
            payload,
        ):
            answer = viewer.get(f"{path}?{urlencode({name: payload})}")
            assert answer.status_code in (200, 303, 400), (path, name)
            assert_harmless(answer)
    for path in ("/commitments/", "/resume/", "/updates/", "/staff/submissions/", "/respond/"):
        answer = viewer.get(path + quote(payload, safe=""))
        if answer.status_code != 308:  # a link that was mended stays on this site: test_routing
            assert_harmless(answer)
