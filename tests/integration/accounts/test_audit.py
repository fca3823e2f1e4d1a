"""Tests of the audit log: content, filters, paging, export."""

import csv
import io
from datetime import datetime

import pytest
from sqlalchemy import select

from tests.factories import audit_events, staff_client
from tests.integration.accounts.conftest import EXPORT_PATH
from wizard.accounts import audit
from wizard.accounts.audit import COMMAND_LINE, Actor
from wizard.db import batches
from wizard.db.accounts import AuditEvent
from wizard.db.engine import db


def test_log_formats_details(app):
    admin = staff_client(app, "admin")
    with app.app_context():
        details = {"before": "received", "after": "in_review"}
        audit.record_event(Actor("ada@example.gov"), "exported", "list", **details)
    log = admin.page("/staff/audit").text(".list")
    assert "before: received; after: in_review" in log and "{" not in log


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
        assert expected in row.to_text()
    for query in ("actor=nobody", "last_day=2000-01-01"):
        assert "Nothing matches" in admin.page(f"/staff/audit?{query}").text("main")


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


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 40])
def test_invalid_page_is_first_or_400(app, admin, before):
    assert admin.get(f"/staff/audit?before={before}").status_code in (200, 400)


def test_log_is_paged(app, admin):
    record_events(app, *(("viewed", f"PDI-{number:04}") for number in range(120)))
    first = admin.page("/staff/audit?action=viewed")
    rows = first.all(".list tbody tr")
    older = admin.page(first.all(".pages a")[0].attrs["href"]).all(".list tbody tr")
    assert (len(rows), len(older)) == (100, 20)
    assert "PDI-0119" in rows[0].to_text() and "PDI-0000" in older[-1].to_text()


def test_log_export_is_logged(app, admin):
    record_events(app, ("viewed", "=1+1"))
    answer = admin.get("/staff/audit.csv?action=viewed")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["at", "actor", "action", "subject", "details", "address"]
    assert rows[1][1:] == ["ada@example.gov", "viewed", "'=1+1", "", "192.0.2.7"]
    assert [event.subject for event in audit_events(app, "exported")] == ["audit.csv"]


def test_log_export_streams_without_session_or_app_context(app, monkeypatch):
    monkeypatch.setattr(batches, "READ_BATCH_SIZE", 2)
    record_events(app, *(("viewed", f"PDI-{number}") for number in range(5)))
    with app.app_context():
        mine = db.session.scalars(select(AuditEvent)).first()
        rows = audit.csv_rows({"action": "viewed"})
        assert next(rows)[3] == "PDI-0"
        assert mine in db.session
        db.session.rollback()
        assert db.engine.pool.checkedout() == 0
    assert [row[3] for row in rows] == ["PDI-1", "PDI-2", "PDI-3", "PDI-4"]


def test_log_export_has_exact_times(app):
    record_events(app, ("viewed", "PDI-AAAA-AAAA"))
    with app.app_context():
        (row,) = audit.csv_rows({})
    assert datetime.fromisoformat(row[0]) == audit_events(app)[0].at


def test_action_without_label_raises(app):
    with app.app_context(), pytest.raises(ValueError, match="no words"):
        audit.record_event(COMMAND_LINE, "danced")
    with app.app_context():
        assert db.session.scalars(select(AuditEvent)).all() == []


def test_search_text_is_not_logged(app, admin):
    admin.get(f"{EXPORT_PATH}?text=Jane+Doe&status=received")
    (event,) = audit_events(app, "exported")
    assert event.details == {"filters": {"status": "received", "text": "…"}}
