"""Access of a browser to drafts and commitments, stored in its session cookie."""

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import abort, request, session
from werkzeug.exceptions import NotFound

from .. import clock
from ..accounts.accounts import list_people
from ..accounts.audit import ORGANIZATION, Actor
from ..db.engine import reading
from ..db.models import Draft, Submission
from ..submissions.cases import CaseErased, find_by_reference
from ..web import links
from . import drafts

MAX_ACTING = timedelta(hours=2)
"""How long staff can act for an organization in one browser, once they opened it."""
OWN_BLUEPRINTS = ("changes", "contacts", "followup", "report")
"""The blueprints of the pages that an organization has for its commitment."""
MAX_DRAFTS = 20
"""Drafts, and commitments, that one browser can open: a cookie holds about a hundred ids."""


class LinkReplaced(NotFound):
    """This browser opened a commitment by a link that was replaced since."""


class ActingEnded(NotFound):
    """The time of staff who acted for an organization in this browser is over."""


def list_draft_ids() -> list[uuid.UUID]:
    """Return the drafts that this browser may open, the newest last."""
    return [uuid.UUID(value) for value in session.get("drafts", [])]


def is_open(draft_id: uuid.UUID) -> bool:
    """Return True if this browser may open a draft."""
    return str(draft_id) in session.get("drafts", [])


def grant_access(draft_id: uuid.UUID) -> None:
    """Let this browser open a draft. Beyond `MAX_DRAFTS` it loses the oldest, and is told so."""
    if lost := _append("drafts", str(draft_id)):
        session["lost_draft"] = lost[-1]


def pop_lost_draft() -> Draft | None:
    """Return the draft that this browser lost to a newer one, once, if it can still be changed."""
    lost = session.pop("lost_draft", None)
    return next(iter(drafts.find_all([uuid.UUID(lost)])), None) if lost else None


def start_key() -> str:
    """Return this browser's key for the ids of the drafts that its start pages create."""
    if "start_key" not in session:
        session["start_key"] = secrets.token_urlsafe(16)
    return str(session["start_key"])


def revoke_access(draft_id: uuid.UUID) -> None:
    """Remove a draft from this browser, with all that could lead back to it: the commitments, a
    link that waits to be shown, and the key by which an old start page names the draft."""
    for name in ("commitments", "links", "lost_draft", "start_key"):
        session.pop(name, None)
    session["drafts"] = [value for value in session.get("drafts", []) if value != str(draft_id)]


def has_page_token(draft_id: uuid.UUID) -> bool:
    """Return True if the post carries a valid page token for this draft."""
    with reading():
        draft = drafts.find_by_token(request.form.get("pass", ""), "page")
    return draft is not None and draft.id == draft_id


def require_access(draft_id: uuid.UUID) -> None:
    """Answer 404 unless this browser, or the page that it posts, may open the draft."""
    if not is_open(draft_id) and not (request.method == "POST" and has_page_token(draft_id)):
        abort(404)


def renew_access(draft_id: uuid.UUID) -> None:
    """Like `require_access`, and renew the browser's access (once a day)."""
    require_access(draft_id)
    today = clock.today().isoformat()
    if not is_open(draft_id) or session.get("day") != today:
        session["day"] = today
        grant_access(draft_id)


def read_draft(draft_id: uuid.UUID) -> Draft:
    """Return a draft to read; answer 404 if there is none or this browser may not open it."""
    renew_access(draft_id)
    return drafts.find(draft_id) or abort(404)


@contextmanager
def editing(draft_id: uuid.UUID) -> Iterator[Draft]:
    """Lock a draft for update (see `drafts.locked_draft`); answer 404 if there is none."""
    with drafts.locked_draft(draft_id) as draft:
        yield draft or abort(404)


def grant_commitment(submission: Submission) -> None:
    """Let this browser act for the organization of a submission until its link is replaced."""
    _append("commitments", submission.reference)
    # A version of the program before wrote no link versions: what is missing here is the first.
    known = {**session.get("links", {}), submission.reference: submission.link_version}
    session["links"] = {name: known[name] for name in session["commitments"] if known.get(name)}


def require_newest_link(submission: Submission) -> None:
    """Let this browser, which opened the draft, act for the organization of a submission.

    Raise `LinkReplaced` if its link was replaced: then that of the draft opens nothing any more.
    """
    if submission.link_version == 1:
        grant_commitment(submission)
    elif _opened_version(submission.reference) != submission.link_version:
        raise LinkReplaced


def _opened_version(reference: str) -> int:
    """Return the version of the link by which this browser opened a commitment, or 0."""
    is_opened = reference in session.get("commitments", [])
    return int(session.get("links", {}).get(reference, 1)) if is_opened else 0


def read_own_submission(reference: str) -> Submission:
    """Return a submission that this browser opened; 404 if it did not, `CaseErased` if erased."""
    submission = require_commitment(reference)
    if submission.erased_at is not None:
        raise CaseErased
    return submission


def require_commitment(reference: str) -> Submission:
    """Return a submission; answer 404 unless this browser may act for its organization, or posts a
    page that may. Raise `LinkReplaced` and `ActingEnded`."""
    with reading():
        submission = find_by_reference(reference) or abort(404)
    if actor(reference) != ORGANIZATION:
        return submission
    if reference in session.get("acting", {}):  # the time is over: staff are not the organization
        raise ActingEnded
    opened = _opened_version(reference)
    if opened == submission.link_version or (opened and submission.erased_at):
        return submission
    token = request.form.get("pass", "") if request.method == "POST" else ""
    if links.parse_submission_token(token, "page") == (reference, submission.link_version):
        grant_commitment(submission)
        return submission
    if opened:
        raise LinkReplaced
    abort(404)


def act_for(reference: str, staff: str) -> None:
    """Let this browser act for an organization, as that staff account, for `MAX_ACTING`."""
    until = (clock.now() + MAX_ACTING).timestamp()
    session["acting"] = {reference: [staff, until]}


def actor(reference: str) -> Actor:
    """Return who acts on a commitment in this browser: its organization, or staff for it.

    Staff whose account was disabled, or may only read now, no longer act.
    """
    staff, until = session.get("acting", {}).get(reference, ("", 0.0))
    if until <= clock.now().timestamp():
        return ORGANIZATION
    person = list_people().get(staff)  # read before anything is locked, in `require_commitment`
    may_act = person is not None and person.can_decide
    return Actor(staff, kind="organization") if may_act else ORGANIZATION


def acting_as() -> str:
    """Return which staff act for the organization of the requested page, or an empty string."""
    is_own = request.blueprint in OWN_BLUEPRINTS
    reference = (request.view_args or {}).get("reference", "") if is_own else ""
    return actor(reference).name if reference else ""


def _append(name: str, value: str) -> list[str]:
    """Add a value to a list of the session; return those that it had too many, the oldest first."""
    values = [*(other for other in session.get(name, []) if other != value), value]
    session[name] = values[-MAX_DRAFTS:]
    session.permanent = True
    return values[:-MAX_DRAFTS]
