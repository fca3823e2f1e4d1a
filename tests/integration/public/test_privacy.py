"""Tests of the privacy statement and the paperwork notice."""

from collections import Counter

import pytest

from tests.factories import staff_client
from wizard.accounts import sign_in, throttle
from wizard.db.engine import db
from wizard.public import privacy

pytestmark = pytest.mark.second_store_slow

NOTICE = {
    "OMB_CONTROL_NUMBER": "1234-0042",
    "OMB_EXPIRES": "2027-03-31",
    "BURDEN_MINUTES": 12,
    "PROGRAM_EMAIL": "office@example.gov",
}


def test_statement_names_every_table_once():
    told = Counter(table for each in privacy.RETENTION_SCHEDULE for table in each.tables)
    assert told == Counter(list(db.metadata.tables))


def test_statement_uses_configured_retention(make_app):
    page = make_app(DRAFT_DAYS=33).test_client().page("/privacy")
    assert "33 days after your last change" in page.text("table.kept")
    assert len(page.all("table.kept tbody tr")) == len(privacy.RETENTION_SCHEDULE)


def test_statement_matches_staff_retention():
    told = {table: each.until for each in privacy.RETENTION_SCHEDULE for table in each.tables}
    hours = sign_in.ABSOLUTE_TIMEOUT.total_seconds() / 3600
    assert told["staff_session"] == f"Up to {hours:.0f} hours"
    assert throttle.RETENTION.total_seconds() < 86_400


def test_statement_without_settings_names_no_address(client):
    page = client.page("/privacy")
    assert page.all(".paperwork") == [] and page.all("a[href^=mailto]") == []
    assert "cdn.jsdelivr.net" in page.text("main")


def test_self_hosted_script_is_not_mentioned(make_app):
    client = make_app(HTMX_URL="/static/htmx.js", HTMX_INTEGRITY="").test_client()
    assert "one script" not in client.page("/privacy").text("main")


def test_paperwork_notice_is_shown_with_control_number(make_app):
    client = make_app(**NOTICE).test_client()
    for path in ("/", "/respond/", "/privacy"):
        notice = client.page(path).text(".paperwork")
        for part in ("1234-0042", "March 31, 2027", "12 minutes", "office@example.gov"):
            assert part in notice
    assert "1234-0042, expires March 31, 2027" in client.page("/questions").text("footer")


def test_staff_see_expired_approval(make_app):
    viewer = staff_client(make_app(**NOTICE | {"OMB_EXPIRES": "2026-01-31"}), "viewer")
    assert "expired on 2026-01-31" in viewer.page("/staff/").text("main .notice")
