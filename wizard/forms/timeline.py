"""The timeline of a public commitment: what happened to it, as one list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from .differences import StepDifference
from .messages import Message
from .promises import Update


@dataclass(frozen=True, slots=True)
class Correction:
    """What changed for the public at a time, and whether the organization changed it."""

    at: datetime
    by_organization: bool
    changes: tuple[StepDifference, ...]

    @property
    def day(self) -> date:
        return self.at.date()


@dataclass(frozen=True, slots=True)
class ReportedUpdate:
    """An approved update and when it was reported, with the word for its outcome, and the title and
    the topic of its promise; the latter is empty if nobody may read it."""

    at: datetime
    title: str
    label: Message | str
    update: Update
    topic: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """What happened at a time: `kind` is published, corrected, reported or withdrawn.

    All updates of a day are one entry, at the time of the last one.
    """

    kind: str
    at: datetime
    correction: Correction | None = None
    updates: tuple[ReportedUpdate, ...] = ()

    @property
    def day(self) -> date:
        return self.at.date()


def make_timeline(
    published_at: datetime,
    corrections: Iterable[Correction] = (),
    reported: Iterable[ReportedUpdate] = (),
    withdrawn_at: datetime | None = None,
) -> list[TimelineEntry]:
    """Return what happened, the newest first; corrections and updates are given oldest first.

    Times are in the program's time zone, which tells the days.
    """
    entries = [TimelineEntry("published", published_at)]
    entries += [TimelineEntry("corrected", each.at, correction=each) for each in corrections]
    days = [tuple(updates) for _, updates in groupby(reported, lambda each: each.at.date())]
    entries += [TimelineEntry("reported", each[-1].at, updates=each) for each in days]
    if withdrawn_at:
        entries.append(TimelineEntry("withdrawn", withdrawn_at))
    return sorted(entries, key=lambda entry: entry.at)[::-1]
