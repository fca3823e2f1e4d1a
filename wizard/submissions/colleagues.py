"""Which staff have a case, and who opened it when."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask import g
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from .. import clock
from ..accounts import audit
from ..accounts.accounts import CurrentUser, Person, read_people
from ..accounts.audit import Actor
from ..db.accounts import CaseView, StaffUser
from ..db.columns import UtcDateTime
from ..db.engine import db, is_one_of, reading, writing
from ..db.models import Event, Submission
from ..web.query import BadQuery
from .cases import NotAllowed, StaleVersion, locked_case
from .events import record_event

log = logging.getLogger(__name__)

RECENT_VIEW_PERIOD = timedelta(hours=1)
"""How long a case says who opened it."""
MINE, NOBODY = "me", "nobody"
SEEN = {"unread": "Not opened by me", "changed": "Changed since I looked"}
MAX_LOOKED_UP = 1_000
"""Changed cases that are looked up first. If there are more, each row of a list is looked at, and a
page is soon full."""
_is_active = StaffUser.disabled_at.is_(None)


def pick_assignable(people: Mapping[str, Person]) -> list[str]:
    """Return the addresses of those who may decide on cases."""
    return [email for email, person in people.items() if person.can_decide]


def name_people(people: Mapping[str, Person]) -> dict[str, str]:
    """Return the names of people, or their addresses, by address."""
    return {
        email: (person.name or email) + (" (disabled)" if person.is_disabled else "")
        for email, person in people.items()
    }


def has_case(who: str) -> ColumnElement[bool]:
    """Return the condition that a case belongs to an address, to `MINE` or to `NOBODY`.

    A case of a disabled account is `NOBODY`'s.
    """
    if who == MINE:
        return Submission.assigned_to == _signed_in("assigned").email
    if who != NOBODY:
        return Submission.assigned_to == who
    assigned = Submission.assigned_to.in_(select(StaffUser.email).where(_is_active))
    return Submission.id.not_in(select(Submission.id).where(assigned).correlate(None))


def was_seen(how: str) -> ColumnElement[bool]:
    """Return the condition that who is signed in has seen a case so, by a code of `SEEN`.

    It holds for the moment: what changed is looked up here. An erased case has nothing to read.
    """
    _signed_in("seen")
    if how == "unread":
        viewed = _viewed().where(CaseView.submission_id == Submission.id)
        return and_(Submission.erased_at.is_(None), ~viewed.exists())
    return has_changed(find_few_changed())


def find_few_changed() -> Sequence[int] | None:
    """Return the ids of the cases that changed since this person looked, if they are few."""
    found = db.session.scalars(_changed().limit(MAX_LOOKED_UP + 1)).all()
    return found if len(found) <= MAX_LOOKED_UP else None


def has_changed(few: Sequence[int] | None = None) -> ColumnElement[bool]:
    """Return the condition that a case changed since this person looked, to look such cases up:
    with what `find_few_changed` returned."""
    return Submission.id.in_(_changed()) if few is None else is_one_of(Submission.id, few)


def row_has_changed() -> ColumnElement[bool]:
    """Return the condition that a case changed since this person looked, to compare the rows of a
    list in its order."""
    of_row = _changed().where(CaseView.submission_id == Submission.id)
    return of_row.offset(0).correlate(Submission).exists()


def _viewed() -> Select[int]:
    return select(CaseView.submission_id).where(CaseView.user_id == _viewer_id())


def _changed() -> Select[int]:
    """Return the query of the cases with an event of another since this person looked."""
    return _viewed().where(CaseView.last_event_id > CaseView.event_id)


def _viewer_id() -> int:
    """Return the id of who is signed in; 0 for a program with a token, which views nothing."""
    user: CurrentUser | None = g.get("user")
    return user.id if user else 0


def _signed_in(name: str) -> CurrentUser:
    """Return who is signed in. Raise `BadQuery` for the filter of a program, which is nobody."""
    user: CurrentUser | None = g.get("user")
    if user is None:
        raise BadQuery("The filter “%(name)s” works only for somebody who is signed in.", name=name)
    return user


def find_marks(submission_ids: Collection[int]) -> Mapping[int, str]:
    """Return the code of `SEEN` of those submissions that who is signed in has to look at."""
    viewed = and_(CaseView.submission_id == Submission.id, CaseView.user_id == _viewer_id())
    query = (
        select(Submission.id, CaseView.event_id, CaseView.last_event_id)
        .outerjoin(CaseView, viewed)
        .where(is_one_of(Submission.id, submission_ids), Submission.erased_at.is_(None))
    )
    return {
        number: "unread" if seen is None else "changed"
        for number, seen, last in db.session.execute(query)
        if seen is None or (last or 0) > seen
    }


def record_view(submission: Submission, event_id: int, user_id: int, actor: Actor) -> None:
    """Note on the audit log that a person viewed a case, and what was there, for lists.

    The latter is left out if the account was just deleted, or another window was quicker.
    """
    viewed = actor, "viewed", submission.reference
    if submission.erased_at is not None:
        audit.record_event(*viewed)
        return
    try:
        with writing():
            audit.record(*viewed)
            _store_view(submission.id, event_id, user_id, actor.name)
    except IntegrityError as error:
        log.warning("view of a case not stored: %s", type(error).__name__)
        audit.record_event(*viewed)


def _store_view(submission_id: int, event_id: int, user_id: int, email: str) -> None:
    connection, key = db.session.connection(), {"submission": submission_id, "user": user_id}
    seen = key | {"event": event_id, "at": clock.now()}
    if not connection.execute(_update_view(), seen).rowcount:
        connection.execute(_lock_case(), key)  # until then, an event may not find this view
        connection.execute(_insert_view(), seen | {"email": email})


_seen = {"event_id": bindparam("event"), "viewed_at": bindparam("at", type_=UtcDateTime)}


@cache
def _update_view() -> Update:
    """Return the statement that updates when a person last opened a case."""
    is_it = CaseView.submission_id == bindparam("submission"), CaseView.user_id == bindparam("user")
    return update(CaseView).where(*is_it).values(_seen)


@cache
def _lock_case() -> Select[int]:
    case = select(Submission.id).where(Submission.id == bindparam("submission"))
    return case.with_for_update(read=True)


@cache
def _insert_view() -> Insert:
    """Return the statement that stores a first view, with the last event of somebody else."""
    key: dict[str, BindParameter[int]] = {
        "submission_id": bindparam("submission"),
        "user_id": bindparam("user"),
    }
    by_another = Event.submission_id == key["submission_id"], Event.actor != bindparam("email")
    last = select(func.max(Event.id)).where(*by_another).scalar_subquery()
    return insert(CaseView).values(key | _seen | {"last_event_id": last})


def list_viewers(submission_id: int) -> list[tuple[str, int]]:
    """Return who else opened a case in the last hour, and how many minutes ago, the last first."""
    given = {
        "submission": submission_id,
        "user": _viewer_id(),
        "since": clock.now() - RECENT_VIEW_PERIOD,
    }
    with reading() as session:
        rows = session.execute(_query_viewers(), given).all()
    return [(row.email, (clock.now() - row.viewed_at) // timedelta(minutes=1)) for row in rows]


@cache
def _query_viewers() -> Select[str, datetime]:
    return (
        select(StaffUser.email, CaseView.viewed_at)
        .join(StaffUser, StaffUser.id == CaseView.user_id)
        .where(
            CaseView.submission_id == bindparam("submission"),
            CaseView.user_id != bindparam("user"),
            CaseView.viewed_at > bindparam("since"),
        )
        .order_by(CaseView.viewed_at.desc())
    )


def assign(reference: str, to: str, before: str, actor: Actor) -> None:
    """Give a case to a person, by address, or to nobody (empty).

    Raise as `locked_case`; `NotAllowed` for somebody who may not decide; and `StaleVersion` if it
    is neither theirs nor that person's who had it `before`.
    """
    if to and to not in pick_assignable(read_people()):
        raise NotAllowed("Choose somebody who can decide on submissions.")
    with locked_case(reference, post=actor.post) as submission:
        assigned_to = submission.assigned_to or ""
        if assigned_to not in (before, to):
            raise StaleVersion
        if assigned_to != to:
            set_assignee(submission, to, actor)


def set_assignee(submission: Submission, to: str, actor: Actor, **data: Any) -> Event:
    """Give a locked case to a person, by address, or to nobody (empty)."""
    submission.assigned_to = to or None
    return record_event(submission, "assigned", actor, to=to, **data)
