"""The contacts of a submission: who gets its messages."""

from sqlalchemy import select

from ..db.engine import db
from ..db.models import Contact, Submission
from ..web.current import current_flow


def recipients(submission: Submission) -> list[str]:
    """Return the addresses that messages go to: the contact's, then the second one's.

    The contact is the one in the answers; the second is confirmed by the contact's naming it.
    """
    query = select(Contact.email).where(
        Contact.submission_id == submission.id,
        Contact.role == "second",
        Contact.confirmed_at.is_not(None),
    )
    first = submission.answers.get(current_flow().roles.contact)
    found = [*([first] if first else []), *db.session.scalars(query)]
    return list(dict.fromkeys(found))
