"""The texts of a submission in which words are looked for: what anyone may read, and what staff
may read."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Row, select, true
from sqlalchemy.orm import InstrumentedAttribute

from ..db.engine import db, is_one_of
from ..db.models import Contact, Event, MailMessage, StaffNote, Submission
from ..db.promises import Progress
from ..forms.conditions import Answers
from ..forms.fields import Field
from ..forms.flow import Flow
from ..forms.groups import Group
from ..forms.messages import Message
from ..forms.outputs import public_record
from .publication import has_public_page

Label = str
Text = tuple[Label, str]
"""A text that is searched, and what it is: the label of its question, or “Note”."""
OtherTexts = Mapping[int, Sequence[Text]]
"""Texts beside the answers, by the id of their submission."""


def public_texts(flow: Flow, submission: Submission) -> list[Text]:
    """Return what the public page of a submission shows; nothing if it has none."""
    if not has_public_page(submission):
        return []
    record = public_record(flow, submission.answers)
    if submission.published_at is None:
        record = _promises_alone(flow, record)
    return [
        (Message("Reference"), submission.reference),
        *_answer_texts(flow.columns.values(), record),
    ]


def _promises_alone(flow: Flow, record: Answers) -> dict[str, Any]:
    """Return what the page of a withdrawn commitment shows: its header, and titles and days."""
    roles, facets = flow.roles, (facet.source for facet in flow.facets)
    header = (roles.title, roles.party, *roles.place, *facets)
    kept = {name: record[name] for name in header if name in record}
    for group in flow.groups:
        if group.due and group.name in record:
            names = (group.title, group.due)
            kept[group.name] = [
                {name: entry[name] for name in names if name in entry}
                for entry in record[group.name]
            ]
    return kept


def staff_texts(
    flow: Flow, submission: Submission, others: Callable[[], OtherTexts]
) -> Iterator[Iterable[Text]]:
    """Yield what staff search: reference and answers, and then the `others` of `read_others`."""
    answers = _answer_texts(flow.columns.values(), submission.answers)
    yield chain([("Reference", submission.reference)], answers)
    yield others().get(submission.id, ())


@dataclass(frozen=True)
class Source:
    """A table whose rows about a submission staff search."""

    model: Any
    columns: tuple[InstrumentedAttribute[Any], ...]
    texts: Callable[[Any], Iterable[Text]]
    """Returns the texts of a row with these columns."""
    where: ColumnElement[bool] = true()

    def read(self, ids: Collection[int]) -> Sequence[Row[Any]]:
        """Return the rows about some submissions, the oldest first."""
        about = self.model.submission_id
        query = select(about, *self.columns).where(is_one_of(about, ids), self.where)
        return db.session.execute(query.order_by(self.model.id)).all()


def _event_texts(event: Event) -> Iterator[Text]:
    texts = (
        *event.data.get("opened", {}).values(),
        event.data.get("words"),
        event.data.get("reason"),
    )
    return (("History", str(text or "")) for text in texts)


SOURCES = (
    Source(
        Contact,
        (Contact.name, Contact.email),
        lambda row: [("Contact", f"{row.name} {row.email}".strip())],
        where=Contact.confirmed_at.is_not(None),
    ),
    Source(
        StaffNote,
        (StaffNote.author, StaffNote.text),
        lambda row: [(f"Note by {row.author}", row.text)],
    ),
    Source(Event, (Event.data,), _event_texts),
    Source(
        MailMessage,
        (MailMessage.words,),
        lambda row: [("Email", row.words)],
        where=MailMessage.words.is_not(None),
    ),
    Source(
        Progress,
        (Progress.words, Progress.reply),
        lambda row: [("Progress update", row.words), ("Reply", row.reply)],
    ),
)
"""Where staff search beside the answers: confirmed contacts, notes, and what staff and the
organization told each other."""


def read_others(ids: Collection[int], sources: Iterable[Source] = SOURCES) -> OtherTexts:
    """Return the texts of some submissions in these sources; an email to two people once."""
    texts: dict[int, dict[Text, None]] = defaultdict(dict)
    for source in sources:
        for row in source.read(ids):
            texts[row.submission_id].update(dict.fromkeys(source.texts(row)))
    return {submission: tuple(found) for submission, found in texts.items()}


def _answer_texts(fields: Iterable[Field], answers: Answers) -> Iterator[Text]:
    for field in fields:
        if field.name not in answers:
            continue
        if isinstance(field, Group):
            for entry in answers[field.name]:
                yield from _answer_texts(field.fields, entry)
        else:
            yield field.label, field.display(answers[field.name])
