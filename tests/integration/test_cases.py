"""A commitment is made, from the first page to the receipt and the message."""

from email import policy
from email.parser import BytesParser

import pytest
from sqlalchemy import select

from tests.walk import walk
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.outputs import cards
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due


def same(given, stored) -> bool:
    """Whether a stored answer is what was given, but for the form that its type keeps it in."""
    known = {
        "www.orlando.example.gov/police": "https://www.orlando.example.gov/police",
        "(407) 555-0142": "+14075550142",
    }
    if isinstance(given, list) and all(isinstance(code, str) for code in given):
        return sorted(given) == sorted(stored)
    return known.get(given, given) == stored if isinstance(given, str) else given == stored


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_a_case_comes_out_as_it_went_in(client, app, case, htmx):
    receipt = walk(client, case, htmx=htmx)
    reference = receipt.text(".reference")

    with app.app_context():
        submission = db.session.scalars(select(Submission)).one()
        assert submission.reference == reference
        assert submission.flow_version == COMMITMENT.version
        assert submission.answers.keys() == case.keys()
        for name, given in case.items():
            assert same(given, submission.answers[name]), name


def test_the_confirmation_holds_the_reference_and_every_answer(client, app, case):
    receipt = walk(client, case)
    with app.app_context():
        assert deliver_due() == 1
        (file,) = mail_folder().glob("*.eml")
        submission = db.session.scalars(select(Submission)).one()
    message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
    assert message["To"] == case["contact_email"]
    assert receipt.text(".reference") in message["Subject"]
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    rows = [row for card in cards(COMMITMENT, submission.answers) for row in card.rows]
    rows += [row for group in rows for _, entry in group.entries for row in entry]
    assert len(rows) > 10
    for row in rows:
        if not row.entries:
            assert row.label in text and row.label in html.replace("&#39;", "'")
            assert " ".join(row.text.split()) in " ".join(text.split())
