"""Submit a draft: store its final answers under a reference, and queue its messages."""

import secrets
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from ..accounts.audit import ORGANIZATION
from ..db.engine import db
from ..db.models import Draft, MailMessage, Submission
from ..forms.journey import Journey
from ..forms.messages import Message
from ..forms.outputs import cards
from ..notify import outbox
from ..submissions import contacts
from ..submissions.events import record_event
from ..submissions.listing import index_columns
from ..submissions.messages import find_old_addresses
from ..submissions.promises import store_promises
from ..submissions.search import store_words
from ..web import languages
from ..web.current import current_flow

CONFIRMATIONS_PER_HOUR = 10
"""Confirmations of a day that one address gets at once; each further ten wait an hour longer, since
anyone can enter any address as the contact's and must not fill that mailbox."""
REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without 0, O, 1, I, L and U, which are mistaken when read aloud or from paper."""


def submit_draft(draft: Draft, journey: Journey) -> Submission:
    """Store a complete journey and queue its messages, within the caller's transaction.

    The draft must be locked (`drafts.locked_draft`) and not submitted yet.
    """
    if not journey.complete:
        raise ValueError("a journey that is not complete cannot be submitted")
    reference = new_reference()
    submission = Submission(
        reference=reference,
        draft_id=draft.id,
        flow=journey.flow.name,
        flow_version=journey.flow.version,
        branch=journey.branch.name if journey.branch else "",
        answers=journey.answers,
        language=languages.get_locale(),
        **index_columns(journey.flow, reference, journey.answers),
    )
    db.session.add(submission)
    db.session.flush()
    contacts.store_contact(submission)
    store_promises(submission)
    record_event(submission, "submitted", ORGANIZATION)
    if contact := journey.answers.get(journey.flow.roles.contact):
        delay = _confirmation_delay(contact)
        _queue(submission, "confirmation", contact, submission.language, delay)
    if office := current_app.config["PROGRAM_EMAIL"]:
        _queue(submission, "notice", office, "en")
    store_words(submission)
    return submission


def new_reference() -> str:
    """Return an unused reference: random, so that it reveals nothing."""
    while True:
        drawn = "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(8))
        reference = f"{current_flow().reference_prefix}-{drawn[:4]}-{drawn[4:]}"
        taken = select(Submission.id).where(Submission.reference == reference)
        if db.session.scalar(taken) is None:
            return reference


def _confirmation_delay(address: str) -> timedelta:
    sent_today = outbox.count_recent(address, timedelta(days=1), "submission_id")
    return timedelta(hours=sent_today // CONFIRMATIONS_PER_HOUR)


def _queue(
    submission: Submission,
    kind: str,
    recipient: str,
    language: str,
    delay: timedelta = outbox.NO_DELAY,
) -> None:
    name = f"{submission.reference}.{kind}"
    outbox.queue_message(kind, recipient, language, name, delay, submission_id=submission.id)


def _context(message: MailMessage) -> dict[str, Any]:
    submission = outbox.submission_of(message)
    answers = submission.answers
    return {
        "submission": submission,
        "answers": answers,
        "cards": cards(current_flow(), answers),
    }


def _confirmation_context(message: MailMessage) -> dict[str, Any]:
    context = _context(message)
    return {**context, "link": contacts.own_link(message, context["submission"])}


outbox.register(
    "confirmation",
    Message("we received your %(noun)s (%(reference)s)"),
    _confirmation_context,
    find_outdated=find_old_addresses,
)
outbox.register("notice", "new %(noun)s (%(reference)s)", _context)
