"""Which drafts this browser may open: those that it made, or came to by their resume links."""

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from flask import abort, request, session

from .. import clock
from ..db.engine import reading
from ..db.models import Draft
from . import drafts

MAX_DRAFTS = 20
"""Drafts that one browser keeps open: a cookie has room for about a hundred."""


def open_draft_ids() -> list[uuid.UUID]:
    """The drafts that are open in this browser, the newest last."""
    return [uuid.UUID(each) for each in session.get("drafts", [])]


def is_open(draft_id: uuid.UUID) -> bool:
    """Whether this browser may open a draft."""
    return str(draft_id) in session.get("drafts", [])


def grant_access(draft_id: uuid.UUID) -> None:
    """Lets this browser open a draft, beside those that it has open already."""
    others = [each for each in session.get("drafts", []) if each != str(draft_id)]
    session["drafts"] = [*others, str(draft_id)][-MAX_DRAFTS:]
    session.permanent = True


def start_key() -> str:
    """Return this browser's own key for the drafts that its start pages make."""
    if "start_key" not in session:
        session["start_key"] = secrets.token_urlsafe(16)
    return str(session["start_key"])


def revoke_access(draft_id: uuid.UUID) -> None:
    """Take a draft out of this browser, and what could lead back to it: the commitments that it
    could report on, and the key by which an old start page names the draft."""
    session.pop("commitments", None)
    session.pop("start_key", None)
    session["drafts"] = [each for each in session.get("drafts", []) if each != str(draft_id)]


def has_page_token(draft_id: uuid.UUID) -> bool:
    """Whether a post comes from a page that this draft's browser was shown, if long ago."""
    with reading():
        draft = drafts.find_by_token(request.form.get("pass", ""), "page")
    return draft is not None and draft.id == draft_id


def require_access(draft_id: uuid.UUID) -> None:
    """Answers 404 unless this browser may open the draft."""
    if not is_open(draft_id) and not (request.method == "POST" and has_page_token(draft_id)):
        abort(404)


def require_and_remember(draft_id: uuid.UUID) -> None:
    """The same, when somebody opens a page or presses a button, and not when a page saves itself.

    The browser then knows the draft, as long from today as a draft is kept.
    """
    require_access(draft_id)
    today = clock.today().isoformat()
    if not is_open(draft_id) or session.get("day") != today:
        session["day"] = today
        grant_access(draft_id)


def read_draft(draft_id: uuid.UUID) -> Draft:
    """A draft to read; answers 404 where it is not there or not this browser's."""
    require_and_remember(draft_id)
    return drafts.find(draft_id) or abort(404)


@contextmanager
def editing(draft_id: uuid.UUID) -> Iterator[Draft]:
    """Lock a draft for update (see `drafts.editing`); answer 404 where there is none."""
    with drafts.locked_draft(draft_id) as draft:
        yield draft or abort(404)


def grant_commitment(reference: str) -> None:
    """Lets this browser tell what became of a commitment."""
    others = [each for each in session.get("commitments", []) if each != reference]
    session["commitments"] = [*others, reference][-MAX_DRAFTS:]
    session.permanent = True


def may_open_commitment(reference: str) -> bool:
    """Whether this browser came back to a commitment."""
    return reference in session.get("commitments", [])
