"""Changes of contacts. A new one counts once it was confirmed by the link in its mailbox."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select

from .. import clock
from ..accounts.audit import ORGANIZATION, Actor
from ..db.engine import db
from ..db.models import Contact, MailMessage, Submission
from ..forms.conditions import Answers
from ..forms.messages import Message
from ..notify import outbox
from ..web import links
from ..web.current import current_flow
from .cases import NotAllowed, locked_case
from .contacts import (
    MAX_PER_HOUR,
    contact_step,
    is_same_address,
    list_contacts,
    queue,
    store_contact,
)
from .events import record_event
from .messages import tell_former_contact
from .versions import replace_answers

REPEAT_INTERVAL = timedelta(minutes=5)
"""A contact named again in this time, such as by a button pressed twice, is one change."""
ALREADY_CONTACT = Message("This is the contact person, who gets our emails already.")
ASKED_ALREADY = Message("We already asked this address to confirm as the contact person.")
OVER_LIMIT = Message("We already sent several emails to this address. Try again in an hour.")


def change_contact(reference: str, answers: Answers, actor: Actor) -> bool:
    """Name a new contact by the answers to the questions about it, which are clean.

    Return True if the new address must confirm, or False if only other answers changed, which
    count at once, or none. Raise as `locked_case`, and `NotAllowed` over the limit of messages.
    """
    name = current_flow().roles.contact
    with locked_case(reference) as submission:
        if not is_same_address(answers[name], submission.answers.get(name, "")):
            _ask_to_confirm(submission, "contact", answers[name], actor, answers=dict(answers))
            return True
        if answers != _about_contact(submission.answers):
            _replace(submission, answers)
            record_event(submission, "contact_updated", actor)
        return False


def name_second(reference: str, name: str, address: str, actor: Actor) -> None:
    """Name a second contact. Raise as `change_contact`, and `NotAllowed` for the contact person,
    and for who was asked to become that.
    """
    with locked_case(reference) as submission:
        if is_same_address(address, submission.answers.get(current_flow().roles.contact, "")):
            raise NotAllowed(ALREADY_CONTACT)
        waiting = list_contacts(submission)["contact"].get(False)
        if waiting and is_same_address(address, waiting.email):
            raise NotAllowed(ASKED_ALREADY)
        _ask_to_confirm(submission, "second", address, actor, name=name)


def _ask_to_confirm(
    submission: Submission, role: str, address: str, actor: Actor, **columns: Any
) -> None:
    waiting = list_contacts(submission)[role].get(False)
    if waiting and waiting.email == address and waiting.created_at > clock.now() - REPEAT_INTERVAL:
        for column, value in columns.items():
            setattr(waiting, column, value)
        return
    if _is_over_limit(address):
        raise NotAllowed(OVER_LIMIT)
    _add_pending(submission, role, address, actor, **columns)


def _is_over_limit(address: str) -> bool:
    return outbox.count_kind(address, timedelta(hours=1), "confirm_contact") >= MAX_PER_HOUR


def _add_pending(
    submission: Submission,
    role: str,
    address: str,
    actor: Actor,
    delay: timedelta = outbox.NO_DELAY,
    **columns: Any,
) -> None:
    """Add a contact that must confirm in place of one that has not, and ask it to confirm.

    One address waits only once in a case, since its link tells what it confirms.
    """
    forget_pending(submission, role)
    second = list_contacts(submission)["second"].get(False)
    if second and is_same_address(address, second.email):
        forget_pending(submission, "second")
    row = Contact(submission_id=submission.id, role=role, email=address, **columns)
    db.session.add(row)
    queue("confirm_contact", address, submission.language, submission, delay)
    record_event(submission, "contact_changed", actor, role=role)


def ask_new_contact(submission: Submission, answers: Answers, actor: Actor) -> Answers:
    """Return the answers of a new version of a locked case, with its contact as it is now.

    If their address is another one, it is asked to confirm, and what they say about the contact
    waits with it. Over the limit of messages, it is asked an hour later. Else they stay as given.
    """
    kept = keep_contact(submission, answers)
    if kept is not answers:
        address = answers[current_flow().roles.contact]
        delay = timedelta(hours=1) if _is_over_limit(address) else outbox.NO_DELAY
        _add_pending(submission, "contact", address, actor, delay, answers=_about_contact(answers))
    return kept


def keep_contact(submission: Submission, answers: Answers) -> Answers:
    """Return answers with the contact of a submission if they have another address, which must
    confirm; else as they are."""
    name = current_flow().roles.contact
    address = answers.get(name)
    if not address or is_same_address(address, submission.answers.get(name, "")):
        return answers
    names = _contact_names()
    others = {each: value for each, value in answers.items() if each not in names}
    return others | _about_contact(submission.answers)


def remove(reference: str, role: str, actor: Actor, *, pending: bool) -> None:
    """Remove the second contact, or forget one that has not confirmed. Raise as `locked_case`."""
    with locked_case(reference) as submission:
        if pending:
            forget_pending(submission, role)
        elif role == "second":
            is_it = Contact.submission_id == submission.id, Contact.role == role
            removed = db.session.execute(delete(Contact).where(*is_it))
            if removed.rowcount:  # type: ignore[attr-defined]
                record_event(submission, "contact_removed", actor)


def forget_pending(submission: Submission, *roles: str) -> None:
    """Forget the contacts of a locked case that have not confirmed: of some roles, or all."""
    pending = Contact.submission_id == submission.id, Contact.confirmed_at.is_(None)
    of_roles = [Contact.role.in_(roles)] if roles else []
    db.session.execute(delete(Contact).where(*pending, *of_roles))


def _replace(submission: Submission, clean: Answers) -> None:
    """Replace the answers about the contact, as a new version."""
    names = _contact_names()
    others = {name: value for name, value in submission.answers.items() if name not in names}
    replace_answers(submission, current_flow(), {**others, **clean})


def _about_contact(answers: Answers) -> dict[str, Any]:
    """Return those answers that are about the contact."""
    names = _contact_names()
    return {name: value for name, value in answers.items() if name in names}


def _contact_names() -> set[str]:
    step = contact_step()
    return {field.name for field in step.fields} if step else set()


def find_pending(token: str) -> tuple[Contact, Submission] | None:
    """Return the contact of a link that has not confirmed, and its submission."""
    contact_id, address = links.parse_contact_token(token)
    contact = db.session.get(Contact, contact_id)
    if contact is None or contact.confirmed_at is not None or contact.email != address:
        return None
    submission = db.session.get_one(Submission, contact.submission_id)
    return None if submission.erased_at else (contact, submission)


def confirm(reference: str, contact_id: int) -> bool:
    """Let a new contact count in place of the one before; return False if it was forgotten.

    Raise as `locked_case`.
    """
    with locked_case(reference) as submission:
        contact = db.session.get(Contact, contact_id, populate_existing=True)
        if contact is None or contact.confirmed_at is not None:
            return False
        same = Contact.submission_id == submission.id, Contact.role == contact.role
        db.session.execute(delete(Contact).where(*same, Contact.id != contact.id))
        former = submission.answers.get(current_flow().roles.contact) or ""
        answers, contact.answers = contact.answers, {}
        contact.confirmed_at = clock.now()
        db.session.flush()
        if contact.role == "contact":
            _replace(submission, answers)
        else:
            store_contact(submission)
        event = record_event(submission, "contact_confirmed", ORGANIZATION, role=contact.role)
        if former and contact.role == "contact":
            tell_former_contact(submission, event, former)
        return True


def _confirm_context(message: MailMessage) -> dict[str, Any]:
    submission = outbox.submission_of(message)
    query = select(Contact).where(
        Contact.submission_id == submission.id,
        Contact.confirmed_at.is_(None),
        func.lower(Contact.email) == message.recipient.lower(),
    )
    contact = db.session.scalars(query).first()
    if contact is None:
        raise outbox.NotNeeded("This contact was confirmed or forgotten meanwhile.")
    return {"submission": submission, "link": links.contact_url(contact.id, contact.email)}


outbox.register(
    "confirm_contact",
    Message("please confirm your email address (%(reference)s)"),
    _confirm_context,
)
