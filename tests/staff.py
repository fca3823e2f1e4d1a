"""People of the staff, signed in, for tests of what they see and may do."""

import uuid
from datetime import date

from sqlalchemy import select

from tests.client import Client
from tests.conftest import load_case
from wizard import clock
from wizard.accounts.passwords import hash_token
from wizard.apply import submit
from wizard.db.engine import db, writing
from wizard.db.models import AuditEvent, StaffSession, StaffUser, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.journey import Journey
from wizard.submissions.listing import index_columns


def colleague(app, role: str, name: str = "") -> Client:
    """A browser in which somebody of that role is signed in, without the cost of a password."""
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


def events(app, action: str = "") -> list:
    """The audit log, the oldest first."""
    with app.app_context():
        query = select(AuditEvent).order_by(AuditEvent.id)
        found = list(db.session.scalars(query))
    return [event for event in found if action in ("", event.action)]


def add_submission(
    app, case: str = "agency", *, at=None, status: str = "received", **answers
) -> str:
    """A submission as it would be stored, from a case with some answers changed; its reference."""
    flow = COMMITMENT
    typed = load_case(case)
    given = Journey(flow, typed, list(flow.steps), today=date(2026, 11, 22)).answers | answers
    with app.app_context(), writing() as session:
        reference = submit.new_reference()
        (branch,) = [each.name for each in flow.branches if each.when.holds(given)]
        session.add(
            Submission(
                reference=reference,
                draft_id=uuid.uuid4(),
                flow_version=flow.version,
                branch=branch,
                answers=given,
                submitted_at=at or clock.now(),
                status=status,
                published_at=clock.now() if status == "published" else None,
                **index_columns(flow, reference, given),
            )
        )
    return reference
