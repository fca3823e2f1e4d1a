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
class Reported:
    """An approved update, with the title of its promise and the word for its outcome."""

    title: str
    label: Message | str
    update: Update


@dataclass(frozen=True, slots=True)
class Stop:
    """What happened on a day: `kind` is published, corrected, reported or withdrawn.

    All updates of a day are one stop.
    """

    kind: str
    day: date
    correction: Correction | None = None
    updates: tuple[Reported, ...] = ()


def make_timeline(
    published_on: date,
    corrections: Iterable[Correction] = (),
    reported: Iterable[Reported] = (),
    withdrawn_on: date | None = None,
) -> list[Stop]:
    """Return what happened, the newest first; corrections and updates are given oldest first."""
    stops = [Stop("published", published_on)]
    stops += [Stop("corrected", each.day, correction=each) for each in corrections]
    by_day = groupby(reported, lambda each: each.update.reported_on)
    stops += [Stop("reported", day, updates=tuple(updates)) for day, updates in by_day]
    if withdrawn_on:
        stops.append(Stop("withdrawn", withdrawn_on))
    return sorted(stops, key=lambda stop: stop.day)[::-1]
