"""Drafts and submissions of version 1 of the commitment, which asked about programs later."""

import json

import pytest
from sqlalchemy import select

from tests.complete_form import complete_form, draft_path
from tests.conftest import load_case
from tests.factories import add_published, staff_client
from wizard import clock
from wizard.db.engine import db, writing
from wizard.db.models import Draft, MailMessage, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.notify import outbox
from wizard.staff import exports
from wizard.submissions.filters import Filters

pytestmark = pytest.mark.second_store_slow

OPPORTUNITY_ONLY = {
    name: value for name, value in load_case("partner").items() if name != "goals"
} | {"programs": ["opportunity_project"]}
BEFORE_PROGRAMS = ["kind", "organization", "contact", "involvement"]
ASKED_THEN = "Volunteers in 12 cities"


@pytest.fixture
def old_draft(app, client):
    """Return a function that makes a draft of this browser one of version 1; returns its path."""

    def make(answers: dict, completed_steps: list[str]) -> str:
        page = complete_form(client, answers, until="organization")
        with app.app_context(), writing() as session:
            draft = session.scalars(select(Draft)).one()
            draft.answers, draft.completed_steps = answers, completed_steps
            draft.flow_version = 1
        return draft_path(page)

    return make


def test_draft_that_answered_programs_goes_on_where_it_was(client, old_draft):
    answers = {name: value for name, value in load_case("partner").items() if name != "milestones"}
    path = old_draft(answers, [*BEFORE_PROGRAMS, "commitment"])
    page = client.page(f"{path}/review")
    assert page.path == f"{path}/milestones"
    assert "Program (completed)" in page.text("nav.line")


def test_draft_that_only_preselected_programs_is_asked(client, old_draft):
    answers = {"programs": ["police_data_initiative"], **OPPORTUNITY_ONLY}
    page = client.page(f"{old_draft(answers, BEFORE_PROGRAMS)}/review")
    assert page.path.endswith("/programs")
    assert page.values()["programs"] == ["opportunity_project"]
    page = client.send(page.path, {"programs": ["police_data_initiative"]})
    assert page.path.endswith("/commitment")  # the work with police was answered before
    assert "Current work (completed)" in page.text("nav.line")


def test_draft_without_police_data_keeps_involvement_and_does_not_send_it(app, client, old_draft):
    steps = [name for name in COMMITMENT.steps if name not in ("programs", "review")]
    path = old_draft(OPPORTUNITY_ONLY, steps)
    review = client.page(f"{path}/review")
    assert review.path == f"{path}/review"
    assert ASKED_THEN not in review.text("main")
    assert client.page(f"{path}/involvement").path == f"{path}/review"
    assert client.send(review.path, {"authorized": "yes"}).path.endswith("/done")
    with app.app_context():
        stored = db.session.scalars(select(Draft)).one().answers
        assert ASKED_THEN in stored["involvement_description"]
        submission = db.session.scalars(select(Submission)).one()
        assert submission.flow_version == COMMITMENT.version
        assert not submission.answers.keys() & {"works_with", "involvement_description", "goals"}


def test_submission_of_version_1_shows_what_was_asked_then(app, client):
    answers = OPPORTUNITY_ONLY
    reference = add_published(app, "partner", at=clock.now())
    with app.app_context(), writing() as session:
        submission = session.scalars(select(Submission)).one()
        submission.answers, submission.flow_version = answers, 1
        session.add(
            MailMessage(
                submission_id=submission.id, kind="confirmation", message_id="<1@example.org>",
                recipient=answers["contact_email"],
            )
        )  # fmt: skip
    page = client.page(f"/commitments/{reference}")
    assert ASKED_THEN in page.text("main")
    given = staff_client(app, "viewer").page(f"/staff/submissions/{reference}").text(".given")
    assert ASKED_THEN in given and given.count(answers["commitment_title"]) == 1
    with client.get("/commitments.json") as response:
        (record,) = json.loads(response.get_data())["commitments"]
    assert record["involvement_description"].startswith(ASKED_THEN)
    with app.app_context():
        (line,) = b"".join(exports.export("submissions.jsonl", COMMITMENT, Filters())).splitlines()
        assert json.loads(line)["works_with"] == answers["works_with"]
        email = outbox.render_email(db.session.scalars(select(MailMessage)).one())
        assert ASKED_THEN in " ".join(email.get_body(("plain",)).get_content().split())
