"""Tests that an address in another case is the same contact."""

import pytest

from tests.factories import add_submission, update_client
from tests.integration.apply.test_contacts import ANSWERS, name_second, queued, stored
from wizard import clock
from wizard.accounts.audit import ORGANIZATION
from wizard.db.engine import db
from wizard.db.models import Contact
from wizard.submissions import contact_changes, contacts
from wizard.submissions.cases import find_by_reference, locked_case

ADDRESS, SAME = "zoe@example.org", "Zoe@Example.org"


@pytest.fixture
def reference(app) -> str:
    """Store a submission with a contact that can be found."""
    reference = add_submission(app, contact_email=ADDRESS)
    with app.app_context():
        contacts.store_missing()
    return reference


def test_contact_is_not_named_as_second_one(app, reference):
    page = name_second(update_client(app, reference), reference, email=SAME)
    assert (page.status, page.errors()) == (
        422,
        {"email": "This is the contact person, who gets our emails already."},
    )
    assert queued(app, "confirm_contact") == []


def test_second_contact_with_same_address_in_other_case_gets_one_email(app, reference):
    with app.app_context(), locked_case(reference) as submission:
        row = {"role": "second", "name": "Zoe", "email": SAME, "confirmed_at": clock.now()}
        db.session.add(Contact(submission_id=submission.id, **row))
    with app.app_context():
        assert contacts.list_recipients(find_by_reference(reference)) == [ADDRESS]


def test_other_case_of_same_address_counts_at_once(app, reference):
    answers = ANSWERS | {"contact_email": SAME}
    with app.app_context():
        assert contact_changes.change_contact(reference, answers, ORGANIZATION) is False
    assert stored(app, reference).answers["contact_email"] == SAME
    assert queued(app, "confirm_contact", "contact_changed") == []


def test_new_version_with_other_case_of_same_address_waits_for_nobody(app, reference):
    with app.app_context(), locked_case(reference) as submission:
        answers = submission.answers | {"contact_email": SAME}
        kept = contact_changes.ask_new_contact(submission, answers, ORGANIZATION)
    assert kept == answers
    assert queued(app, "confirm_contact") == []
