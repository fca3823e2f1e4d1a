"""Tests of the staff pages: list and case."""

import pytest

from tests.client import link_address
from tests.complete_form import complete_form
from tests.factories import add_submission, audit_events, staff_client
from wizard.notify.outbox import deliver_due

pytestmark = pytest.mark.second_store_slow


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_empty_list_says_so(viewer, htmx):
    page = viewer.page("/staff/submissions", htmx=htmx)
    assert "Nothing was submitted yet" in page.text("main" if not htmx else ".staff")


@pytest.mark.parametrize("query", ["no", "x", "", "00", "false", "1&contacts=0", "%00"])
def test_export_with_unknown_value_of_contacts_is_400(app, viewer, query):
    page = viewer.page(f"/staff/export/submissions.csv?contacts={query}")
    assert page.status == 400 and "filter “contacts”" in page.text("main")
    assert audit_events(app, "exported") == []


def test_export_can_ask_for_contacts(app, viewer):
    add_submission(app, contact_email="zoe@example.org")
    for query, has_contacts in (("?contacts=1", True), ("", True), ("?contacts=0", False)):
        text = viewer.get(f"/staff/export/submissions.csv{query}").text
        assert ("zoe@example.org" in text) is has_contacts


def test_htmx_filter_replaces_url_without_blanks(viewer):
    path = "/staff/submissions?text=&status=received&branch=&kind=&state=&program="
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/staff/submissions"}
    answer = viewer.get(path, headers=headers)
    assert answer.headers["HX-Replace-Url"] == "/staff/submissions?status=received"


def test_case_page_shows_answers_and_messages(app, client, viewer, case):
    reference = complete_form(client, case).text(".reference")
    with app.app_context():
        deliver_due()
    page = viewer.page(f"/staff/submissions/{reference}")
    text = page.text("main")
    assert case["organization_name"] in page.text("h1")
    for answer in (case["contact_name"], case["contact_email"], case["commitment_title"]):
        assert " ".join(answer.split()) in text
    assert "✓ Sent" in text and f"To {case['contact_email']}" in text


@pytest.mark.parametrize("reference", ["PDI-AAAA-AAAA", "x", "%00", "..", "🐈"])
def test_unknown_reference_is_404(viewer, editor, reference):
    for client in (viewer, editor):
        assert client.page(f"/staff/submissions/{reference}").status == 404
    for action in ("status", "note", "resend"):
        data = {"version": "1", "message": "1", "text": "x"}
        assert editor.send(f"/staff/submissions/{reference}/{action}", data).status == 404


def test_removed_option_code_is_still_shown(app, viewer):
    reference = add_submission(app, organization_kind="agency", state="ZZ", help_wanted=["gone"])
    text = viewer.page(f"/staff/submissions/{reference}").text(".given")
    assert "ZZ" in text and "gone" in text


def test_result_message_is_shown_once_with_focus(app):
    reference = add_submission(app)
    editor = staff_client(app, "editor")
    path = f"/staff/submissions/{reference}"
    version = editor.page(path).values()["version"][0]
    decided = editor.send(f"{path}/status", {"to": "in_review", "version": version})
    assert decided.text("#said") == "✓ Status changed to In review."
    assert "autofocus" in decided.all("#said")[0].attrs
    assert editor.send(f"{path}/note", {"text": "Read."}).text("#said") == "✓ Note added."
    assert not editor.page(path).all("#said")


def test_back_link_keeps_list_filters(app):
    reference = add_submission(app, state="FL")
    viewer = staff_client(app, "viewer")
    path = f"/staff/submissions/{reference}"
    query = "?branch=jurisdiction&state=FL"
    filtered = viewer.page("/staff/submissions?state=FL&branch=jurisdiction")
    assert link_address(filtered, reference) == path + query
    (back,) = viewer.page(link_address(filtered, reference)).all("a.back")
    assert back.attrs["href"] == f"/staff/submissions{query}"
    whole = viewer.page("/staff/submissions")
    (back,) = viewer.page(link_address(whole, reference)).all("a.back")
    assert back.attrs["href"] == "/staff/submissions"


def test_back_link_is_per_tab(app):
    reference = add_submission(app, state="FL")
    viewer = staff_client(app, "viewer")
    tabs = [viewer.page(f"/staff/submissions?{query}") for query in ("state=FL", "q=a&last=1")]
    pages = [viewer.page(link_address(tab, reference)) for tab in tabs]
    backs = [page.all("a.back")[0].attrs["href"] for page in pages]
    assert backs == ["/staff/submissions?state=FL", "/staff/submissions?q=a&last=1"]


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_back_link_survives_case_actions(app, htmx):
    reference = add_submission(app, state="FL")
    admin = staff_client(app, "admin")
    page = admin.page(f"/staff/submissions/{reference}?state=FL", htmx=htmx)
    buttons = [each for each in page.all("button") if "formaction" in each.attrs]
    actions = list(dict.fromkeys(each.attrs["formaction"] for each in buttons))
    names = [action.rpartition("/")[2] for action in actions]
    assert names == [
        f"{name}?state=FL" for name in ("status", "assign", "act", "link", "letter", "note")
    ]
    decided = admin.send(actions[0], {"to": "in_review", "version": "1"}, htmx=htmx)
    assert decided.all("a.back")[0].attrs["href"] == "/staff/submissions?state=FL"
    refused = admin.send(actions[-1], {"text": ""}, htmx=htmx)
    assert refused.all("a.back")[0].attrs["href"] == "/staff/submissions?state=FL"
    asked = admin.page(link_address(refused, "Delete the answers on request"), htmx=htmx)
    (form,) = [each for each in asked.all("form") if "erase" in each.attrs["action"]]
    erased = admin.send(form.attrs["action"], htmx=htmx)
    assert erased.all("a.back")[0].attrs["href"] == "/staff/submissions?state=FL"


@pytest.mark.parametrize(
    "query", ["state=XX", "back=//evil.example", "state=FL&state=GA", "text=%00", "first_day=x"]
)
def test_malformed_back_link_leads_to_unfiltered_list(app, viewer, query):
    page = viewer.page(f"/staff/submissions/{add_submission(app)}?{query}")
    assert page.status == 200
    assert page.all("a.back")[0].attrs["href"] == "/staff/submissions"


@pytest.mark.parametrize(
    ("query", "opens"), [("", False), ("?q=data", False), ("?sort=due", False), ("?state=FL", True)]
)
def test_rarer_filters_are_folded_unless_one_is_set(app, viewer, query, opens):
    add_submission(app, state="FL")
    page = viewer.page(f"/staff/submissions{query}")
    assert bool(page.all("details.more[open]")) is opens


def test_reopening_says_what_becomes_of_the_public_page(app, editor):
    hint = "takes its short public page offline"
    never, once = add_submission(app), add_submission(app, status="published")
    for reference in (never, once):
        path = f"/staff/submissions/{reference}"
        assert hint not in editor.page(path).text("#decide")
        version = editor.page(path).values()["version"][0]
        editor.send(f"{path}/status", {"to": "withdrawn", "version": version})
    shown = [editor.page(f"/staff/submissions/{each}").text("#decide") for each in (never, once)]
    assert [hint in each for each in shown] == [False, True]
