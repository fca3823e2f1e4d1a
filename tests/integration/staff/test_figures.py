"""Tests of the figures of the office: on the dashboard, and in the report."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from tests.client import case_references, link_address
from tests.factories import add_old_report, add_submission, staff_client
from wizard import clock
from wizard.accounts import audit
from wizard.accounts.audit import Actor
from wizard.db.accounts import AuditEvent
from wizard.db.engine import writing
from wizard.db.models import Event, Submission
from wizard.db.promises import Promise
from wizard.staff import case_lists, cases, figures
from wizard.staff.figures import Period, count_now, count_period, list_due, parse_period
from wizard.submissions import due_dates
from wizard.submissions.filters import Filters
from wizard.web.query import BadQuery, PageStart

pytestmark = pytest.mark.second_store_slow

NOW = datetime(2027, 8, 18, 16, tzinfo=UTC)  # a Wednesday
STAFF = Actor("ada@example.gov")


@pytest.fixture(autouse=True)
def today(monkeypatch) -> date:
    """Return the day of the tests."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return NOW.date()


@pytest.mark.parametrize(
    ("args", "first", "last"),
    [
        ({}, date(2027, 8, 1), date(2027, 8, 18)),
        ({"first_day": [""], "last_day": [""]}, date(2027, 8, 1), date(2027, 8, 18)),
        ({"period": ["week"]}, date(2027, 8, 16), date(2027, 8, 18)),
        ({"period": ["quarter"]}, date(2027, 7, 1), date(2027, 8, 18)),
        ({"first_day": ["2026-01-05"]}, date(2026, 1, 5), date(2027, 8, 18)),
        ({"last_day": ["2027-03-31"]}, date(2027, 1, 1), date(2027, 3, 31)),
        ({"first_day": ["3/1/2027"], "last_day": ["2027-03-01"], "period": ["week"]},
         date(2027, 3, 1), date(2027, 3, 1)),
        ({"first_day": ["2027-02-02"], "last_day": ["2027-02-01"]},
         date(2027, 2, 1), date(2027, 2, 2)),
        ({"first_day": ["2028-02-02"]}, date(2027, 8, 18), date(2028, 2, 2)),
        ({"last_day": ["2020-04-01"]}, date(2020, 1, 1), date(2020, 4, 1)),
    ],
)  # fmt: skip
def test_period_of_address(app, args, first, last):
    with app.app_context():
        period = parse_period(args)
        assert (period.first_day, period.last_day) == (first, last)
        again = {name: [value] for name, value in period.query.items()}
        assert parse_period(again) == period


@pytest.mark.parametrize(
    ("today", "first"),
    [(date(2027, 8, 15), date(2027, 8, 9)), (date(2027, 8, 16), date(2027, 8, 16))],
    ids=["Sunday", "Monday"],
)
def test_week_begins_on_the_monday_that_its_label_names(app, monkeypatch, today, first):
    monkeypatch.setattr(clock, "today", lambda: today)
    with app.app_context():
        period = parse_period({"period": ["week"]})
    assert (period.first_day, period.last_day) == (first, today)
    assert figures.PRESETS[period.preset] == f"This week, from {first:%A}"


@pytest.mark.parametrize(
    "args",
    [
        {"period": ["century"]},
        {"first_day": ["soon"]},
        {"first_day": ["2027-02-01", "2027-02-02"]},
    ],
)
def test_impossible_period_is_refused(app, viewer, args):
    with app.app_context(), pytest.raises(BadQuery):
        parse_period(args)
    for path in ("/staff/", "/staff/report"):
        assert viewer.get(path, query_string=args).status_code == 400


def test_period_before_has_same_length():
    period = Period(date(2027, 3, 1), date(2027, 3, 31))
    assert period.before == Period(date(2027, 1, 29), date(2027, 2, 28))


def test_first_and_last_year_have_a_period_before(viewer):
    for days in ("first_day=1900-01-01&last_day=1900-01-02", "last_day=2100-12-31"):
        assert viewer.get(f"/staff/report?{days}").status_code == 200


def due(app, reference: str, **columns) -> None:
    """Change the first promise of a submission, and delete the others."""
    with app.app_context(), writing() as session:
        it = session.query(Submission).filter_by(reference=reference).one()
        first, *others = session.query(Promise).filter_by(submission_id=it.id).order_by(Promise.id)
        for other in others:
            session.delete(other)
        for name, value in columns.items():
            setattr(first, name, value)


@pytest.mark.parametrize("status", ["accepted", "published", "received", "withdrawn"])
@pytest.mark.parametrize(
    ("columns", "listed"),
    [
        ({"due_on": date(2027, 8, 17)}, "overdue"),
        ({"due_on": date(2027, 8, 18)}, "due_soon"),
        ({"due_on": date(2027, 9, 17)}, "due_soon"),
        ({"due_on": date(2027, 9, 18)}, ""),
        ({"due_on": date(2027, 8, 17), "done_on": date(2027, 8, 1)}, ""),
        ({"due_on": date(2027, 8, 17), "dropped_on": date(2027, 8, 1)}, ""),
        ({"due_on": date(2026, 8, 17)}, "overdue"),  # corrected to before it was submitted
        ({"due_on": date(2026, 8, 17), "first_due_on": date(2026, 8, 17)}, ""),
    ],
)
def test_promise_of_accepted_submission_is_due_or_overdue(app, status, columns, listed):
    reference = add_submission(app, at=NOW - timedelta(days=200), status=status)
    due(app, reference, **columns)
    expected = {"overdue": 0, "due_soon": 0}
    if status in ("accepted", "published") and listed:
        expected[listed] = 1
    with app.app_context():
        counted = count_now(NOW)
        assert {"overdue": counted.overdue, "due_soon": counted.due_soon} == expected
        assert {name: len(rows) for name, rows in list_due().items()} == expected
    viewer = staff_client(app, "viewer")
    for code, number in expected.items():
        page = viewer.page(f"/staff/submissions?promises={code}")
        assert case_references(page) == [reference] * number


def test_waiting_and_new_are_counted(app):
    add_submission(app, at=NOW - timedelta(days=8))
    add_submission(app, at=NOW - timedelta(days=6), status="in_review")
    accepted = add_submission(app, at=NOW - timedelta(days=6), status="accepted")
    add_old_report(app, accepted, {"data_sets": {"0": {"done": True}}})
    with app.app_context():
        counted = count_now(NOW - timedelta(days=7))
        assert (counted.waiting, counted.new) == (3, 2)


def test_period_counts_events_and_lines_of_version_before(app):
    references = [add_submission(app, at=NOW - timedelta(days=days)) for days in (0, 1, 30)]
    with app.app_context():
        for reference in references[:2]:
            cases.decide(reference, "accepted", 1, STAFF)
        with writing() as session:
            session.execute(update(Event).values(at=NOW))
            details = {"before": "received", "after": "declined"}
            audit.record(STAFF, "moved", references[2], **details)
            audit.record(STAFF, "viewed", references[2])
            session.execute(update(AuditEvent).values(at=NOW - timedelta(days=20)))
        found = count_period(Period(date(2027, 8, 1), date(2027, 8, 18)))
        rows = {label: numbers for label, *numbers in found}
    assert rows["Submitted"] == [2, 1]
    assert (rows["Accepted"], rows["Declined"]) == ([2, 0], [0, 1])


def test_pages_say_whose_overdue_promises_they_count(app, client, viewer):
    for status in ("accepted", "published"):
        reference = add_submission(app, at=NOW - timedelta(days=200), status=status)
        due(app, reference, due_on=date(2027, 8, 1))
    assert "2 Overdue promises, published or not" in viewer.page("/staff/").text(".figures")
    assert "accepted and published" in viewer.page("/staff/report").text("#overdue > .hint")
    page = client.page("/progress")
    assert page.text('td a[href*="progress=overdue"]') == "1"
    assert "published commitments only" in page.text("#counted")


def test_dashboard_and_report_show_figures_and_keep_period(app, viewer):
    name = "<b>Late</b> agency"
    late = add_submission(app, at=NOW - timedelta(days=200), status="accepted",
                          organization_name=name)  # fmt: skip
    due(app, late, due_on=date(2027, 8, 1), title="Stops & searches")
    page = viewer.page("/staff/?period=week")
    assert page.text(".figures") == (
        "0 Submissions waiting for us 0 Promises due in 30 days 1 Overdue promises,"
        " published or not 0 New submissions since August 11, 2027"
    )
    assert page.text('.presets [aria-current="true"]') == "This week, from Monday"
    (link,) = page.all('a[href^="/staff/report?"]')
    assert link.attrs["href"] == "/staff/report?period=week"
    report = viewer.page("/staff/report?first_day=2027-01-05&last_day=2027-02-03")
    assert "Stops & searches" in report.text("#overdue") and name in report.text("#overdue")
    assert "Nothing is due" in report.text("#due_soon")
    assert report.text("caption") == "January 5, 2027 to February 3, 2027"
    assert not report.all(".presets [aria-current]")
    assert "open.data@" not in report.response.text


def test_report_says_how_many_more_there_are(app, viewer, monkeypatch):
    monkeypatch.setattr(figures, "MAX_LISTED", 1)
    made = []
    for days in (2, 1, 3):
        made.append(add_submission(app, at=NOW - timedelta(days=200), status="published"))
        due(app, made[-1], due_on=NOW.date() + timedelta(days))
    report = viewer.page("/staff/report")
    assert "And 2 more." in report.text("#due_soon")
    everything = viewer.page(link_address(report, "See all submissions that have one"))
    assert case_references(everything) == [made[1], made[0], made[2]]
    assert everything.text(".chips a") == "Promises: Due in 30 days × (remove)"


@pytest.mark.parametrize("few", [0, 100], ids=["many", "few"])
def test_list_of_what_is_due_soon_is_by_these_dates(app, viewer, monkeypatch, few):
    monkeypatch.setattr(due_dates, "MAX_FEW", few)
    made = []
    for late, soon in [(1, 5), (2, 4), (3, 6)]:  # days before and after today
        made.append(add_submission(app, at=NOW - timedelta(days=200), status="published"))
        with app.app_context(), writing() as session:
            own = select(Submission.id).where(Submission.reference == made[-1]).scalar_subquery()
            rows = session.scalars(select(Promise).where(Promise.submission_id == own)).all()
            for row, days in zip(rows, (-late, soon, *[400] * len(rows)), strict=False):
                row.due_on = NOW.date() + timedelta(days)
    for code, order, days in [
        ("due_soon", [1, 0, 2], ["August 22, 2027", "August 23, 2027", "August 24, 2027"]),
        ("overdue", [2, 1, 0], ["August 15, 2027", "August 16, 2027", "August 17, 2027"]),
    ]:
        page = viewer.page(f"/staff/submissions?promises={code}&sort=due")
        assert case_references(page) == [made[place] for place in order]
        last = viewer.page(f"/staff/submissions?promises={code}&sort=due&last=1")
        assert case_references(last) == case_references(page)
        assert [each.text for each in page.all(".list [data-label=Due]")] == days
        case = viewer.page(link_address(page, made[order[0]]))
        assert viewer.page(link_address(case, "Next")).text(".reference") == made[order[1]]


@pytest.mark.parametrize("few", [0, 1, 100])
def test_length_of_list_of_what_is_due_is_counted_up_to_a_limit(app, monkeypatch, few):
    for status in ("published", "accepted", "published", "declined"):
        reference = add_submission(app, at=NOW - timedelta(days=200), status=status)
        due(app, reference, due_on=NOW.date() - timedelta(days=1))
    monkeypatch.setattr(due_dates, "MAX_FEW", few)
    monkeypatch.setattr(case_lists, "PAGE_SIZE", 1)
    for limit, count in ((1, 2), (2, 3), (5, 3)):
        monkeypatch.setattr(case_lists, "MAX_FOUND", limit)
        with app.app_context():
            assert case_lists.read_page(Filters(promises="overdue"), PageStart()).count == count
            waiting = Filters(promises="overdue", todo="yes")
            assert case_lists.read_page(waiting, PageStart()).count == 0


def test_empty_period_says_nothing_happened(app):
    page = staff_client(app, "viewer").page(
        "/staff/report?first_day=2020-01-01&last_day=2020-02-01"
    )
    assert page.text(".happened tbody") == "Nothing 0 0"
