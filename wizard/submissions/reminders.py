"""Reminders to report: by the dates of promises, and once a year if nothing else was sent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import Session

from .. import clock
from ..accounts.audit import PROGRAM
from ..db.engine import db, reading, write_in_batches, writing
from ..db.models import Event, MailMessage, Submission
from ..db.promises import Progress, Promise, PromiseReminder, ReminderStart
from ..forms.messages import Message
from ..forms.promises import promised_groups, state_of
from ..forms.reports import promise_title
from ..notify import outbox, unsubscribe
from ..web.current import current_flow
from . import contacts
from .cases import REPORTABLE_STATUSES, CaseErased, find_by_reference, locked_case
from .events import add_event
from .messages import find_old_addresses, unsubscribe_url
from .promises import is_open, list_promises

OFFSETS = {"before": timedelta(days=-30), "after": timedelta(days=7)}
"""When a promise is reminded of, from its date."""
SEND_DAYS = 14
"""Days on which a reminder can be sent, if the program did not run on the first one, and for which
nobody is asked who has just reported."""
BATCH_SIZE = 10
"""Submissions per transaction, which takes about 10 ms: see `tests/load/reminders.py`."""

EntryDates = Mapping[str, date]
"""The dates of promises by the ids of their entries."""


def is_remindable() -> ColumnElement[bool]:
    """Return the condition that the organization of a submission can report, and be reminded.

    What was taken off the public list is not reminded of.
    """
    return and_(
        Submission.flow == current_flow().name,
        Submission.status.in_(REPORTABLE_STATUSES),
        or_(Submission.published_at.is_not(None), Submission.first_published_at.is_(None)),
        Submission.erased_at.is_(None),
        Submission.wants_reminders.is_(True),
    )


def send_due() -> int:
    """Queue the reminders of promises that are due; return how many submissions got one.

    All about one submission are in one message. What a killed process left is queued by the next.
    """
    today = clock.today()
    start = _read_start(today)
    with reading() as session:
        due = [_is_due(which, today, start) for which in OFFSETS]
        query = select(Promise.submission_id).where(or_(*due)).distinct()
        ids = session.scalars(query.order_by(Promise.submission_id)).all()
    batches = (ids[at : at + BATCH_SIZE] for at in range(0, len(ids), BATCH_SIZE))
    return sum(_remind_batch(batch, today, start) for batch in batches)


def _read_start(today: date) -> date:
    """Return the first day whose reminders are sent: that of the first run with any promises.

    Before that nothing is written, since a backup is restored into an empty database.
    """
    with reading() as session:
        found: date | None = session.scalar(select(ReminderStart.day))
        has_promises = session.scalar(select(Promise.id).limit(1)) is not None
    if found or not has_promises:
        return found or today
    with writing() as session:
        session.add(ReminderStart(id=1, day=today))
    return today


def _is_due(which: str, today: date, start: date) -> ColumnElement[bool]:
    """Return the condition that a reminder of a promise is due, and neither queued nor pointless:
    whoever reported in the last `SEND_DAYS`, or waits for staff to read a report, gets none."""
    offset, first = OFFSETS[which], today - timedelta(days=SEND_DAYS - 1)
    is_queued = select(PromiseReminder.id).where(
        PromiseReminder.submission_id == Promise.submission_id,
        PromiseReminder.entry_id == Promise.entry_id,
        PromiseReminder.which == which,
        PromiseReminder.due_on == Promise.due_on,
    )
    waits = select(Progress.id).where(
        Progress.submission_id == Promise.submission_id,
        Progress.entry_id == Promise.entry_id,
        Progress.approved.is_(None),
    )
    return and_(
        Promise.due_on.between(max(first, start) - offset, today - offset),
        is_open(Promise),
        or_(Promise.reported_on.is_(None), Promise.reported_on < first),
        not_(is_queued.exists()),
        not_(waits.exists()),
    )


def _remind_batch(ids: Sequence[int], today: date, start: date) -> int:
    with writing() as session:
        query = select(Submission).where(
            Submission.id.in_(ids),
            is_remindable(),
            # One message a day, whatever is due and however often this runs.
            or_(Submission.reminded_at.is_(None), Submission.reminded_at < clock.midnight(today)),
        )
        free = query.with_for_update(skip_locked=True, key_share=True)
        locked = session.scalars(free).all()
        due = _list_due(session, [each.id for each in locked], today, start)
        data = {each: {which: list(ids) for which, ids in due[each.id].items()}
                for each in locked if each.id in due}  # fmt: skip
        sent = _queue("due", data)
        session.add_all(
            PromiseReminder(
                submission_id=submission.id, entry_id=entry_id, which=which, due_on=due_on
            )
            for submission in sent
            for which, dates in due[submission.id].items()
            for entry_id, due_on in dates.items()
        )
        return len(sent)


def _list_due(
    session: Session, ids: Sequence[int], today: date, start: date
) -> Mapping[int, Mapping[str, EntryDates]]:
    """Return what is due of some submissions: by id and by which reminder it is."""
    found: dict[int, dict[str, dict[str, date]]] = defaultdict(lambda: defaultdict(dict))
    for which in OFFSETS:
        query = select(Promise.submission_id, Promise.entry_id, Promise.due_on).where(
            Promise.submission_id.in_(ids), _is_due(which, today, start)
        )
        for submission_id, entry_id, due_on in session.execute(query.order_by(Promise.id)):
            found[submission_id][which][entry_id] = due_on
    return found


def _queue(kind: str, found: Mapping[Submission, Mapping[str, Any]]) -> list[Submission]:
    """Record a reminder of each submission, and queue its messages; return those with an address.

    The rows of all are written at once, so that the store is held for a short time.
    """
    addresses = contacts.list_all_recipients(list(found))
    events = {
        each: add_event(each, "reminded", PROGRAM, **data)
        for each, data in found.items()
        if addresses[each.id]
    }
    db.session.flush()
    for submission, event in events.items():
        submission.reminded_at = clock.now()
        for number, address in enumerate(addresses[submission.id]):
            outbox.queue_message(
                kind,
                address,
                submission.language,
                f"{submission.reference}.{kind}-{clock.today():%Y%m%d}-{number}",
                submission_id=submission.id,
                event_id=event.id,
            )
    return list(events)


def send_yearly() -> int:
    """Queue the yearly reminders that are due; return how many.

    One is due if nothing else was sent for a year, and something is still to be kept.
    """
    year_ago = day_end_a_year_ago(clock.today())
    promised = select(Promise.id).where(Promise.submission_id == Submission.id)
    sent = select(MailMessage.id).where(
        MailMessage.submission_id == Submission.id, MailMessage.created_at >= year_ago
    )
    due = (
        is_remindable(),
        func.coalesce(Submission.reminded_at, Submission.submitted_at) < year_ago,
        not_(sent.exists()),
        or_(not_(promised.exists()), promised.where(is_open(Promise)).exists()),
    )
    return write_in_batches(select(Submission).where(*due), _remind_yearly)


def _remind_yearly(submissions: Sequence[Submission]) -> int:
    """Queue reminders; return how many had an address. The others are asked about in a year."""
    for submission in submissions:
        submission.reminded_at = clock.now()
    return len(_queue("news", {each: {} for each in submissions}))


def day_end_a_year_ago(today: date) -> datetime:
    """Return the end of the same day a year ago; on February 29 that of February 28."""
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return clock.midnight(today.replace(year=today.year - 1, day=day) + timedelta(days=1))


def stop(reference: str) -> None:
    """Send no more reminders of a submission, if it is still there."""
    with suppress(CaseErased):
        set_reminders(reference, wanted=False)


def set_reminders(reference: str, *, wanted: bool) -> None:
    """Send reminders of a submission, or no more of them; write only what changes.

    Raise `CaseErased`.
    """
    with reading():
        submission = find_by_reference(reference)
    if submission and submission.wants_reminders != wanted:
        with locked_case(reference) as locked:
            locked.wants_reminders = wanted


def _context(message: MailMessage) -> dict[str, Any]:
    """Return what the template of a reminder shows. Raise `outbox.NotNeeded` if the organization
    does not want it any more."""
    submission = outbox.submission_of(message)
    if not submission.wants_reminders:
        raise outbox.NotNeeded("The organization stopped the reminders.")
    return {"submission": submission, "link": contacts.own_link(message, submission)}


def _due_context(message: MailMessage) -> dict[str, Any]:
    """Return what the template shows about promises, as they are when the message is drawn."""
    context = _context(message)
    submission, event = context["submission"], db.session.get_one(Event, message.event_id)
    asked = {entry_id for which in OFFSETS for entry_id in event.data.get(which, ())}
    groups = {group.name: group for group in promised_groups(current_flow())}
    today = clock.today()
    found = [
        (each, promise_title(groups[each.group], each), state_of(each, today) == "overdue")
        for each in list_promises([submission.id]).get(submission.id, ())
        if each.entry_id in asked and not (each.done_on or each.dropped_on)
    ]
    if not found or submission.status not in REPORTABLE_STATUSES:
        raise outbox.NotNeeded("Nothing is left to remind of.")
    found.sort(key=lambda row: row[0].due_on)
    return {**context, "promises": found}


outbox.register(
    "news",
    Message("how is your %(noun)s going?"),
    _context,
    unsubscribe_url=unsubscribe_url,
    find_outdated=find_old_addresses,
)
outbox.register(
    "due",
    Message("is it done? Dates of your %(noun)s (%(reference)s)"),
    _due_context,
    unsubscribe_url=unsubscribe_url,
    find_outdated=find_old_addresses,
)
unsubscribe.register("submission", stop)
