"""Tests of paging through the staff list."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from tests.client import case_references, link_address
from tests.factories import add_submission
from wizard.db.engine import db, writing
from wizard.db.models import Submission

START = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_list_pages_in_both_directions(app, viewer, htmx):
    made = [add_submission(app, at=START + timedelta(hours=n // 2)) for n in range(120)]
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
    assert case_references(back) == newest_first[50:100]
    assert case_references(viewer.page(link_address(back, "First"), htmx=htmx)) == newest_first[:50]
    last = viewer.page(link_address(back, "Last"), htmx=htmx)
    assert case_references(last) == newest_first[70:]
    assert "Next" not in last.text(".pages")


@pytest.mark.parametrize("sort", ["oldest", "changed"])
def test_sorted_list_pages_in_both_directions(app, viewer, sort):
    made = [add_submission(app, at=START + timedelta(hours=n)) for n in range(60)]
    if sort == "changed":
        with app.app_context(), writing() as session:
            for number, reference in enumerate(made):
                at = START - timedelta(hours=number)
                is_it = Submission.reference == reference
                session.execute(update(Submission).where(is_it).values(changed_at=at))
    page = viewer.page(f"/staff/submissions?sort={sort}")
    assert case_references(page) == made[:50]
    following = viewer.page(link_address(page, "Next"))
    assert case_references(following) == made[50:]
    assert case_references(viewer.page(link_address(following, "Previous"))) == made[:50]
    assert case_references(viewer.page(link_address(page, "Last"))) == made[10:]
