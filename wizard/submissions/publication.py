"""What is public: the condition for lists and files, and the same of one submission.

Neither condition knows who consents: lists leave out what nobody consents to.
"""

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from ..db.engine import db
from ..db.models import Event, Submission
from ..web.current import current_flow

is_published = Submission.published_at.is_not(None)
"""What is listed now; `cases.change_status` sets `published_at` together with the status."""
first_published_at = func.coalesce(Submission.first_published_at, Submission.published_at)
"""The time of the first publication; an earlier version sets `published_at` alone."""
_was_published, _is_erased = (
    Submission.first_published_at.is_not(None),
    Submission.erased_at.is_not(None),
)
_ended, _began = aliased(Event), aliased(Event)
_began_again = exists().where(
    _began.submission_id == _ended.submission_id, _began.kind == "published", _began.id > _ended.id
)
was_listed = ~exists().where(
    _ended.submission_id == Submission.id,
    _ended.kind.in_(("unpublished", "reopened")),
    ~_began_again,
)
"""What was listed until it was withdrawn: nothing took it off the list after its publication. If a
version without events did, this is not known."""
is_public = or_(
    is_published,
    and_(Submission.status == "withdrawn", _was_published, ~_is_erased, was_listed),
)
"""What has a page that anyone may read: published, or withdrawn while it was listed, and not
deleted."""
is_public_erased = and_(_was_published, _is_erased)
"""What was published, and its answers deleted on request."""


def has_public_page(submission: Submission) -> bool:
    """Return True if anyone may read about it now, as `is_public` says, and it consents.

    It is looked up within any transaction.
    """
    if submission.status != "withdrawn" or submission.erased_at is not None:
        return keeps_public_page(submission)
    found = db.session.scalar(
        select(Submission.id).where(Submission.id == submission.id, is_public)
    )
    return found is not None and current_flow().consents(submission.answers)


def was_published(submission: Submission) -> bool:
    """Return True if it is or was published."""
    return bool(submission.first_published_at or submission.published_at)


def keeps_public_page(submission: Submission) -> bool:
    """Return True if a page about it stays once it is withdrawn: it is listed, its answers are not
    deleted, and the organization consents."""
    return (
        submission.published_at is not None
        and submission.erased_at is None
        and current_flow().consents(submission.answers)
    )
