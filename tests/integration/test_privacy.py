"""The statement of privacy, and the notice that an agency must show."""

from collections import Counter

from tests.staff import colleague
from wizard.accounts import sign_in, throttle
from wizard.db.engine import db
from wizard.public import privacy

NOTICE = {
    "OMB_CONTROL_NUMBER": "1234-0042",
    "OMB_EXPIRES": "2027-03-31",
    "BURDEN_MINUTES": 12,
    "PROGRAM_EMAIL": "office@example.gov",
}


def test_the_statement_tells_of_every_table_of_the_store_once():
    told = Counter(table for each in privacy.RETENTION_SCHEDULE for table in each.tables)
    assert told == Counter(list(db.metadata.tables))


def test_the_statement_says_how_long_from_the_settings(make_app):
    page = make_app(DRAFT_DAYS=33).test_client().page("/privacy")
    assert "33 days after its last change" in page.text("table.kept")
    assert len(page.all("table.kept tbody tr")) == len(privacy.RETENTION_SCHEDULE)


def test_what_it_says_of_staff_is_what_the_program_does():
    told = {table: each.until for each in privacy.RETENTION_SCHEDULE for table in each.tables}
    hours = sign_in.ABSOLUTE_TIMEOUT.total_seconds() / 3600
    assert told["staff_session"] == f"{hours:.0f} hours at most"
    assert throttle.RETENTION.total_seconds() < 86_400


def test_without_settings_it_names_no_address_and_no_number(client):
    page = client.page("/privacy")
    assert page.all(".paperwork") == [] and page.all("a[href^=mailto]") == []
    assert "cdn.jsdelivr.net" in page.text("main")


def test_an_office_that_serves_its_own_script_names_no_other(make_app):
    client = make_app(HTMX_URL="/static/htmx.js", HTMX_INTEGRITY="").test_client()
    assert "one script" not in client.page("/privacy").text("main")


def test_the_paperwork_notice_is_on_the_first_screen_once_there_is_a_number(make_app):
    client = make_app(**NOTICE).test_client()
    for path in ("/", "/respond/", "/privacy"):
        notice = client.page(path).text(".paperwork")
        for part in ("1234-0042", "March 31, 2027", "12 minutes", "office@example.gov"):
            assert part in notice
    assert "1234-0042, expires March 31, 2027" in client.page("/questions").text("footer")


def test_staff_see_that_the_approval_has_expired(make_app):
    viewer = colleague(make_app(**NOTICE | {"OMB_EXPIRES": "2026-01-31"}), "viewer")
    assert "expired on 2026-01-31" in viewer.page("/staff/").text("main .notice")
