"""Tests of the flags on the page of a case."""

import pytest
from sqlalchemy import event, update

from tests.factories import add_submission, set_language
from wizard.db.engine import db, writing
from wizard.db.models import KNOWN_BY, SearchEntry
from wizard.staff import flags
from wizard.submissions import cases, search

pytestmark = pytest.mark.second_store_slow

HTTPS = "https://orlando.example.gov/police"
OTHER = {
    "organization_name": "Tampa Sheriff",
    "website": "https://tampa.example.org",
    "contact_email": "desk@tampa.example.org",
}


def twins_of(app, reference: str) -> dict[str, str]:
    """Return why others seem to be of the same organization, by reference."""
    with app.app_context():
        found = flags.list_possible_duplicates(cases.find_by_reference(reference))
        return {each.reference: each.trait for each in found}


def test_case_names_others_of_same_organization(app, viewer):
    first = add_submission(app, website=HTTPS)
    assert not viewer.page(f"/staff/submissions/{first}").all(".flags")
    named = {"organization_name": "ORLANDO police department", "status": "accepted"}
    second = add_submission(app, **OTHER | named)
    third = add_submission(app, **OTHER | {"contact_email": "a@orlando.example.gov"})
    mentions = {"access_plan": "We do as the Orlando Police Department does, month after month."}
    add_submission(app, **OTHER | mentions | {"website": "https://x.example.net"})
    assert twins_of(app, first) == {
        second: "the same name",
        third: "both use orlando.example.gov",
    }
    page = viewer.page(f"/staff/submissions/{first}")
    assert "Perhaps the same organization (the same name)" in page.text(".flags")
    links = [each.attrs["href"] for each in page.all(".flags a")]
    assert links == [f"/staff/submissions/{each}" for each in (second, third)]


def test_deleted_case_is_no_possible_duplicate_and_has_no_flags(app, admin):
    first, second = (add_submission(app, website="http://a.example.gov") for _ in range(2))
    admin.send(f"/staff/submissions/{second}/erase")
    assert twins_of(app, first) == twins_of(app, second) == {}
    assert not admin.page(f"/staff/submissions/{second}").all(".flags")
    assert "no https" in admin.page(f"/staff/submissions/{first}").text(".flags")


def test_answers_in_spanish_have_flag(app, viewer):
    reference = add_submission(app, website=HTTPS)
    set_language(app, reference, "es")
    page = viewer.page(f"/staff/submissions/{reference}")
    assert page.text(".flags li").startswith(
        "Language: The answers are in another language: Español"
    )


def test_submission_of_previous_version_is_possible_duplicate_once_it_is_indexed(app):
    first, second = (add_submission(app, website=HTTPS) for _ in range(2))
    with app.app_context():
        with writing() as session:  # as that version leaves it
            session.execute(update(SearchEntry).values(dict.fromkeys(KNOWN_BY) | {"format": 3}))
        assert twins_of(app, first) == {}
        assert search.index_stale() == 2
    assert twins_of(app, first) == {second: "the same name"}
    assert twins_of(app, second) == {first: "the same name"}


def test_possible_duplicates_are_found_with_one_query(app):
    reference = add_submission(app, website=HTTPS)
    with app.app_context():
        submission, statements = cases.find_by_reference(reference), list[str]()
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        flags.list_possible_duplicates(submission)
        assert len(statements) == 1


def test_odd_names_find_nothing_and_fail_nothing(app):
    long_once_folded = "ﷺ" * 200
    for name in ('"', "'*:|&!", "…", "NEAR(a b)", long_once_folded):
        reference = add_submission(app, organization_name=name, website="", contact_email="")
        assert twins_of(app, reference) == {}
