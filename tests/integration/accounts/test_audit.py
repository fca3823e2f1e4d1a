"""Tests of the audit log: content, filters, paging, export."""

import csv
import io
from datetime import datetime
from urllib.parse import quote

import pytest
from sqlalchemy import select

from tests.factories import audit_events, staff_client
from tests.integration.accounts.conftest import EXPORT_PATH
from wizard.accounts import accounts, audit
from wizard.accounts.audit import ACTIONS, COMMAND_LINE, Actor
from wizard.accounts.sentences import SENTENCES, describe_action
from wizard.db import batches
from wizard.db.accounts import AuditEvent
from wizard.db.engine import db


def test_log_formats_details(app):
    admin = staff_client(app, "admin")
    with app.app_context():
        filters = {"status": "received", "state": "FL"}
        audit.record_event(Actor("ada@example.gov"), "exported", "list", filters=filters)
    log = admin.page("/staff/audit").text(".list")
    assert "exported list, filtered by status: received; state: FL" in log and "{" not in log


def record_events(app, *entries: tuple[str, str]) -> None:
    """Record events of one actor."""
    for action, subject in entries:
        with app.app_context():
            audit.record_event(Actor("ada@example.gov", "192.0.2.7"), action, subject)


def test_log_filters_by_actor_action_subject_and_day(app, admin):
    record_events(app, ("viewed", "PDI-AAAA-AAAA"), ("moved", "PDI-BBBB-BBBB"))
    for query, expected in [
        ("action=viewed", "PDI-AAAA-AAAA"),
        ("subject=PDI-BBBB-BBBB", "PDI-BBBB-BBBB"),
        ("actor=ada@example.gov&action=moved", "PDI-BBBB-BBBB"),
        ("first_day=2000-01-01&action=moved", "PDI-BBBB-BBBB"),
    ]:
        page = admin.page(f"/staff/audit?{query}")
        (row,) = page.all(".list tbody tr")
        assert expected in row.text
    for query in ("actor=nobody", "last_day=2000-01-01"):
        assert "Nothing matches" in admin.page(f"/staff/audit?{query}").text("main")


@pytest.mark.parametrize(
    "query",
    [
        "actor=ADA@EXAMPLE.GOV",
        "subject=pdi-aaaa-aaaa",
        "subject=Bob@Example.gov",
        "actor=Ada@Example.gov&subject=Pdi-aaaa-aaaa",
    ],
)
def test_log_is_filtered_without_regard_to_case(app, admin, query):
    record_events(app, ("viewed", "PDI-AAAA-AAAA"), ("invited", "bob@example.gov"))
    assert admin.page(f"/staff/audit?{query}").all(".list tbody tr")
    assert "ada@example.gov" in admin.get(f"/staff/audit.csv?{query}").text


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    "query",
    [
        "action=guessed",
        "first_day=soon",
        "actor=%00",
        "actr=x",
        "actor=a&actor=b",
        "last_day=9999-12-31",
    ],
)
def test_malformed_filter_is_400(admin, query):
    for path in ("/staff/audit", "/staff/audit.csv"):
        assert admin.page(f"{path}?{query}").status == 400


@pytest.mark.second_store_slow
@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 40])
def test_invalid_page_is_first_or_400(app, admin, before):
    assert admin.get(f"/staff/audit?before={before}").status_code in (200, 400)


def test_log_is_paged(app, admin):
    record_events(app, *(("viewed", f"PDI-{number:04}") for number in range(120)))
    first = admin.page("/staff/audit?action=viewed")
    rows = first.all(".list tbody tr")
    older = admin.page(first.all(".pages a")[0].attrs["href"]).all(".list tbody tr")
    assert (len(rows), len(older)) == (100, 20)
    assert "PDI-0119" in rows[0].text and "PDI-0000" in older[-1].text


def test_log_export_is_logged(app, admin):
    record_events(app, ("viewed", "=1+1"))
    answer = admin.get("/staff/audit.csv?action=viewed")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert rows[0] == list(audit.COLUMNS)
    assert rows[1][1:] == ["ada@example.gov", "viewed", "'=1+1", "", "192.0.2.7", "opened =1+1"]
    assert [event.subject for event in audit_events(app, "exported")] == ["audit.csv"]


def test_log_export_streams_without_session_or_app_context(app, monkeypatch):
    monkeypatch.setattr(batches, "READ_BATCH_SIZE", 2)
    record_events(app, *(("viewed", f"PDI-{number}") for number in range(5)))
    with app.app_context():
        mine = db.session.scalars(select(AuditEvent)).first()
        rows = audit.csv_rows({"action": "viewed"}, describe_action)
        assert next(rows)[3] == "PDI-0"
        assert mine in db.session
        db.session.rollback()
        assert db.engine.pool.checkedout() == 0
    assert [row[3] for row in rows] == ["PDI-1", "PDI-2", "PDI-3", "PDI-4"]


def test_log_export_has_exact_times(app):
    record_events(app, ("viewed", "PDI-AAAA-AAAA"))
    with app.app_context():
        (row,) = audit.csv_rows({}, describe_action)
    assert datetime.fromisoformat(row[0]) == audit_events(app)[0].at


def test_action_without_label_raises(app):
    with app.app_context(), pytest.raises(ValueError, match="no words"):
        audit.record_event(COMMAND_LINE, "danced")
    with app.app_context():
        assert db.session.scalars(select(AuditEvent)).all() == []


def test_search_text_is_not_logged(app, admin):
    admin.get(f"{EXPORT_PATH}?q=Jane+Doe&status=received")
    (event,) = audit_events(app, "exported")
    shown = {"status": "received", "q": "…"}
    assert event.details == {"filters": shown, "contacts": True}


def describe(action: str, subject: str = "ada@example.gov", **details) -> str:
    return describe_action(AuditEvent(action=action, subject=subject, details=details))


@pytest.mark.parametrize(
    ("action", "details", "said"),
    [
        ("signed_in", {}, "signed in"),
        ("refused", {"reason": "password"}, "was refused at sign-in: the password was wrong"),
        ("refused", {"reason": "moon"}, "was refused at sign-in: moon"),
        ("refused", {"reason": "current password"}, "entered a wrong current password"),
        ("recovery_code_used", {"left": 9}, "signed in with a recovery code; 9 are left"),
        ("person_added", {"role": "viewer"}, "added an account for ada@example.gov as viewer"),
        ("invited", {"role": "admin"}, "invited ada@example.gov as admin"),
        (
            "person_changed",
            {"role": ["viewer", "admin"]},
            "changed the role of ada@example.gov from viewer to admin",
        ),
        (
            "person_changed",
            {"name": ["", "Ada"]},
            "changed the name of ada@example.gov from none to Ada",
        ),
        ("person_changed", {"disabled": True}, "disabled the account of ada@example.gov"),
        (
            "person_changed",
            {"reset": True},
            "reset the password and two-step sign-in of ada@example.gov",
        ),
        ("person_changed", {"reset": ["password"]}, "reset the password of ada@example.gov"),
        ("person_changed", {}, "changed the account of ada@example.gov"),
        ("link_used", {"role": "editor"}, "joined as editor, by a link"),
        ("link_used", {}, "set up their account again, by a link"),
        ("token_made", {"days": 9}, "created the API token “ada@example.gov”, for 9 days"),
        (
            "moved",
            {"before": "received", "after": "in_review"},
            "changed the status of ada@example.gov from received to in review",
        ),
        (
            "report_decided",
            {"approved": True, "withdraws": False},
            "approved the progress update of ada@example.gov",
        ),
        ("danced", {"steps": 3}, "did something unknown (danced): ada@example.gov; steps: 3"),
    ],
)
def test_line_is_sentence(action, details, said):
    assert describe(action, **details) == said


def test_actions_of_earlier_versions_say_so(app):
    past = {code for code, label in ACTIONS.items() if label.endswith("(earlier versions)")}
    assert past == {"moved", "noted", "resent", "report_decided"}


def test_every_action_has_sentence_with_any_details(app):
    assert ACTIONS.keys() <= SENTENCES.keys()
    for action in SENTENCES:
        assert describe(action) and describe(action, subject="")


def test_page_says_where_history_of_commitment_is(admin):
    assert "The history of a commitment is on its own page" in admin.page("/staff/audit").text(
        "main"
    )


def test_filters_stay_in_address_while_paging(app, admin):
    record_events(app, *(("viewed", f"PDI-{number:04}") for number in range(120)))
    query = "action=viewed&actor=ada@example.gov&first_day=2000-01-01"
    older = admin.page(admin.page(f"/staff/audit?{query}").all(".pages a")[0].attrs["href"])
    assert older.values()["action"] == ["viewed"]
    assert older.values()["actor"] == ["ada@example.gov"]
    newest = older.all(".pages a")[0].attrs["href"]
    assert "action=viewed" in newest and "before" not in newest


def test_log_filters_by_name_of_person(app, admin):
    for name, email in (("Ada Núñez", "ada@example.gov"), ("Ada", "other@example.gov")):
        with app.app_context():
            accounts.add_account(email, "viewer", COMMAND_LINE, name=name)
            audit.record_event(Actor(email), "viewed", f"by {email}")
    for actor in ("ada@example.gov", "Ada Núñez", "ada nunez"):
        (row,) = admin.page(f"/staff/audit?actor={quote(actor)}").all(".list tbody tr")
        assert "opened by ada@example.gov" in row.text
    for actor in ("Núñez", "nobody"):
        page = admin.page(f"/staff/audit?actor={quote(actor)}")
        assert "Nothing matches" in page.text("main")
    assert admin.get("/staff/audit.csv?actor=ada%20nunez").text.count("opened by ada@") == 1
