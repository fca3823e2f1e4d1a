"""Signs that a submission needs a second look, and others of the same organization."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, String, bindparam, case, select

from .. import clock
from ..db.engine import reading
from ..db.models import Submission
from ..forms.signs import Organization, Sign, describe_organization, find_signs, shared_trait
from ..submissions import search
from ..web.current import current_flow
from ..web.languages import LANGUAGES

MAX_COMPARED, MAX_SHOWN = 30, 5
"""Submissions with the same name or host that are looked at, and those that are shown."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Another submission that seems to be of the same organization, and why."""

    reference: str
    title: str
    status: str
    trait: str
    erased_at: None = None


def list_signs(submission: Submission) -> list[Sign]:
    """Return the signs in the answers of a submission; none once these were deleted."""
    if submission.erased_at:
        return []
    day = clock.local(submission.submitted_at).date()
    signs = find_signs(current_flow(), submission.answers, day)
    if submission.language == "en":
        return signs
    language = LANGUAGES.get(submission.language, submission.language)
    text = f"The answers are in another language: {language}. Emails about them are, too."
    return [Sign("Language", text), *signs]


def list_twins(submission: Submission) -> list[Twin]:
    """Return other submissions of the same organization, by one query for its name and hosts."""
    roles = current_flow().roles
    names = roles.link, roles.contact
    given = [submission.answers.get(name, "") for name in names]
    ours = describe_organization(submission.party, *given)
    if submission.erased_at or ours == Organization("", frozenset()):
        return []
    found_words = search.select_with_any([ours.name, *ours.hosts]).limit(MAX_COMPARED)
    query = _query_others(*names).where(Submission.id.in_(found_words))
    about = {"id": submission.id, "party": submission.party if ours.name else None}
    with reading() as session:
        rows = session.execute(query, about).all()
    found = []
    for reference, title, status, party, *theirs in rows:
        other = describe_organization(party, *(text or "" for text in theirs))
        if trait := shared_trait(ours, other):
            found.append(Twin(reference, title, status, trait))
        if len(found) == MAX_SHOWN:
            break
    return found


@cache
def _query_others(*names: str) -> Select[Any]:
    """Return the query of submissions other than `id`, with the answers to some questions.

    Of those whose name is `party` no answers are read, which are long: the name tells.
    """
    texts = [Submission.answers[name].as_string() for name in names]
    is_named_so = Submission.party == bindparam("party", type_=String)
    columns = [case((is_named_so, ""), else_=text) for text in texts]
    return (
        select(
            Submission.reference, Submission.title, Submission.status, Submission.party, *columns
        )
        .where(Submission.id != bindparam("id"), Submission.erased_at.is_(None))
        .order_by(Submission.id)
    )
