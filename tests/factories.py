"""Create signed-in staff, submissions and published commitments."""

import uuid
from copy import deepcopy
from datetime import UTC, date, datetime
from functools import cache

from sqlalchemy import select, update

from tests.client import Client
from tests.conftest import load_case
from wizard import clock
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.accounts.passwords import hash_token
from wizard.apply import submit
from wizard.db.accounts import AuditEvent, StaffSession, StaffUser
from wizard.db.engine import db, writing
from wizard.db.models import (
    Contact,
    Event,
    MailMessage,
    OutboxMessage,
    Proposal,
    Report,
    StaffNote,
    Submission,
    SubmissionVersion,
)
from wizard.db.promises import Progress, PromiseReminder, ReportDraft
from wizard.flows.commitment import COMMITMENT
from wizard.forms.conditions import Answers
from wizard.forms.journey import Journey
from wizard.submissions import search
from wizard.submissions.events import record_event
from wizard.submissions.listing import index_columns
from wizard.submissions.messages import Mail
from wizard.submissions.promises import store_promises
from wizard.web import links

PUBLISHED_AT = datetime(2027, 3, 1, 9, tzinfo=UTC)


def staff_client(app, role: str, name: str = "") -> Client:
    """Return a client signed in with a new account of that role, without hashing a password."""
    email = f"{name or role}@example.gov"
    token = f"token of {email}"
    with app.app_context(), writing() as session:
        user = StaffUser(email=email, role=role, password_hash="none")
        session.add(user)
        session.flush()
        now = clock.now()
        session.add(
            StaffSession(token_hash=hash_token(token), user_id=user.id, created_at=now, seen_at=now)
        )
    client = app.test_client()
    client.set_cookie("staff", token, path="/staff")
    return client


def audit_events(app, action: str = "") -> list:
    """Return the audit events, oldest first."""
    with app.app_context():
        query = select(AuditEvent).order_by(AuditEvent.id)
        found = list(db.session.scalars(query))
    return [event for event in found if action in ("", event.action)]


def events_of(app, kind: str = "") -> list[Event]:
    """Return the events of all submissions, oldest first."""
    with app.app_context():
        found = list(db.session.scalars(select(Event).order_by(Event.id)))
    return [event for event in found if kind in ("", event.kind)]


def add_submission(
    app, case: str = "agency", *, at=None, status: str = "received", listed_at=None, **answers
) -> str:
    """Store a submission of a case with some answers changed; return its reference."""
    flow = COMMITMENT
    given = deepcopy(_validated(case)) | answers
    published_at = (listed_at or clock.now()) if status == "published" else None
    with app.app_context(), writing() as session:
        reference = submit.new_reference()
        (branch,) = [each.name for each in flow.branches if each.when.holds(given)]
        submission = Submission(
            reference=reference,
            draft_id=uuid.uuid4(),
            flow=flow.name,
            flow_version=flow.version,
            branch=branch,
            answers=given,
            submitted_at=at or clock.now(),
            status=status,
            published_at=published_at,
            first_published_at=published_at,
            **index_columns(flow, reference, given),
        )
        session.add(submission)
        session.flush()
        session.refresh(submission)
        store_promises(submission)
        search.store_words(submission)
    return reference


@cache
def _validated(case: str) -> Answers:
    """Return the answers of a case as they are stored."""
    steps = list(COMMITMENT.steps)
    return Journey(COMMITMENT, load_case(case), steps, today=date(2026, 11, 22)).answers


def store_words(app, reference: str) -> None:
    """Index a submission as it is now."""
    with app.app_context(), writing() as session:
        of_it = select(Submission).where(Submission.reference == reference)
        search.store_words(session.scalars(of_it).one())


def set_language(app, reference: str, code: str) -> None:
    """Set the language of a submission."""
    with app.app_context(), writing() as session:
        of_it = update(Submission).where(Submission.reference == reference)
        session.execute(of_it.values(language=code))


def add_published(app, case: str = "agency", *, at: datetime = PUBLISHED_AT, **answers) -> str:
    """Store a published commitment; return its reference."""
    return add_submission(app, case, status="published", at=at, listed_at=at, **answers)


def add_conversation(app, reference: str, secret: str) -> None:
    """Add a row of each table that tells of a submission after it was submitted."""
    with app.app_context(), writing() as session:
        it = session.scalars(select(Submission).where(Submission.reference == reference)).one()
        answers = it.answers | {"contact_name": secret}
        of_flow = {"submission_id": it.id, "flow": it.flow, "flow_version": it.flow_version}
        session.add_all(
            [
                SubmissionVersion(**of_flow, number=1, answers=answers),
                Proposal(**of_flow, kind="changes", base_version=1, opened={"contact": secret},
                         answers=answers, completed_steps=[], words=secret),
                Contact(submission_id=it.id, role="second", name=secret,
                        email=f"{secret}@example.org"),
                Report(submission_id=it.id, entries={"milestones": {"0": {"note": secret}}},
                       withdraws=False),
                Progress(submission_id=it.id, entry_id="0", outcome="dropped", words=secret,
                         promised_on=it.submitted_at.date()),
                ReportDraft(submission_id=it.id, answers={"words_0": secret}),
                PromiseReminder(submission_id=it.id, entry_id="0", which="after",
                                due_on=it.submitted_at.date()),
                StaffNote(submission_id=it.id, author="editor", text=secret),
                MailMessage(submission_id=it.id, kind="declined", words=secret,
                            message_id=f"<{reference}@example.org>", recipient="a@example.org"),
            ]
        )  # fmt: skip
        record_event(it, "changes_requested", Actor("editor"), Mail(skip=True),
                     opened={"contact": secret})  # fmt: skip


def add_old_failure(app, kind: str = "confirmation", **columns) -> str:
    """Add a failed message of the previous version; return the reference of its submission."""
    reference = add_submission(app, contact_email="desk@example.org")
    with app.app_context(), writing() as session:
        query = select(Submission.id).where(Submission.reference == reference)
        values = {
            "submission_id": session.scalars(query).one(),
            "message_id": f"<{reference}.{kind}@data.news.example.org>",
            "recipient": "desk@example.org",
            "subject": "We have it",
            "text": "Text",
            "html": "<p>Text</p>",
            "failed_at": clock.now(),
            "last_error": "550",
        }
        session.add(OutboxMessage(**values | columns))
    return reference


def update_path(app, reference: str) -> str:
    """Return the path of the update link in an organization's message."""
    with app.app_context():
        submission = db.session.scalars(
            select(Submission).where(Submission.reference == reference)
        ).one()
        url = links.submission_url(submission.reference, submission.link_version)
        return url.removeprefix("http://commitments.example.org")


def add_old_withdrawal(app, reference: str) -> int:
    """Store a request to withdraw as the previous version did; return its id."""
    with app.app_context(), writing() as session:
        of_it = select(Submission.id).where(Submission.reference == reference)
        report = Report(submission_id=session.scalars(of_it).one(), entries={}, withdraws=True)
        session.add(report)
        session.flush()
        return report.id


def add_old_report(app, reference: str, entries: dict) -> int:
    """Store a progress report as the previous version did; return its id."""
    with app.app_context(), writing() as session:
        it = session.scalars(select(Submission).where(Submission.reference == reference)).one()
        report = Report(submission_id=it.id, entries=entries, withdraws=False)
        session.add(report)
        session.flush()
        record_event(it, "progress_reported", ORGANIZATION)
        return report.id


def update_client(app, reference: str):
    """Return a client that opened the update link."""
    client = app.test_client()
    assert client.page(update_path(app, reference)).path == f"/commitments/{reference}/yours"
    return client
