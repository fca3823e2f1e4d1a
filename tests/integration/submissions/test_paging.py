"""Tests of paging through the staff list."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select, update

from tests.client import case_references, link_address
from tests.factories import add_submission
from wizard import clock
from wizard.db.engine import db, writing
from wizard.db.models import Submission
from wizard.db.promises import Promise
from wizard.staff import case_lists
from wizard.submissions import due_dates
from wizard.submissions.filters import Filters
from wizard.web.query import PageStart

START = datetime(2027, 3, 1, 9, tzinfo=UTC)


def set_promises(reference: str, **columns) -> None:
    own = select(Submission.id).where(Submission.reference == reference).scalar_subquery()
    with writing() as session:
        session.execute(update(Promise).where(Promise.submission_id == own).values(columns))


def test_next_of_case_that_left_the_list_is_the_first(app):
    at = clock.now() - timedelta(days=200)
    made = [add_submission(app, at=at, status="published") for _ in range(3)]
    overdue = Filters(promises="overdue", sort="due")
    with app.app_context():
        for days, reference in zip((9, 5, 2), made, strict=True):
            set_promises(reference, due_on=clock.today() - timedelta(days=days))
        assert case_lists.find_neighbor(made[0], overdue) == made[1]
        set_promises(made[0], done_on=clock.today())
        assert case_lists.find_neighbor(made[0], overdue) == made[1]
        assert case_lists.find_neighbor(made[0], overdue, backwards=True) == ""


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_list_pages_in_both_directions(app, viewer, monkeypatch, htmx):
    monkeypatch.setattr(case_lists, "PAGE_SIZE", 5)
    made = [add_submission(app, at=START + timedelta(hours=n // 2)) for n in range(12)]
    with app.app_context():
        query = select(Submission.reference)
        newest_first = list(
            db.session.scalars(
                query.order_by(Submission.submitted_at.desc(), Submission.reference.desc())
            )
        )
    assert set(newest_first) == set(made)
    page = viewer.page("/staff/submissions", htmx=htmx)
    seen = case_references(page)
    pages = 1
    while page.all(".pages a") and "Next" in page.text(".pages"):
        page = viewer.page(link_address(page, "Next"), htmx=htmx)
        seen += case_references(page)
        pages += 1
    assert (seen, pages) == (newest_first, 3)
    back = viewer.page(link_address(page, "Previous"), htmx=htmx)
    assert case_references(back) == newest_first[5:10]
    assert case_references(viewer.page(link_address(back, "First"), htmx=htmx)) == newest_first[:5]
    last = viewer.page(link_address(back, "Last"), htmx=htmx)
    assert case_references(last) == newest_first[7:]
    assert "Next" not in last.text(".pages")


@pytest.mark.parametrize("sort", ["oldest", "changed"])
def test_sorted_list_pages_in_both_directions(app, viewer, monkeypatch, sort):
    monkeypatch.setattr(case_lists, "PAGE_SIZE", 5)
    made = [add_submission(app, at=START + timedelta(hours=n)) for n in range(6)]
    if sort == "changed":
        with app.app_context(), writing() as session:
            for number, reference in enumerate(made):
                at = START - timedelta(hours=number)
                is_it = Submission.reference == reference
                session.execute(update(Submission).where(is_it).values(changed_at=at))
    page = viewer.page(f"/staff/submissions?sort={sort}")
    assert case_references(page) == made[:5]
    following = viewer.page(link_address(page, "Next"))
    assert case_references(following) == made[5:]
    assert case_references(viewer.page(link_address(following, "Previous"))) == made[:5]
    assert case_references(viewer.page(link_address(page, "Last"))) == made[1:]


def add_dated(app, *days: date | None) -> list[str]:
    """Store submissions whose next open promise has one of these dates, or none."""
    made = [add_submission(app) for _ in days]
    with app.app_context(), writing() as session:
        for reference, day in zip(made, days, strict=True):
            of_it = select(Submission.id).where(Submission.reference == reference)
            first, *others = session.scalars(
                select(Promise).where(Promise.submission_id == of_it.scalar_subquery())
            )
            for promise in others:  # dropped, though earlier
                promise.due_on, promise.dropped_on = date(2027, 1, 1), date(2027, 1, 2)
            first.due_on = day or date(2027, 1, 3)
            first.done_on = None if day else date(2027, 1, 3)
    return made


@pytest.mark.parametrize("few", [0, 100], ids=["many", "few"])
@pytest.mark.parametrize(
    ("size", "status"),
    [
        (1, "declined"),
        (3, "withdrawn"),
        *(pytest.param(size, "declined", marks=pytest.mark.slow) for size in (2, 7, 8)),
    ],
)
def test_list_by_due_date_has_undated_last_and_pages_in_both_directions(
    app, monkeypatch, size, status, few
):
    monkeypatch.setattr(due_dates, "MAX_FEW", few)
    days = [date(2027, 5, n) for n in (1, 2, 2, 3)]
    made = add_dated(app, *days, None, None, date(2027, 5, 1))
    with app.app_context(), writing() as session:
        is_last = Submission.reference == made[-1]
        session.execute(update(Submission).where(is_last).values(status=status))
    keys = sorted(zip([*days, *[date.max] * 3], made, strict=True))
    wanted = [reference for _, reference in keys]
    with app.app_context():
        by_date = Filters(sort="due")
        assert case_lists.read_page(by_date, PageStart()).keys.references == wanted
        for place, (day, reference) in enumerate(keys):
            key = datetime.combine(day, time(), UTC), reference
            after = case_lists.CaseList(by_date).select_keys(PageStart(key), size)
            assert after.references == wanted[place + 1 : place + 1 + size]
            assert bool(after.older) == (place + 1 + size < len(wanted))
            before = case_lists.CaseList(by_date).select_keys(PageStart(key, backwards=True), size)
            assert before.references == wanted[max(place - size, 0) : place]
            assert bool(before.newer) == (place > size)
    for place, reference in enumerate(wanted):
        with app.app_context():
            following = case_lists.find_neighbor(reference, by_date)
            previous = case_lists.find_neighbor(reference, by_date, backwards=True)
        assert [previous] == (wanted[place - 1 : place] if place else [""])
        assert [following] == (wanted[place + 1 : place + 2] or [""])


@pytest.mark.parametrize("few", [0, 100], ids=["many", "few"])
def test_list_of_closed_cases_by_due_date_is_by_reference(app, viewer, monkeypatch, few):
    monkeypatch.setattr(due_dates, "MAX_FEW", few)
    made = sorted(add_dated(app, *(date(2027, 5, day) for day in (3, 1, 2))))
    with app.app_context(), writing() as session:
        session.execute(update(Submission).values(status="declined"))
    address = "/staff/submissions?status=declined&sort=due"
    for page in ("", "&last=1"):
        assert case_references(viewer.page(address + page)) == made


def test_list_by_due_date_shows_it_and_keeps_filters_in_the_address(app, viewer):
    late, never = add_dated(app, date(2027, 5, 2), None)
    soon = add_submission(app, "partner", status="published")
    address = "/staff/submissions?branch=jurisdiction&sort=due"
    page = viewer.page(address)
    assert case_references(page) == [late, never]
    assert [each.text for each in page.all("[data-label='Next due']")] == ["May 2, 2027"]
    assert "sort=due" in link_address(page, late) and "branch=" in link_address(page, late)
    assert soon in case_references(viewer.page("/staff/submissions?sort=due"))
    case = viewer.page(link_address(page, late))
    assert viewer.page(link_address(case, "Next")).text(".reference") == never
    for key in ("older=9999-12-31T00%3A00%3A00Z_PDI", "newer=x", "last=1"):
        assert viewer.get(f"{address}&{key}").status_code in (200, 400)


@pytest.mark.parametrize(
    "query", ["older=1999-01-01T00:00:00Z_PDI", "todo=yes&older=2099-01-01T00:00:00Z_PDI"]
)
def test_page_whose_cases_left_the_list_leads_to_the_first(app, viewer, query):
    reference = add_submission(app, at=START)
    answer = viewer.get(f"/staff/submissions?{query}")
    assert answer.status_code == 303 and "older" not in answer.location
    assert ("todo" in query) == ("todo" in answer.location)
    assert case_references(viewer.page(answer.location)) == [reference]
    empty = viewer.get("/staff/submissions?status=declined&older=1999-01-01T00:00:00Z_PDI")
    assert viewer.page(empty.location).status == 200
