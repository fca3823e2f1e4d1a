"""Published commitments: of each submission only the answers that the flow declares public."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, select

from .. import clock
from ..db.engine import db
from ..db.models import Event, Submission
from ..forms.differences import differences
from ..forms.flow import Flow
from ..forms.groups import Group
from ..forms.outputs import Card, cards, public_record
from ..forms.promises import Tally
from ..forms.timeline import Correction, make_timeline
from ..submissions.cases import find_by_reference
from ..submissions.events import list_events
from ..submissions.filters import PublicFilters
from ..submissions.listing import FACET_COLUMNS
from ..submissions.publication import first_published_at, has_public_page, is_public
from ..submissions.versions import list_versions
from ..web.current import current_flow
from ..web.query import PageStart
from . import promises
from .edition import Edition
from .selection import Selection, select_current

PAGE_SIZE = 20
SUMMARY = (
    Submission.reference,
    Submission.title,
    Submission.party,
    Submission.place,
    Submission.language,
    first_published_at.label("first_published_at"),
    *FACET_COLUMNS,
)
"""The columns of a commitment in a list."""
Summary = Row[*tuple[Any, ...]]
NEW_VERSION = ("resubmitted", "corrected")
"""The events that replace the answers by a new version."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A commitment in a list, with its promises in sum; `was_withdrawn` ones have no states."""

    summary: Summary
    tally: Tally | None
    was_withdrawn: bool


@dataclass(frozen=True, slots=True)
class CommitmentPage:
    """A page of commitments, with their number in all, and by the codes of each filter.

    `tally` sums up the promises that meet the filters; `selection` has them all.
    """

    rows: Sequence[Listed]
    newer: str
    older: str
    count: int
    counts: Mapping[str, Mapping[str, int]]
    tally: Tally | None
    selection: Selection


def list_page(filters: PublicFilters, start: PageStart, *, by_date: bool) -> CommitmentPage:
    """Return the page of the list from `start`: the newest first, or the next date.

    Each filter is counted without its own value, so that it shows the other ones too.
    """
    chosen = select_current(filters)
    edition = chosen.edition
    places, newer, older = chosen.page(start, PAGE_SIZE, by_date=by_date)
    return CommitmentPage(
        _rows(edition, places),
        newer,
        older,
        chosen.count,
        {name: chosen.count_by(name) for name in edition.sets},
        edition.tally(chosen.promises),
        chosen,
    )


def featured_commitment() -> Listed | None:
    """Return the newest commitment with a kept promise and none overdue, or with none overdue.

    The first page shames nobody.
    """
    everything = select_current(PublicFilters())
    edition, states = everything.edition, everything.edition.sets.get("progress", {})
    late = edition.commitments(states.get("overdue", 0))
    kept = edition.commitments(states.get("done", 0) | states.get("already_released", 0))
    on_time = edition.commitments(everything.found) & ~late
    found = _rows(edition, edition.newest_places(on_time & kept) or edition.newest_places(on_time))
    return found[0] if found else None


def _rows(edition: Edition, places: Sequence[int]) -> Sequence[Listed]:
    query = select(*SUMMARY, Submission.published_at.is_(None).label("was_withdrawn"))
    references = [edition.layout.keys[place][1] for place in places]
    found = db.session.execute(query.where(Submission.reference.in_(references), is_public))
    rows = {row.reference: row for row in found}
    return [
        Listed(row, edition.tally(edition.promises_of(place)), row.was_withdrawn)
        for place, reference in zip(places, references, strict=True)
        if (row := rows.get(reference))
    ]


def find_public(reference: str) -> Submission | None:
    """Return a commitment that anyone may read, published or withdrawn."""
    found = find_by_reference(reference)
    return found if found and has_public_page(found) else None


def describe_published(found: Submission) -> dict[str, Any]:
    """Return what the page of a published commitment shows.

    `summary` has the columns of a list, `promised` its promises by group, `tables` the groups
    without a date, and `timeline` what happened since it was first published.
    """
    record = public_record(current_flow(), found.answers)
    summary, promised = _summary(found), promises.describe_promises(found, record)
    corrections = tuple(_corrections(found))
    return {
        "summary": summary,
        "link": record.get(current_flow().roles.link),
        "programs": [
            each.title for each in current_flow().programs if each.when.holds(found.answers)
        ],
        "cards": list(_narrative_cards(record)),
        "promised": promised["promised"],
        "tally": promised["tally"],
        "tables": list(_tables(record)),
        "timeline": make_timeline(
            clock.local(summary.first_published_at), corrections, promised["reported"]
        ),
        "corrected_on": corrections[-1].day if corrections else None,
    }


def _corrections(found: Submission) -> Iterator[Correction]:
    """Yield the changes of public answers since the first publication, the oldest first."""
    first = found.first_published_at or found.published_at
    if found.answers_version == 1 or first is None:
        return
    versions = {each.number: each.answers for each in list_versions(found)}
    for event in list_events(found):
        if event.kind in NEW_VERSION and event.at > first:
            before, after = versions.get(event.version - 1, {}), versions.get(event.version, {})
            if changes := differences(current_flow(), before, after, public_only=True):
                yield Correction(clock.local(event.at), _is_by_organization(event), changes)


def _is_by_organization(event: Event) -> bool:
    """Return True if the organization itself changed its answers, or proposed to."""
    if event.kind == "resubmitted":
        return not event.actor  # of staff who act for it
    return event.data.get("proposed_by") == "organization"


def describe_withdrawn(found: Submission) -> dict[str, Any]:
    """Return what the page of a withdrawn commitment shows: its promises, the day, the reason."""
    record = public_record(current_flow(), found.answers)
    withdrawals = [event for event in list_events(found) if event.kind == "withdrawn"]
    newest = withdrawals[-1] if withdrawals else None
    summary = _summary(found)
    withdrawn_at = clock.local(newest.at if newest else found.changed_at)
    return {
        "summary": summary,
        "withdrawn_on": withdrawn_at.date(),
        "reason": newest.data.get("reason", "") if newest else "",
        "timeline": make_timeline(
            clock.local(summary.first_published_at), withdrawn_at=withdrawn_at
        ),
        "promised": promises.describe_promises(found, record)["promised"],
    }


def _summary(found: Submission) -> SimpleNamespace:
    """Return the columns of a commitment that a list shows."""
    columns = {each.key: getattr(found, each.key) for each in SUMMARY}
    first = found.first_published_at or found.published_at
    return SimpleNamespace(**columns | {"first_published_at": first})


def _answered_groups(record: Mapping[str, Any]) -> list[Group]:
    return [group for group in current_flow().groups if record.get(group.name)]


def _narrative_cards(record: Mapping[str, Any]) -> Iterator[Card]:
    """Yield the answers that are neither beside the story nor in a table, the summary first."""
    flow = current_flow()
    roles, facets = flow.roles, (facet.source for facet in flow.charted)
    beside = {roles.title, roles.party, *roles.place, roles.link, *facets, *_program_fields(flow)}
    for card in sorted(cards(flow, record), key=lambda card: not _tells_summary(card, flow)):
        rows = tuple(row for row in card.rows if row.name not in beside and not row.entries)
        if rows:
            yield replace(card, rows=rows)


def _program_fields(flow: Flow) -> Iterator[str]:
    """Yield the fields that choose among the programs by their names, and say nothing else."""
    names = {program.name for program in flow.programs}
    for program in flow.programs:
        for field, options in program.when.references():
            if options and options <= names:
                yield field


def _tells_summary(card: Card, flow: Flow) -> bool:
    return any(row.name in flow.roles.summary for row in card.rows)


def _tables(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield, by group, a table of the entries without a date, which are no promises."""
    for group in _answered_groups(record):
        entries = [entry for entry in record[group.name] if group.due not in entry]
        shown = [field for field in group.fields if any(field.name in entry for entry in entries)]
        rows = [
            [field.display(entry[field.name]) if field.name in entry else "" for field in shown]
            for entry in entries
        ]
        if rows:
            columns = [field.label for field in shown]
            yield {"title": group.label, "columns": columns, "rows": rows}
