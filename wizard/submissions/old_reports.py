"""Reports of earlier versions, on a whole commitment: they name an entry by its place."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..db.models import Report, Submission
from ..forms.groups import ENTRY_ID, Group
from ..forms.messages import join_messages
from ..forms.outputs import entry_label
from ..web.current import current_flow
from .versions import first_answers


class OldUpdate(NamedTuple):
    """What such a report says about an entry: `done` or no outcome, an address, and words."""

    entry_id: str
    outcome: str
    url: str
    words: str


def read_updates(entries: Mapping[str, Any], answers: Mapping[str, Any]) -> Iterator[OldUpdate]:
    """Yield what a report says about each entry of the answers that it refers to."""
    for name, by_place in entries.items():
        known = answers.get(name, ())
        for place, said in by_place.items():
            if int(place) < len(known):
                outcome = "done" if said.get("done") else ""
                texts = said.get("url", ""), said.get("note", "")
                yield OldUpdate(known[int(place)][ENTRY_ID], outcome, *texts)


def describe_report(report: Report, submission: Submission) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the title of each entry that a report is about, and what it says.

    It names the places of entries in the answers as they were submitted.
    """
    answers = first_answers(submission)
    return [
        (_entry_title(group, answers.get(group.name, ()), int(place)), said)
        for group in current_flow().groups
        for place, said in report.entries.get(group.name, {}).items()
    ]


def _entry_title(group: Group, entries: Sequence[Mapping[str, Any]], place: int) -> str:
    """Return the number of an entry, and its own title if it has one."""
    title = entries[place].get(group.title) if place < len(entries) else None
    return join_messages(": ", [entry_label(group, place + 1), *([title] if title else [])])
