"""Tests of the edition: what is public, kept in memory and brought up to date."""

from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

import pytest
from sqlalchemy import select

from tests.conftest import load_case
from tests.factories import add_published
from tests.integration.public.conftest import OFFICE, update_columns
from tests.integration.public.test_promise_data import report
from tests.integration.public.test_views import replace_answers
from wizard import clock
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.public import edition
from wizard.public.edition import Edition, build_edition, current_edition
from wizard.staff import cases, erasure
from wizard.submissions.cases import find_by_reference

START = datetime(2027, 3, 15, 18, tzinfo=UTC)
ENTRIES = load_case("partner")["milestones"]
STATUS_CHANGES = {
    "published": ("accepted", "withdrawn"),
    "accepted": ("published", "withdrawn"),
    "withdrawn": ("in_review",),
    "in_review": ("accepted",),
}


def contents(found: Edition) -> dict:
    """Return an edition by its commitments: the codes of each promise, in any order, and dates."""
    layout = found.layout
    codes = [
        (name, code, f"{bits:0{layout.size}b}")
        for sets in (found.sets, found.topics)
        for name, by_code in sets.items()
        for code, bits in by_code.items()
    ]

    def codes_at(place: int) -> list[tuple[str, str]]:
        return sorted((name, code) for name, code, bits in codes if bits[place] == "1")

    return {
        entry: (
            bin(layout.heads >> (layout.size - end)).count("1"),
            codes_at(start),
            sorted(map(codes_at, range(start + 1, end))),
            {state: dates[entry[1]] for state, dates in found.dates.items() if entry[1] in dates},
        )
        for entry, (start, end) in zip(layout.entries, layout.spans, strict=True)
    } | {"empty": [code for *code, bits in codes if "1" not in bits]}


def look(app, *, anew: int = 0) -> Edition:
    """Return the current edition, after comparing it with one that is built anew.

    `anew` is how often it is to be built anew for itself.
    """
    with app.app_context(), patch.object(edition, "build_edition", wraps=build_edition) as build:
        found = current_edition()
        assert build.call_count == anew
        assert contents(found) == contents(build_edition(found.seen))
    return found


def change_status(app, reference: str, to: str) -> None:
    with app.app_context():
        version = db.session.scalar(
            select(Submission.lock_version).where(Submission.reference == reference)
        )
        db.session.rollback()
        cases.decide(reference, to, version, OFFICE, reason="A reason.")


class Office:
    """Makes changes at random, from either of two processes."""

    def __init__(self, random: Random, *apps) -> None:
        self.random, self.apps = random, apps
        self.references: list[str] = []

    def change(self) -> None:
        """Make one change."""
        app = self.random.choice(self.apps)
        acts = [self.publish, self.decide, self.decide, self.correct, self.correct, self.report]
        act = self.random.choice(
            [*acts, self.erase] if len(self.references) > 4 else [self.publish]
        )
        act(app)

    def publish(self, app) -> None:
        entries = self.random.sample(ENTRIES * 3, self.random.randint(1, 4))
        day = clock.now().date() + timedelta(days=self.random.randint(-3, 40))
        entries = [{**entry, "due": day.isoformat()} for entry in entries]
        case = self.random.choice(("partner", "agency"))
        given = {"milestones": entries} if case == "partner" else {}
        self.references.append(add_published(app, case, at=clock.now(), **given))
        update_columns(app, self.references[-1], changed_at=clock.now())

    def one(self, app, *statuses: str) -> tuple[str, str] | None:
        """Return one of the commitments in some statuses, with its status."""
        of_them = Submission.reference.in_(self.references), Submission.status.in_(statuses)
        with app.app_context():
            query = select(Submission.reference, Submission.status).where(*of_them)
            found = db.session.execute(query.order_by(Submission.id)).all()
        return tuple(self.random.choice(found)) if found else None

    def decide(self, app) -> None:
        reference, status = self.one(app, *STATUS_CHANGES)
        change_status(app, reference, self.random.choice(STATUS_CHANGES[status]))

    def correct(self, app) -> None:
        if found := self.one(app, "published", "accepted"):
            with app.app_context():
                answers = find_by_reference(found[0]).answers
            given = {"state": self.random.choice(("TX", "CA", "WA"))}
            if entries := answers.get("milestones"):
                given["milestones"] = entries[: self.random.randint(1, len(entries))]
            replace_answers(app, found[0], "corrected", OFFICE, **given)

    def report(self, app) -> None:
        if found := self.one(app, "published"):
            outcome = self.random.choice(("done", "dropped", "on_track"))
            report(app, found[0], 0, outcome)

    def erase(self, app) -> None:
        reference = self.random.choice(self.references)
        self.references.remove(reference)
        with app.app_context():
            erasure.erase(reference, OFFICE)


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_edition_after_changes_is_as_one_built_anew(make_app, monkeypatch, seed):
    ours, random = make_app(), Random(seed)
    office = Office(random, ours, make_app())
    passed = timedelta(0)

    def now() -> datetime:
        nonlocal passed
        passed += timedelta(milliseconds=1)
        return START + passed

    monkeypatch.setattr(clock, "now", now)
    for _ in range(8):
        office.change()
    look(ours, anew=1)
    for _ in range(12):
        for _ in range(random.randint(0, 4)):
            office.change()
        passed += timedelta(seconds=random.choice((1, 600, 86_400, 40 * 86_400)))
        look(ours)
