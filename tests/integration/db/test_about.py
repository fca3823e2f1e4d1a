"""Tests of reading what tables hold about a submission."""

from sqlalchemy import select

from tests.factories import add_submission
from wizard.accounts.audit import Actor
from wizard.db.engine import db, reading
from wizard.db.models import MailMessage, Report, StaffNote, Submission
from wizard.db.related_rows import read_related
from wizard.staff import cases

EDITOR = Actor("editor@example.gov")


def test_rows_about_a_submission_are_its_own_the_oldest_first(app):
    first, second = (add_submission(app) for _ in range(2))
    with app.app_context():
        for text, reference in (("One.", first), ("Other.", second), ("Two.", first)):
            cases.add_note(reference, text, EDITOR)
        with reading():
            id_of = select(Submission.id).where(Submission.reference == first)
            found = read_related(db.session.scalars(id_of).one(), StaffNote, Report, MailMessage)
    assert [note.text for note in found[StaffNote]] == ["One.", "Two."]
    assert found[Report] == found[MailMessage] == []
