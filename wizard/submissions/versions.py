"""The versions of a submission's answers."""

from dataclasses import dataclass

from sqlalchemy import select

from .. import clock
from ..db.engine import db
from ..db.models import Submission, SubmissionVersion
from ..forms.conditions import Answers
from ..forms.flow import Flow
from ..forms.journey import Journey
from ..forms.outputs import public_record
from .contacts import store_contact
from .listing import index_columns


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the answers; the first has number 1."""

    number: int
    answers: Answers


def store_version(submission: Submission, journey: Journey, answers: Answers | None = None) -> None:
    """Replace the answers of a locked case by those of a complete journey, as a new version.

    `answers` are stored in their place if a part of them has to wait.
    The caller records the event that says who did it, and why.
    """
    if not journey.complete:
        raise ValueError("a journey that is not complete cannot be stored")
    submission.branch = journey.branch.name if journey.branch else ""
    replace_answers(submission, journey.flow, journey.answers if answers is None else answers)


def replace_answers(submission: Submission, flow: Flow, answers: Answers) -> None:
    """Replace the answers of a locked case, which are clean, and keep the old ones as a version."""
    old = SubmissionVersion(
        submission_id=submission.id,
        number=submission.answers_version,
        flow=submission.flow,
        flow_version=flow.version,  # they were upgraded when they were read
        answers=submission.answers,
    )
    db.session.add(old)
    if public_record(flow, submission.answers) != public_record(flow, answers):
        submission.updated_at = clock.now()
    submission.answers = dict(answers)
    submission.flow_version = flow.version
    submission.answers_version += 1
    for name, value in index_columns(flow, submission.reference, answers).items():
        setattr(submission, name, value)
    store_contact(submission)
    raise_version(submission)


def raise_version(submission: Submission) -> None:
    """Raise the version of a changed case, so that a post from an older page is recognized."""
    submission.lock_version += 1
    submission.changed_at = clock.now()


def first_answers(submission: Submission) -> Answers:
    """Return the answers as they were submitted."""
    is_changed = submission.answers_version > 1
    return list_versions(submission)[0].answers if is_changed else submission.answers


def list_versions(submission: Submission) -> list[Version]:
    """Return every version of the answers, oldest first, as the current flow has them."""
    query = select(SubmissionVersion).where(SubmissionVersion.submission_id == submission.id)
    older = db.session.scalars(query.order_by(SubmissionVersion.number))
    newest = Version(submission.answers_version, submission.answers)
    return [*(Version(row.number, row.answers) for row in older), newest]
