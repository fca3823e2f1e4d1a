"""Tests of what has a page that anyone may read."""

from random import Random

import pytest
from sqlalchemy import select

from tests.client import commitment_references
from tests.factories import add_submission
from wizard.accounts.audit import Actor
from wizard.db.engine import reading
from wizard.db.models import Submission
from wizard.submissions.cases import allowed_transitions, change_status, locked_case
from wizard.submissions.publication import has_public_page, is_public

EDITOR = Actor("editor@example.gov")


def change_to(reference: str, *statuses: str) -> None:
    """Change the status of a case, several times."""
    for status in statuses:
        with locked_case(reference) as submission:
            change_status(submission, status, EDITOR, reason="So it is")


def is_in_sql(reference: str) -> bool:
    """Return what the condition of lists and files says about a submission."""
    found = select(Submission.id).where(Submission.reference == reference, is_public)
    with reading() as session:
        return session.scalar(found) is not None


def read(reference: str) -> Submission:
    with reading() as session:
        query = select(Submission).where(Submission.reference == reference)
        return session.scalars(query).one()


@pytest.mark.parametrize(
    ("path", "is_shown"),
    [
        ("withdrawn", False),
        ("published withdrawn", True),
        ("published accepted withdrawn", False),
        ("published accepted published withdrawn", True),
        ("published withdrawn in_review withdrawn", False),
        ("published withdrawn in_review accepted published withdrawn", True),
        ("published accepted in_review declined withdrawn", False),
    ],
)
def test_withdrawn_commitment_is_public_if_it_was_listed_until_then(app, client, path, is_shown):
    reference = add_submission(app, status="accepted")
    with app.app_context():
        change_to(reference, *path.split())
    page = client.page(f"/commitments/{reference}")
    assert page.status == (200 if is_shown else 404)
    files = [client.get(f"/{name}").text for name in ("commitments.json", "commitments.csv")]
    shown = {reference in text for text in [*files, client.get("/commitments.atom").text]}
    listed = client.page("/commitments?status=withdrawn")
    assert shown == {is_shown} == {reference in commitment_references(listed)}


@pytest.mark.parametrize("seed", range(6))
def test_page_and_files_agree_after_any_changes(app, seed):
    random, reference = Random(seed), add_submission(app, status="accepted")
    with app.app_context():
        was_listed = False
        for _ in range(12):
            found = read(reference)
            was_listed = found.status == "published" or (was_listed and found.status == "withdrawn")
            is_shown = was_listed and found.status in ("published", "withdrawn")
            with reading():
                assert has_public_page(found) == is_in_sql(reference) == is_shown
            ways = [
                each.to for each in allowed_transitions(found) if each.to != "changes_requested"
            ]
            change_to(reference, random.choice(ways))
