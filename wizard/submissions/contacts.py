"""The contacts of submissions: who gets the messages, and which submissions an address has.

The first contact is the one in the answers; a row of `Contact` repeats the address, so that it can
be found.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from .. import clock
from ..db.engine import db, write_in_batches
from ..db.models import Contact, MailMessage, Submission
from ..forms.fields import Field, Text
from ..forms.flow import Step
from ..forms.messages import Message
from ..notify import outbox
from ..web import links
from ..web.current import current_flow

MAX_PER_HOUR = 3
"""Messages of one kind mailed to one address in an hour, whoever asks for them."""
ROLES = ("contact", "second")
ADDRESS_HINT = Message(
    "If you change this address, we’ll email a link to the new one to confirm it."
)
"""In place of the hint of the form, which is about what follows when one submits."""


def contact_step() -> Step | None:
    """Return the questions about the contact, if the flow asks for one; the address is required.

    They are private texts that always apply and on which nothing depends. What else their step asks
    is changed by a correction, on which staff decide.
    """
    flow = current_flow()
    address = flow.fields.get(flow.roles.contact)
    step = next((each for each in flow.steps.values() if address in each.fields), None)
    if step is None or address is None:
        return None
    fields = tuple(
        replace(field, required=True, hint=ADDRESS_HINT) if field is address else field
        for field in step.fields
        if field is address or _is_about_contact(field)
    )
    return replace(step, fields=fields)


def _is_about_contact(field: Field) -> bool:
    is_free = field.when is None and field.name not in current_flow().deciding_fields
    return isinstance(field, Text) and not field.public and is_free


def list_recipients(submission: Submission) -> list[str]:
    """Return the addresses that messages go to: the contact's, then the second one's."""
    return list_all_recipients([submission])[submission.id]


def has_recipients(submission: Submission) -> bool:
    """Return True if messages go to anybody."""
    return bool(submission.answers.get(current_flow().roles.contact) or list_recipients(submission))


def list_all_recipients(submissions: Sequence[Submission]) -> dict[int, list[str]]:
    """Return the addresses that the messages about each submission go to, by its id."""
    query = select(Contact.submission_id, Contact.email).where(
        Contact.submission_id.in_([each.id for each in submissions]),
        Contact.role == "second",
        Contact.confirmed_at.is_not(None),
    )
    first = {each.id: each.answers.get(current_flow().roles.contact) for each in submissions}
    found = {key: [address] if address else [] for key, address in first.items()}
    for key, address in db.session.execute(query.order_by(Contact.id)):
        if not any(is_same_address(address, each) for each in found[key]):
            found[key].append(address)
    return found


def own_link(message: MailMessage, submission: Submission) -> str:
    """Return the link of a submission for whom a message goes to.

    Raise `outbox.NotNeeded` for who is no contact any more: the link would let them in.
    """
    recipients = list_recipients(submission)
    if not any(is_same_address(message.recipient, each) for each in recipients):
        raise outbox.NotNeeded("This address is not that of a contact any more.")
    return links.submission_url(submission.reference, submission.link_version)


def is_same_address(one: str, other: str) -> bool:
    """Return True if two addresses have the same mailbox: they differ in case at most."""
    return one.lower() == other.lower()


def list_contacts(submission: Submission) -> dict[str, dict[bool, Contact]]:
    """Return the contacts by role, and by whether they are confirmed."""
    found: dict[str, dict[bool, Contact]] = {role: {} for role in ROLES}
    rows = select(Contact).where(Contact.submission_id == submission.id).order_by(Contact.id)
    for row in db.session.scalars(rows):
        found.setdefault(row.role, {})[row.confirmed_at is not None] = row
    return found


def store_contact(submission: Submission) -> None:
    """Write the address in the answers of a submission, so that it can be found."""
    address = submission.answers.get(current_flow().roles.contact) or ""
    row = list_contacts(submission)["contact"].get(True)
    if row is None:
        row = Contact(submission_id=submission.id, role="contact", confirmed_at=clock.now())
        db.session.add(row)
    row.email = address


def store_missing() -> int:
    """Write the addresses of submissions that an earlier version stored; return how many."""
    is_stored = (
        select(Contact.id)
        .where(
            Contact.submission_id == Submission.id,
            Contact.role == "contact",
            Contact.confirmed_at.is_not(None),
        )
        .exists()
    )
    missing = select(Submission).where(
        Submission.flow == current_flow().name, Submission.erased_at.is_(None), ~is_stored
    )
    return write_in_batches(missing, _store_all)


def _store_all(submissions: Sequence[Submission]) -> int:
    for submission in submissions:
        store_contact(submission)
    return len(submissions)


def find_by_address(address: str) -> list[Submission]:
    """Return the submissions whose confirmed contact an address is, the newest first."""
    named = select(Contact.submission_id).where(
        func.lower(Contact.email) == address.lower(), Contact.confirmed_at.is_not(None)
    )
    query = select(Submission).where(
        Submission.id.in_(named),
        Submission.erased_at.is_(None),
        Submission.flow == current_flow().name,
    )
    return list(db.session.scalars(query.order_by(Submission.submitted_at.desc())))


def mail_links(address: str, language: str) -> None:
    """Queue one message with the links of all submissions of an address, in a transaction.

    Nothing is queued if it has none, or got `MAX_PER_HOUR` already. The visitor is not told.
    """
    found = find_by_address(address)
    if found and outbox.count_kind(address, timedelta(hours=1), "links") < MAX_PER_HOUR:
        queue("links", address, language, found[0])


def queue(
    kind: str,
    address: str,
    language: str,
    submission: Submission,
    delay: timedelta = outbox.NO_DELAY,
) -> None:
    """Queue a message to an address that is no contact yet, or of more than one submission."""
    unique = f"{clock.now():%Y%m%d%H%M%S%f}"
    name = f"{submission.reference}.{kind}-{unique}"
    outbox.queue_message(kind, address, language, name, delay, submission_id=submission.id)


def _links_context(message: MailMessage) -> dict[str, Any]:
    found = find_by_address(message.recipient)
    if not found:
        raise outbox.NotNeeded("This address has no submission any more.")
    shown = [(each, links.submission_url(each.reference, each.link_version)) for each in found]
    return {"found": shown}


outbox.register("links", Message("your links"), _links_context)
