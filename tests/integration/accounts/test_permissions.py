"""Test every staff endpoint, method and role against a second table, written by hand."""

import pytest

from tests.client import read_page
from tests.complete_form import complete_form
from tests.conftest import load_case
from tests.factories import staff_client
from wizard.accounts import permissions
from wizard.web.form_fields import fingerprint

pytestmark = pytest.mark.second_store_slow

NOBODY, VIEWER, EDITOR, ADMIN = "nobody", "viewer", "editor", "admin"
ORDER = [NOBODY, VIEWER, EDITOR, ADMIN]
ONE = "/staff/submissions/{reference}"
LEAST = {
    ("GET", "/staff/login"): NOBODY,
    ("POST", "/staff/login"): NOBODY,
    ("POST", "/staff/logout"): VIEWER,
    ("GET", "/staff/"): VIEWER,
    ("GET", "/staff/report"): VIEWER,
    ("GET", "/staff/account"): VIEWER,
    ("POST", "/staff/account"): VIEWER,
    ("GET", "/staff/submissions"): VIEWER,
    ("GET", ONE): VIEWER,
    ("GET", ONE + "/next"): VIEWER,
    ("GET", ONE + "/previous"): VIEWER,
    ("GET", "/staff/submissions/many"): VIEWER,
    ("POST", "/staff/submissions/many"): EDITOR,
    ("POST", ONE + "/status"): EDITOR,
    ("POST", ONE + "/assign"): EDITOR,
    ("POST", ONE + "/note"): EDITOR,
    ("POST", ONE + "/resend"): EDITOR,
    ("POST", ONE + "/letter"): EDITOR,
    ("POST", ONE + "/report"): EDITOR,
    ("POST", ONE + "/progress"): EDITOR,
    ("POST", ONE + "/correction"): EDITOR,
    ("POST", ONE + "/withdrawal"): EDITOR,
    ("GET", ONE + "/changes"): EDITOR,
    ("POST", ONE + "/changes"): EDITOR,
    ("GET", ONE + "/versions"): VIEWER,
    ("POST", ONE + "/act"): EDITOR,
    ("POST", ONE + "/link"): EDITOR,
    ("GET", ONE + "/erase"): ADMIN,
    ("POST", ONE + "/erase"): ADMIN,
    ("GET", "/staff/export/submissions.csv"): VIEWER,
    ("GET", "/staff/people"): ADMIN,
    ("POST", "/staff/people"): ADMIN,
    ("GET", "/staff/people/1/disable"): ADMIN,
    ("POST", "/staff/people/1/disable"): ADMIN,
    ("GET", "/staff/welcome/x"): NOBODY,
    ("POST", "/staff/welcome/x"): NOBODY,
    ("GET", "/staff/tokens"): ADMIN,
    ("POST", "/staff/tokens"): ADMIN,
    ("GET", "/staff/audit"): ADMIN,
    ("GET", "/staff/parts"): ADMIN,
    ("GET", "/staff/audit.csv"): ADMIN,
}
DATA = {
    "version": "1", "to": "in_review", "text": "A note", "message": "1", "name": "x", "days": "9",
}  # fmt: skip


RULES = {
    "/staff/export/submissions.csv": "/staff/export/<name>",
    "/staff/people/1/disable": "/staff/people/<user_id>/<step>",
    "/staff/welcome/x": "/staff/welcome/<token>",
}


def rule_of(path: str) -> str:
    """Return the rule of a path in the table."""
    return RULES.get(path, path.replace("{reference}", "<reference>"))


def test_table_names_every_endpoint_and_method(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/staff")]
    declared = {
        (method, rule.rule) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    named = {(method, rule_of(path)) for method, path in LEAST}
    assert named == declared


@pytest.mark.parametrize("role", ORDER)
def test_role_matrix(app, role):
    reference = complete_form(app.test_client(), load_case("agency")).text(".reference")
    for number, ((method, path), least) in enumerate(LEAST.items()):
        stranger = role == NOBODY
        client = app.test_client() if stranger else staff_client(app, role, f"{role}{number}")
        path = path.format(reference=reference)
        data = {"csrf_token": client.token(), **DATA} if method == "POST" else None
        response = client.open(path, method=method, data=data, headers={"Accept": "text/html"})
        where = (role, method, path, response.status_code)
        if ORDER.index(role) >= ORDER.index(least):
            assert response.status_code not in (401, 403), where
            assert "/staff/login?next" not in response.headers.get("Location", ""), where
        elif role == NOBODY and method == "GET":
            assert response.status_code == 303, where
            assert response.location.startswith("/staff/login?next="), where
        else:
            assert response.status_code == (401 if role == NOBODY else 403), where


@pytest.mark.parametrize(
    ("role", "path", "said"),
    [
        (EDITOR, "/staff/people", "Only admins can do this."),
        (EDITOR, "/staff/audit", "Only admins can do this."),
        (EDITOR, "/staff/tokens", "Only admins can do this."),
        (VIEWER, "/staff/submissions/PDI-0000-0000/changes", "Only editors or admins can do this."),
        (VIEWER, "/staff/submissions/many?action=withdrawn", "Only editors or admins can do this."),
    ],
)
def test_refusal_names_role_that_is_needed(app, role, path, said):
    page = staff_client(app, role).page(path)
    assert page.status == 403 and said in page.text("main")


def test_unlisted_endpoint_is_forbidden(app, monkeypatch):
    monkeypatch.delitem(permissions.REQUIRED_ROLE, "staff.dashboard")
    page = staff_client(app, "admin").page("/staff/")
    assert page.status == 403 and "Your role" in page.text("main")


def test_staff_post_without_csrf_token_is_400(app):
    reference = complete_form(app.test_client(), load_case("agency")).text(".reference")
    editor = staff_client(app, "admin")
    for (method, path), least in LEAST.items():
        if method == "POST" and least != NOBODY:
            response = editor.post(path.format(reference=reference), data=DATA)
            assert response.status_code == 400, path


@pytest.mark.parametrize("role", [VIEWER, EDITOR], ids=["role ended", "token expired"])
def test_refused_post_shows_what_was_typed(app, role):
    client = staff_client(app, role)
    data = {"text": "Called <Ms. Lee>", "reason-declined": "Not\x00 yet", "to": "declined"}
    shown = {"words-accepted": "Good news", "shown-words-accepted": fingerprint("Good news")}
    token = {"csrf_token": client.token()} if role == VIEWER else {}
    response = client.post("/staff/submissions/PDI-AAAA-AAAA/note", data=data | shown | token)
    page = read_page(response)
    assert page.status == (403 if role == VIEWER else 400)
    assert [each.text for each in page.all("dt, dd")] == [
        *("New note", "Called <Ms. Lee>"),
        *("Reason", "Not\ufffd yet"),
    ]


def test_post_of_another_site_shows_no_text(app):
    client = staff_client(app, EDITOR)
    data = {"text": "Not mine", "csrf_token": client.token()}
    response = client.post(
        "/staff/submissions/PDI-AAAA-AAAA/note",
        data=data,
        base_url="https://commitments.example.org",
        headers={"Origin": "https://elsewhere.example"},
    )
    assert response.status_code == 400 and "Not mine" not in response.text


def test_too_long_post_is_413(app):
    client = staff_client(app, EDITOR)
    data = {"text": "x" * 3_000_000, "csrf_token": client.token()}
    assert client.post("/staff/submissions/PDI-AAAA-AAAA/note", data=data).status_code == 413
