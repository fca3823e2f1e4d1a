"""Submissions: what applied, frozen once, with its reference and its messages."""

import secrets
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from ..db import models
from ..db.engine import db
from ..db.models import Draft, Submission
from ..forms.journey import Journey
from ..forms.messages import Message
from ..forms.outputs import cards
from ..notify import outbox
from ..submissions.listing import index_columns
from ..web import languages
from ..web.current import current_flow

REFERENCE_PREFIX = "PDI"
CONFIRMATIONS_PER_HOUR = 10
"""That go to one address at once; as many more of a day wait an hour, the next ones two, and so on.
Anybody can give any address as their contact's, and must not fill that mailbox."""
REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0 and O, 1, I and L, no U: what is read aloud or from paper is typed right."""


def submit_draft(draft: Draft, journey: Journey) -> Submission:
    """Freezes a complete journey and queues its messages, within the caller's transaction.

    The draft must be locked (`drafts.editing`) and not submitted yet.
    """
    if not journey.complete:
        raise ValueError("a journey that is not complete cannot be submitted")
    reference = new_reference()
    submission = Submission(
        reference=reference,
        draft_id=draft.id,
        flow_version=journey.flow.version,
        branch=journey.branch.name if journey.branch else "",
        answers=journey.answers,
        language=languages.get_locale(),
        **index_columns(journey.flow, reference, journey.answers),
    )
    db.session.add(submission)
    db.session.flush()
    if contact := journey.answers.get("contact_email"):
        _queue(
            submission, "confirmation", contact, submission.language, _confirmation_delay(contact)
        )
    if office := current_app.config["PROGRAM_EMAIL"]:
        _queue(submission, "notice", office, "en")
    return submission


def new_reference() -> str:
    """A reference that nobody has: random, so that it tells nothing and grants nothing."""
    while True:
        drawn = "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(8))
        reference = f"{REFERENCE_PREFIX}-{drawn[:4]}-{drawn[4:]}"
        taken = select(Submission.id).where(Submission.reference == reference)
        if db.session.scalar(taken) is None:
            return reference


def _confirmation_delay(address: str) -> timedelta:
    """How long a confirmation waits: see `MOST_CONFIRMATIONS`."""
    today = outbox.count_recent(address, timedelta(days=1), "submission_id")
    return timedelta(hours=today // CONFIRMATIONS_PER_HOUR)


def _queue(
    submission: Submission,
    kind: str,
    recipient: str,
    language: str,
    delay: timedelta = timedelta(),
) -> None:
    """Queue a message about a submission."""
    name = f"{submission.reference}.{kind}"
    outbox.queue_message(kind, recipient, language, name, delay, submission_id=submission.id)


def _context(message: models.MailMessage) -> dict[str, Any]:
    submission = outbox.submission_of(message)
    return {
        "submission": submission,
        "answers": submission.answers,
        "cards": cards(current_flow(), submission.answers),
    }


outbox.register("confirmation", Message("we have your commitment (%(reference)s)"), _context)
outbox.register("notice", "a new commitment (%(reference)s)", _context)
