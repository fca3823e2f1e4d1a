"""Tests of lists with two filters that take long to look up and that many cases meet."""

from datetime import timedelta

import pytest

from tests.client import case_references, link_address
from tests.factories import add_submission, staff_client
from tests.integration.staff.test_figures import due
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.staff import case_lists, cases
from wizard.submissions import colleagues, due_dates, search

COUNT = 5
SLOW = ("q=called&seen=changed", "q=called&promises=overdue", "seen=changed&promises=overdue")


@pytest.fixture
def found(app, editor) -> list[str]:
    """Store cases that are overdue, changed, and have the word; return the newest first."""
    made = []
    for number in range(COUNT):
        at = clock.now() - timedelta(days=200 - number)
        reference = add_submission(app, at=at, status="published")
        due(app, reference, due_on=clock.now().date() - timedelta(days=3))
        editor.page(f"/staff/submissions/{reference}")
        with app.app_context():
            cases.add_note(reference, "He called.", Actor("bob@example.gov"))
        made.insert(0, reference)
    return made


@pytest.fixture
def many(monkeypatch) -> None:
    """Let each filter be met by many cases."""
    for module, name in (
        (search, "MAX_FEW"),
        (due_dates, "MAX_FEW"),
        (colleagues, "MAX_LOOKED_UP"),
    ):
        monkeypatch.setattr(module, name, 0)
    monkeypatch.setattr(search, "MAX_LOOKED_UP", -1)
    monkeypatch.setattr(case_lists, "SHORT_PAGE_SIZE", 2)


def list_pages(client, address: str) -> list[str]:
    """Return the cases of a list with three pages that is not counted."""
    page, seen = client.page(address), []
    for size in (2, 2, 1):
        shown = case_references(page)
        assert (len(shown), "More than 2 submissions" in page.text("main")) == (size, True)
        seen += shown
        page = client.page(link_address(page, "Next")) if len(seen) < COUNT else page
    return seen


@pytest.mark.parametrize("filters", SLOW)
def test_list_with_two_slow_filters_is_short_and_not_counted(found, editor, many, filters):
    assert list_pages(editor, f"/staff/submissions?{filters}") == found
    dated = list_pages(editor, f"/staff/submissions?{filters}&sort=due")
    assert dated == sorted(found)  # all are due on the same day


@pytest.mark.parametrize("filters", ["q=called", "promises=overdue"])
def test_list_with_slow_filter_of_unread_cases_is_not_counted(app, found, many, filters):
    viewer = staff_client(app, "viewer", "vic")
    assert list_pages(viewer, f"/staff/submissions?{filters}&seen=unread") == found


@pytest.mark.parametrize("filters", SLOW)
def test_list_with_two_filters_that_few_meet_is_counted(found, editor, monkeypatch, filters):
    monkeypatch.setattr(case_lists, "PAGE_SIZE", 2)
    monkeypatch.setattr(case_lists, "SHORT_PAGE_SIZE", 2)
    page = editor.page(f"/staff/submissions?{filters}")
    assert (len(case_references(page)), "5 submissions" in page.text("main")) == (2, True)
