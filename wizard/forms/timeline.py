"""The timeline of a public commitment: what happened to it, as one list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from .differences import StepDifference
from .messages import Message
from .promises import Update


@dataclass(frozen=True, slots=True)
class Correction:
    """What changed for the public on a day, and whether the organization changed it."""

    day: date
    by_organization: bool
    changes: tuple[StepDifference, ...]


@dataclass(frozen=True, slots=True)
class ReportedUpdate:
    """An approved update, with the title of its promise and the word for its outcome."""

    title: str
    label: Message | str
    update: Update


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """What happened on a day: `kind` is published, corrected, reported or withdrawn.

    All updates of a day are one entry.
    """

    kind: str
    day: date
    correction: Correction | None = None
    updates: tuple[ReportedUpdate, ...] = ()


def make_timeline(
    published_on: date,
    corrections: Iterable[Correction] = (),
    reported: Iterable[ReportedUpdate] = (),
    withdrawn_on: date | None = None,
) -> list[TimelineEntry]:
    """Return what happened, the newest first; corrections and updates are given oldest first."""
    entries = [TimelineEntry("published", published_on)]
    entries += [TimelineEntry("corrected", each.day, correction=each) for each in corrections]
    by_day = groupby(reported, lambda each: each.update.reported_on)
    entries += [TimelineEntry("reported", day, updates=tuple(updates)) for day, updates in by_day]
    if withdrawn_on:
        entries.append(TimelineEntry("withdrawn", withdrawn_on))
    return sorted(entries, key=lambda entry: entry.day)[::-1]
