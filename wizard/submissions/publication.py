"""Whether a submission has a page that anyone may read.

`filters.is_public` is the condition for lists, which then leave out what nobody consents to.
"""

from ..db.models import Submission
from ..web.current import current_flow


def has_public_page(submission: Submission) -> bool:
    """Return True if anyone may read about it now: it is published, or was and is withdrawn."""
    is_shown = submission.published_at is not None or submission.status == "withdrawn"
    return is_shown and keeps_public_page(submission)


def was_published(submission: Submission) -> bool:
    """Return True if it is or was published."""
    return bool(submission.first_published_at or submission.published_at)


def keeps_public_page(submission: Submission) -> bool:
    """Return True if a page about it stays once it is withdrawn: it was published, its answers are
    not deleted, and the organization still consents."""
    return (
        was_published(submission)
        and submission.erased_at is None
        and current_flow().consents(submission.answers)
    )
