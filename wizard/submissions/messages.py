"""The messages that tell of an event: to the contacts of a submission, and to the program's office.

Their texts are declared here, and rendered with one template each when they are sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import func, select

from ..db.engine import db
from ..db.models import Event, MailMessage, Proposal, Submission, describe_status
from ..forms.messages import Declaration, Message
from ..notify import outbox
from ..web import languages, links
from ..web.current import current_flow
from . import contacts, partial_approvals

MAX_MESSAGE_CHARS = 5000
"""Characters that staff may write in place of the standard paragraph."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What staff chose for the message of an event: their `words`, or to `skip` it."""

    words: str = ""
    skip: bool = False


STANDARD = Mail()
"""The standard message."""


@dataclass(frozen=True, slots=True)
class CaseMessage(Declaration):
    """The subject and the standard paragraph of a message to the contacts, and its link's label.

    Both texts may hold `%(noun)s`, the subject also `%(reference)s`.
    """

    subject: str
    paragraph: str
    action: str = "See your %(noun)s"

    translatable = ("subject", "paragraph", "action")


CONTACT_MESSAGES: Mapping[str, CaseMessage] = {
    "changes_requested": CaseMessage(
        "please change your %(noun)s (%(reference)s)",
        "Thank you for your %(noun)s. Before we can decide, we need you to change or add some "
        "answers. We’ve listed them below.",
        "Make the changes",
    ),
    "changes_reminder": CaseMessage(
        "reminder: please change your %(noun)s (%(reference)s)",
        "We’re still waiting for the changes to your %(noun)s that we asked for.",
        "Make the changes",
    ),
    "changes_cancelled": CaseMessage(
        "we no longer need changes to your %(noun)s (%(reference)s)",
        "We no longer need the changes we asked for, and will continue the review. We kept "
        "anything you entered. You can still send it as a correction.",
    ),
    "changes_expired": CaseMessage(
        "the time to change your %(noun)s has ended (%(reference)s)",
        "The time to make the changes we asked for has ended. We kept what you entered, and you "
        "can still send it as a correction.",
    ),
    "resubmitted": CaseMessage(
        "we received your changes (%(reference)s)",
        "Thank you. We received the changes to your %(noun)s. Program staff will review it again.",
    ),
    "corrected": CaseMessage(
        "your %(noun)s was corrected (%(reference)s)",
        "Your %(noun)s was corrected. Use the link below to see your answers as they are now.",
    ),
    "correction_declined": CaseMessage(
        "your correction (%(reference)s)",
        "Thank you for your correction. We decided not to make this change.",
    ),
    "accepted": CaseMessage(
        "we accepted your %(noun)s (%(reference)s)",
        "Good news: we accepted your %(noun)s. Thank you for taking part.",
    ),
    "declined": CaseMessage(
        "our decision on your %(noun)s (%(reference)s)",
        "Thank you for your %(noun)s. We reviewed it, and decided not to accept it.",
    ),
    "published": CaseMessage(
        "your %(noun)s is published (%(reference)s)",
        "Your %(noun)s is now on our public list, where anyone can read and share it.",
    ),
    "unpublished": CaseMessage(
        "your %(noun)s is no longer listed (%(reference)s)",
        "We took your %(noun)s off our public list.",
    ),
    "progress_approved": CaseMessage(
        "we approved your progress update (%(reference)s)",
        "Thank you for telling us how it’s going. We approved your progress update.",
    ),
    "progress_partly_approved": CaseMessage(
        "we approved part of your progress update (%(reference)s)",
        "Thank you for telling us how it’s going. We approved part of your progress update.",
    ),
    "progress_declined": CaseMessage(
        "your progress update (%(reference)s)",
        "Thank you for telling us how it’s going. We didn’t approve your progress update.",
    ),
    "contact_changed": CaseMessage(
        "someone was named to get our emails (%(reference)s)",
        "Someone with the link to your %(noun)s named another person to get our emails about it. "
        "Nothing changes until that person confirms. If your organization didn’t ask for this, "
        "please tell us.",
    ),
    "contact_replaced": CaseMessage(
        "someone else gets our emails now (%(reference)s)",
        "The person who was named to get our emails about your %(noun)s confirmed. We won’t email "
        "you about it anymore. If your organization didn’t ask for this, please tell us.",
    ),
    "withdrawal_requested": CaseMessage(
        "you asked to withdraw your %(noun)s (%(reference)s)",
        "We received your request to withdraw your %(noun)s. Program staff will read it next. "
        "Until they decide, you can take it back.",
    ),
    "withdrawal_declined": CaseMessage(
        "your request to withdraw (%(reference)s)",
        "We read your request to withdraw your %(noun)s, and decided not to withdraw it.",
    ),
    "withdrawn": CaseMessage(
        "your %(noun)s was withdrawn (%(reference)s)",
        "Your %(noun)s was withdrawn.",
    ),
    "written": CaseMessage(
        "about your %(noun)s (%(reference)s)",
        "We’re writing about your %(noun)s.",
    ),
}
"""The messages to the contacts, by the kind of event that they tell of. `progress_partly_approved`
is no event: it tells of a `progress_approved` of which something was not approved. Nor is
`contact_replaced`, which tells the former contact of a `contact_confirmed`."""

TRUE_WHILE: Mapping[str, tuple[str, ...]] = {
    "changes_requested": ("changes_requested",),
    "changes_reminder": ("changes_requested",),
    "changes_cancelled": ("in_review",),
    "changes_expired": ("in_review",),
    "resubmitted": ("in_review",),
    "accepted": ("accepted", "published"),
    "declined": ("declined",),
    "published": ("published",),
    "unpublished": ("accepted",),
    "withdrawn": ("withdrawn",),
}
"""The statuses in which a message to the contacts is true, by its kind; the others stay true."""
ABOUT_CONTACTS = ("contact_changed", "contact_replaced")
"""The kinds of messages that also go to a former contact, without a link."""
OPEN_CHANGES = ("changes_requested", "changes_reminder")
"""The kinds of messages about changes that can be sent until a day."""
ABOUT_CHANGES = (*OPEN_CHANGES, "changes_cancelled", "changes_expired", "correction_declined")
"""The messages whose link leads to the changes."""

OFFICE_MESSAGES: Mapping[str, tuple[str, str]] = {
    "resubmitted": ("changed answers of %(reference)s", "The organization changed its answers."),
    "correction_proposed": (
        "a correction of %(reference)s",
        "The organization proposed a correction.",
    ),
    "progress_reported": (
        "a progress update on %(reference)s",
        "The organization reported progress.",
    ),
    "withdrawal_requested": (
        "a request to withdraw %(reference)s",
        "The organization asked to withdraw.",
    ),
}
"""The subject and the text (English) of messages to the office, by the kind of event."""


def tells_contacts(kind: str) -> bool:
    """Return True if the contacts get a message about such an event."""
    return kind in CONTACT_MESSAGES


def standard_message(submission: Submission, kind: str) -> tuple[str, str]:
    """Return the subject and the paragraph that tell the contacts of an event, in their language.

    Both are empty for an event that they are not told, or if there is no address.
    """
    if not tells_contacts(kind) or not contacts.has_recipients(submission):
        return "", ""
    message = MailMessage(kind=kind, submission_id=submission.id)
    with languages.force_locale(submission.language):
        return outbox.subject_of(message), standard_paragraph(kind, submission.language)


def standard_paragraph(kind: str, language: str) -> str:
    """Return the paragraph that tells the contacts of an event, in a language."""
    with languages.force_locale(language):
        return _fill(CONTACT_MESSAGES[kind].paragraph)


def queue_messages(submission: Submission, event: Event, mail: Mail, kind: str = "") -> None:
    """Queue the messages about an event, in the transaction that records it.

    A `kind` is that of a later message about it, such as a reminder.
    """
    kind = kind or _message_kind(event)
    if tells_contacts(kind) and not mail.skip:
        for number, address in enumerate(contacts.list_recipients(submission)):
            _queue(submission, event, kind, address, submission.language, number, mail.words)
    office = current_app.config["PROGRAM_EMAIL"]
    if office and kind in OFFICE_MESSAGES:
        _queue(submission, event, f"office_{kind}", office, "en")


def tell_former_contact(submission: Submission, event: Event, address: str) -> None:
    """Queue the message to the contact before, in the transaction that replaced it."""
    _queue(submission, event, "contact_replaced", address, submission.language)


def find_words(submission_id: int, kind: str) -> str:
    """Return what staff wrote in the message about the last event of a kind; "" if nothing."""
    is_it = Event.submission_id == submission_id, Event.kind == kind
    last = select(func.max(Event.id)).where(*is_it).scalar_subquery()
    told = MailMessage.submission_id == submission_id, MailMessage.kind == kind
    words = select(MailMessage.words).where(*told, MailMessage.event_id == last)
    return db.session.scalars(words).first() or ""


def list_words(submission_id: int) -> dict[int, str]:
    """Return what staff wrote in the messages about a submission, by the id of the event."""
    written = MailMessage.submission_id == submission_id, MailMessage.words.is_not(None)
    columns = select(MailMessage.event_id, MailMessage.words).where(*written)
    rows = db.session.execute(columns)
    return {event_id: words for event_id, words in rows if event_id and words}


def _message_kind(event: Event) -> str:
    return "progress_partly_approved" if partial_approvals.is_partly_approved(event) else event.kind


def _queue(
    submission: Submission,
    event: Event,
    kind: str,
    recipient: str,
    language: str,
    number: int = 0,
    words: str = "",
) -> None:
    outbox.queue_message(
        kind,
        recipient,
        language,
        f"{submission.reference}.{kind}-{event.id}-{number}",
        submission_id=submission.id,
        event_id=event.id,
        version=event.version,
        words=words or None,
    )


def _fill(text: str, **values: str) -> str:
    """Return a declared text in the current language, with its placeholders filled in."""
    noun = languages.translate(current_flow().noun.one)
    return str(languages.translate(text)) % {"noun": noun, **values}


def _contact_context(message: MailMessage) -> dict[str, Any]:
    """Return what the template of a message to a contact shows. Raise `outbox.NotNeeded` if
    nothing is left to remind of."""
    submission, told = outbox.submission_of(message), CONTACT_MESSAGES[message.kind]
    is_asked = submission.status == "changes_requested" and submission.wants_reminders
    if message.kind == "changes_reminder" and not is_asked:
        raise outbox.NotNeeded("Nothing is left to remind of.")
    event = db.session.get(Event, message.event_id) if message.event_id else None
    of_submission = select(Proposal).where(Proposal.submission_id == submission.id)
    proposal = db.session.scalar(of_submission) if message.kind in OPEN_CHANGES else None
    try:
        link = contacts.own_link(message, submission)
    except outbox.NotNeeded:
        if message.kind not in ABOUT_CONTACTS:
            raise
        link = ""  # who was the contact learns who took over, but may not act any more
    return {
        "submission": submission,
        "kind": message.kind,
        "words": message.words or _fill(told.paragraph),
        "data": event.data if event else {},
        "asked": describe_opened(event.data.get("opened", {})) if event else [],
        "refused": partial_approvals.read_declined_titles(submission, [event]).values()
        if event
        else (),
        "until": proposal.last_day if proposal else None,
        "action": _fill(told.action),
        "link": link and link + ("?then=changes" if message.kind in ABOUT_CHANGES else ""),
    }


def describe_opened(opened: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the titles of steps and questions that are open, each with what staff wrote."""
    titles: dict[str, str] = {}
    for step in current_flow().steps.values():
        titles |= {step.name: step.title, **{field.name: field.label for field in step.fields}}
    return [(title, opened[name]) for name, title in titles.items() if name in opened]


def find_outdated(messages: Sequence[outbox.AnyMessage]) -> dict[outbox.AnyMessage, str]:
    """Return those messages to contacts that are not true any more, with why."""
    untrue = {each: _find_untrue(each, about) for each, about in _with_submissions(messages)}
    to_contacts = [each for each in messages if each.kind not in ABOUT_CONTACTS]
    return find_old_addresses(to_contacts) | {each: why for each, why in untrue.items() if why}


def _find_untrue(message: outbox.AnyMessage, submission: Submission) -> str:
    """Return why what a message says is not true any more; "" if it is."""
    if submission.status not in TRUE_WHILE.get(message.kind, (submission.status,)):
        status = describe_status(submission.status).label
        return f"This email is out of date: the status is “{status}” now."
    if message.kind == "withdrawal_requested" and submission.withdrawal_requested_at is None:
        return "This email is out of date: the request to withdraw isn’t open."
    return ""


def find_old_addresses(messages: Sequence[outbox.AnyMessage]) -> dict[outbox.AnyMessage, str]:
    """Return those messages that went to somebody who is no contact anymore, with that reason."""
    pairs = _with_submissions(messages)
    recipients = contacts.list_all_recipients([submission for _, submission in pairs])
    return {
        each: f"{each.recipient} isn’t a contact anymore, so this email isn’t sent there again."
        for each, about in pairs
        if not any(contacts.is_same_address(each.recipient, to) for to in recipients[about.id])
    }


def _with_submissions(
    messages: Sequence[outbox.AnyMessage],
) -> list[tuple[outbox.AnyMessage, Submission]]:
    """Return messages with the submissions that they are about."""
    ids = {each.submission_id for each in messages}
    rows = db.session.scalars(select(Submission).where(Submission.id.in_(ids)))
    found: dict[int | None, Submission] = {each.id: each for each in rows}
    return [(each, found[each.submission_id]) for each in messages]


def unsubscribe_url(message: MailMessage) -> str:
    """Return the address at which the reminders of the message's submission end."""
    return links.unsubscribe_url("submission", outbox.submission_of(message).reference)


def _office_context(message: MailMessage) -> dict[str, Any]:
    _, words = OFFICE_MESSAGES[message.kind.removeprefix("office_")]
    return {"submission": outbox.submission_of(message), "words": words}


for _kind, _told in CONTACT_MESSAGES.items():
    _stop = unsubscribe_url if _kind == "changes_reminder" else None
    outbox.register(_kind, _told.subject, _contact_context, "case", _stop, find_outdated)
for _kind, (_subject, _) in OFFICE_MESSAGES.items():
    outbox.register(f"office_{_kind}", Message(_subject), _office_context, "office")
