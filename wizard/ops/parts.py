"""The page of parts: every macro of the templates in every state, for whoever changes the look.

What it shows is made up, from the declarations of the flow, of states and of events. It reads no
database, and its days are fixed: pictures of it are compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ..accounts.permissions import bp
from ..accounts.second_factor import Setup
from ..apply.binding import Display, Question, build_questions
from ..db.models import STATUSES, Event, Submission
from ..db.promises import Progress
from ..forms.conditions import Answers
from ..forms.differences import differences
from ..forms.fields import Field
from ..forms.flow import Flow
from ..forms.groups import Group
from ..forms.journey import Journey
from ..forms.outputs import Row, cards
from ..forms.promises import (
    LINE_ORDER,
    STATES,
    Promise,
    Tally,
    Update,
    days_late,
    public_groups,
    tally,
)
from ..forms.saving import removed_key
from ..public.commitments import Listed
from ..public.progress import BY_MONTH, BY_TOPIC, Chart, describe_month
from ..public.progress import STATUSES as PUBLIC_STATUSES
from ..public.promises import ShownPromise
from ..staff.decisions import Checkboxes, Decision
from ..staff.figures import PRESETS, Figures, Period
from ..submissions import events, filters, hits, reports
from ..web import charts
from ..web.current import current_flow
from ..web.htmx import render_page

SECTIONS = {
    "texts": "Texts, buttons and notices",
    "fields": "Fields",
    "groups": "Groups",
    "journey": "Steps and answers",
    "promises": "Promises",
    "charts": "Charts",
    "lists": "Lists and filters",
    "staff": "The staff side",
}
"""The sections of the page by the name of their template in `staff/parts/`."""
TODAY = date(2027, 3, 15)
NOW = datetime(2027, 3, 15, 16, 30, tzinfo=UTC)
REFERENCE = "PDI-7K3M-Q2XA"
PARTY = "Riverton Police Department"
TITLE = "Stops, searches and complaints, released every month"
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter"
VALUES = {
    "Text": PARTY,
    "LongText": "We publish each data set on the city portal.\nResidents say what to add.",
    "Email": "records@riverton.example.gov",
    "Phone": "(407) 555-0142",
    "Url": "https://data.riverton.example.gov/stops",
    "Date": "2090-06-30",
    "Confirm": "yes",
}
"""An answer by the class of its field; those with options have their own. The date is to come."""


@bp.get("/parts", endpoint="parts", role="admin")
def parts_page() -> Response:
    """Show every part of a page in every state."""
    flow = current_flow()
    return render_page(
        "staff/parts.html",
        sections=SECTIONS,
        reference=REFERENCE,
        party=PARTY,
        title=TITLE,
        long_word=LONG_WORD,
        **_questions(flow),
        **_journeys(flow),
        **_promises(flow),
        **_charts(flow),
        **_lists(flow),
        **_staff_side(),
    )


def _answer(field: Field) -> Any:
    """Return a valid answer to a question."""
    if isinstance(field, Group):
        return [{each.name: _answer(each) for each in field.fields} for _ in range(2)]
    if options := getattr(field, "options", ()):
        chosen = [option.code for option in options[:2]]
        return chosen if type(field).__name__ == "Choices" else chosen[0]
    return VALUES[type(field).__name__]


def _ask(field: Field, state: str, value: Any = None, **shown: Any) -> Question:
    """Return a question as a page draws it; `state` keeps the ids of several apart."""
    path = f"{state}-{field.name}"
    marks = {name: {path: text} for name, text in shown.items()}
    display = Display({path}, set(), marks.get("errors", {}), notes=marks.get("notes", {}))
    (question,) = build_questions((field,), {field.name: value}, display, f"{state}-")
    return question


def _questions(flow: Flow) -> dict[str, Any]:
    """Return a question of each type that the flow has, blank, answered and refused; and groups."""
    kinds: dict[str, Field] = {}
    for group in flow.groups:
        kinds |= {type(field).__name__: field for field in reversed(group.fields)}
    kinds |= {type(field).__name__: field for field in reversed([*flow.fields.values()])}
    kinds.pop("Group", None)
    plain = [replace(field, when=None) for _, field in sorted(kinds.items())]
    email = next((field for field in plain if type(field).__name__ == "Email"), plain[0])
    return {
        "questions": [
            [
                _ask(field, "blank"),
                _ask(field, "given", _answer(field), notes="Please use the name of your charter."),
                _ask(field, "refused", errors=field.missing()),
            ]
            for field in plain
        ],
        "mistyped": _ask(email, "mistyped", "maria@gmial.com"),
        "groups": list(_groups(flow)),
    }


def _groups(flow: Flow) -> Iterator[Question]:
    """Yield a group with two entries, then one with an error, a removed entry and no room."""
    for group in flow.groups[:1]:
        entries = _answer(group)
        answers = {group.name: entries, removed_key(group): (1, entries[0])}
        path = f"{group.name}-1"
        display = Display({each.name for each in group.fields}, set(), {})
        yield build_questions((group,), answers, display)[0]
        full = replace(group, name=f"full_{group.name}", max_entries=2)
        display = replace(display, errors={f"full_{path}": "Enter this only once."})
        yield build_questions((full,), {full.name: entries}, display)[0]


def _journeys(flow: Flow) -> dict[str, Any]:
    """Return a journey that only began and one near its end, its answers and what changed."""
    answers: Answers = {name: _answer(field) for name, field in flow.fields.items()}
    journey = Journey(flow, answers, list(flow.steps)[:-2], today=TODAY)
    changed = dict(answers)
    for name, field in flow.fields.items():
        if type(field).__name__ == "LongText":
            changed[name] = VALUES["LongText"].replace("each data set", "every file")
        if isinstance(field, Group):
            changed[name] = [answers[name][0] | {field.title or "title": LONG_WORD}]
    shown = cards(flow, journey.answers)
    return {
        "begun": Journey(flow, {}, today=TODAY).list_steps(flow.first.name),
        "steps": journey.list_steps(list(journey.steps)[-2]),
        "cards": shown,
        "cards_with_entries": [
            card for card in shown if any(len(row.entries) for row in card.rows)
        ],
        "changes": differences(flow, journey.answers, Journey(flow, changed, today=TODAY).answers),
        "form": SimpleNamespace(url=lambda *_, **__: url_for("staff.parts")),
    }


PROMISES: Mapping[str, Mapping[str, Any]] = {
    "dropped": {"dropped_on": date(2027, 3, 1), "words": "The vendor ended its service."},
    "done": {"due_on": date(2027, 2, 1), "done_on": date(2027, 2, 3), "url": VALUES["Url"],
             "words": "All files since 2019.", "reported_on": date(2027, 2, 4)},
    "already_released": {"due_on": date(2026, 12, 1)},
    "overdue": {"due_on": date(2027, 3, 1)},
    "delayed": {"due_on": date(2027, 9, 30), "words": "Still on track.",
                "reported_on": date(2027, 3, 10)},
    "due_soon": {"due_on": date(2027, 4, 1), "title": LONG_WORD},
    "due_later": {"title": "بيانات الشكاوى"},
}  # fmt: skip
"""What is special about a promise in each state."""
DELAYS = {"delayed": Update("", "delayed", date(2027, 2, 1), words="The new system is late.")}
"""The report that led to the date of a promise, by its state."""


def make_promise(state: str) -> Promise:
    """Return a made-up promise that is in a state on `TODAY`."""
    made = Promise(state, "", "", date(2027, 6, 30), date(2027, 6, 30), date(2027, 1, 4))
    special = {"title": f"Traffic stops: {state.replace('_', ' ')}", **PROMISES[state]}
    promise = replace(made, **special)
    return promise if state == "delayed" else replace(promise, first_due_on=promise.due_on)


def _promises(flow: Flow) -> dict[str, Any]:
    """Return a promise in each state, commitments with every mix of them, and their reports."""
    answers = [("File format", "CSV"), ("Link", VALUES["Url"])]
    shown = [
        ShownPromise(
            each,
            each.title,
            code,
            state.label,
            days_late(each, TODAY),
            each.url,
            answers,
            DELAYS.get(code),
        )
        for code, state in STATES.items()
        for each in [make_promise(code)]
    ]
    sums = _tallies(flow)
    reported = {"entry_id": "1", "reported_at": NOW, "day": TODAY, "words": "We wait for a judge."}
    approved = Progress(**reported, outcome="done", url=VALUES["Url"])
    approved.reply = "Thank you."
    waiting = Progress(**reported, outcome="delayed", url="")
    refused = Progress(**reported, outcome="dropped", url="")
    refused.reply = "Please say more."
    event_data = {
        "declined": {"reason": "See our note."},
        "progress_approved": {"approved": ["2"], "declined": ["1"]},
    }
    return {
        "states": STATES,
        "promises": shown,
        "sums": sums,
        "by_group": [(group, sums[0]) for group in public_groups(flow)],
        "listed": [
            Listed(_summary(title), sums[0], was_withdrawn)  # type: ignore[arg-type]
            for title, was_withdrawn in ((TITLE, False), (LONG_WORD, False), ("", True))
        ],
        "reported": reports.ReportedPromise(
            make_promise("delayed"),
            TITLE,
            Row("topic", "Topic", "Arrests"),
            approved,
            waiting,
            refused,
        ),
        "events": [
            Event(kind=kind, at=NOW, actor_kind="staff", actor="", version=1,
                  data=event_data.get(kind, {}))
            for kind in events.KINDS
        ],
        "refused": {"1": TITLE},
    }  # fmt: skip


def _summary(title: str) -> SimpleNamespace:
    """Return a commitment as lists have it."""
    facets = dict.fromkeys(("facet_1", "facet_2", "facet_3", "facet_4"), "")
    return SimpleNamespace(
        reference=REFERENCE, title=title, party=PARTY, place="Riverton", language="en",
        first_published_at=NOW, **facets,
    )  # fmt: skip


def _tallies(flow: Flow) -> list[Tally]:
    """Return promises in all states, and in each state alone."""
    groups = public_groups(flow)
    everything = {state: number for number, state in enumerate(LINE_ORDER, 1)}
    return [tally(groups, counts) for counts in (everything, *({each: 2} for each in LINE_ORDER))]


def _charts(flow: Flow) -> dict[str, Any]:
    """Return each chart with numbers and without, and a map in which every level occurs."""
    codes = [code for line in charts.US_TILE_GRID for code in line.split() if code != ".."]
    mapped = flow.mapped.name if flow.mapped else ""
    names = filters.filter_options(flow).get(mapped) or {code: code for code in codes}
    counts = {code: number**2 for number, code in enumerate(codes) if number % 3}
    months = [f"2027-{number:02}" for number in range(1, 13)]
    sums = _tallies(flow)
    rows = [(month, describe_month(month), sums[at % len(sums)]) for at, month in enumerate(months)]
    numbers = [(month, at * 130) for at, month in enumerate(months)]
    return {
        "map": charts.make_tile_map(counts, names),
        "empty_map": charts.make_tile_map({}, names),
        "facet": {"name": mapped or "q", "chart": "By state"},
        "bars_of": charts.make_bars(numbers[:4]),
        "columns_of": charts.make_bars(numbers),
        "no_bars": charts.make_bars([]),
        "by_month": Chart("due", *BY_MONTH, charts.make_shares(rows)),
        "by_topic": Chart("topic", BY_TOPIC, "Topic", charts.make_shares(rows[:4])),
        "by_place": Chart("place", BY_TOPIC, "State", charts.make_shares(rows[:2])),
    }


def _lists(flow: Flow) -> dict[str, Any]:
    """Return filters, hits and the rows of a list with every status."""
    labels = filters.filter_options(flow) | {
        "progress": {code: state.label for code, state in STATES.items()},
        "due": {"2027-03": describe_month("2027-03")},
        "status": PUBLIC_STATUSES,
    }
    return {
        "labels": labels,
        "counts": {name: {code: 1234 for code in each} for name, each in labels.items()},
        "chosen": filters.PublicFilters(q="stops"),
        "nothing_chosen": filters.PublicFilters(),
        "found": hits.Hit("Title", [("Traffic ", False), ("stops", True), (" of 2026", False)]),
        "pages": SimpleNamespace(newer="1", older="2"),
        "cases": [_case(*each) for each in enumerate((*STATUSES, "of a newer version", "erased"))],
    }


def _case(number: int, status: str) -> Submission:
    """Return a case that is not stored; one whose answers were erased has no status."""
    return Submission(
        reference=f"PDI-7K3M-000{number}", status=status, party=PARTY, title=TITLE,
        erased_at=NOW if status == "erased" else None,
    )  # fmt: skip


def _staff_side() -> dict[str, Any]:
    """Return what only staff see: figures, decisions in each state, secrets that open nothing."""
    told = Decision(
        "accepted",
        "accepted",
        "Accept",
        "staff.decide",
        subject=f"We accepted it ({REFERENCE})",
        paragraph="Good news.",
    )
    refusal = replace(told, kind="declined", verb="Decline", reason="required")
    checkboxes = Checkboxes("approve", "Approve", {"1": TITLE, "2": LONG_WORD}, checked=True)
    report = replace(
        told, key="report", kind="progress_approved", reason="optional", checkboxes=checkboxes
    )
    return {
        "decisions": [
            told,
            replace(refusal, key="folded"),
            replace(refusal, key="refused"),
            report,
        ],
        "unsaved": MultiDict({"words-refused": "", "reason-refused": ""}),
        "errors": {"reason-refused": "Enter the reason. The organization will read it."},
        "figures": Figures(3, 1200, 0, 12),
        "period": Period(date(2027, 3, 1), TODAY, "month"),
        "presets": PRESETS,
        "happened": [("Submitted", 1234, 980), ("Accepted", 3, 0), ("Declined", 0, 0)],
        "last_week": TODAY - timedelta(days=7),
        "setup": Setup("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", ["oak-3-river", "elm-8-stone"], ""),
        "actors": [
            Event(actor_kind=kind, actor=actor)
            for kind, actor in (("staff", "ada@example.gov"), ("organization", ""), ("program", ""))
        ],
    }  # fmt: skip
