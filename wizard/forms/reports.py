"""The form on which an organization reports on its promises: a flow that is built from them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from .changes import CHECK_AND_SEND
from .choices import Choice, Option
from .conditions import Answered, Answers, Has
from .fields import Date, Field, LongText, Url
from .flow import Flow, Section, Step
from .groups import Group
from .journey import Journey
from .messages import Message, join_messages
from .outputs import Row, entry_label, format_raw_answer
from .promises import OUTCOMES, Promise
from .result_cache import ValidationResult
from .saving import DraftState

REVIEW = "review"
NOTHING_TOLD = Message("Report on at least one of them first.")
TITLE = Message("Progress update")
OUTCOME_LABELS: Mapping[str, Message] = {
    "on_track": Message("On track"),
    "done": Message("Done"),
    "delayed": Message("Delayed"),
    "dropped": Message("Dropped"),
}
"""What an outcome is called, by its code."""
KEPT_OUTCOMES = ("done", "dropped")
"""What can be reported about a promise that is kept."""
HINTS: Mapping[str, Message] = {
    "delayed": Message("It will be done later. Enter a new date."),
    "dropped": Message("It won’t be done. Tell us why."),
}


def outcome_name(entry_id: str) -> str:
    """Return the name of the question how a promise is going."""
    return f"outcome_{entry_id}"


def report_fields(
    entry_id: str,
    kept: str = "",
    due_on: date | None = None,
    outcomes: Collection[str] = OUTCOMES,
) -> tuple[Field, ...]:
    """Return the questions about the promise with that id, which was due on a day.

    `kept` is the word for one kept. Only the `outcomes` are offered, with the questions about them.
    """
    outcome, noun = outcome_name(entry_id), Message("how it’s going")
    labels = {**OUTCOME_LABELS, **({"done": kept} if kept else {})}
    options = tuple(Option(code, labels[code], HINTS.get(code, "")) for code in outcomes)

    def is_one_of(*codes: str) -> Has:
        return Has(outcome, frozenset(codes).intersection(outcomes))

    fields = (
        Choice(outcome, "How is it going?", noun=noun, options=options, public=True),
        Date(f"done_on_{entry_id}", "When was it done?", noun="the date it was done",
             required=True, when=is_one_of("done"), not_future=True, public=True),
        Url(f"url_{entry_id}", "Where can people see it?", noun="where people can see it",
            when=is_one_of("done"), public=True),
        Date(f"new_date_{entry_id}", "When will it be done?", noun="the new date", required=True,
             when=is_one_of("delayed"), after_today=True, later_than=due_on, public=True),
        LongText(f"words_{entry_id}", "In a few words", noun="why it is delayed or dropped",
                 hint="If it is delayed or dropped, say why. If what you promised is public, "
                 "anyone can read this once it’s approved.",
                 required=is_one_of("delayed", "dropped"), when=Answered(outcome),
                 max_length=500, public=True),
    )  # fmt: skip
    return tuple(each for each in fields if each.when != is_one_of())


def promise_title(group: Group, promise: Promise) -> Message:
    """Return the title of a promise: its number from 1, and its own title if it has one."""
    return entry_title(group, promise.place, promise.title)


def entry_title(group: Group, place: int | None, title: str) -> Message:
    """Return the title of an entry: its number from 1 if it has a place, and its own title."""
    label = group.entry if place is None else entry_label(group, place + 1)
    return join_messages(": ", [label, *([title] if title else [])])


def topic_row(group: Group, promise: Promise) -> Row | None:
    """Return the topic of a promise as people read it, if its group asks for one."""
    field = next((each for each in group.fields if each.name == group.topic), None)
    return Row(field.name, field.label, field.display(promise.topic)) if field else None


def build_flow(groups: Sequence[Group], promises: Sequence[Promise]) -> Flow:
    """Return the form about some promises, with a step for each, named by its entry's id."""
    by_name = {group.name: group for group in groups}
    steps = []
    for promise in promises:
        group = by_name[promise.group]
        title = promise_title(group, promise)
        outcomes = KEPT_OUTCOMES if promise.is_kept else OUTCOMES
        fields = report_fields(promise.entry_id, group.kept, promise.due_on, outcomes)
        steps.append(Step(promise.entry_id, title, fields, short=title))
    review = Step(REVIEW, CHECK_AND_SEND, (), short=CHECK_AND_SEND)
    return Flow("report", 1, (Section(TITLE, tuple(steps)),), review)


class ReportJourney(Journey):
    """A journey through a report, of which any part may be filled in, in any order.

    A step without an answer counts as complete. It can be sent once one has an answer.
    """

    def __init__(
        self, flow: Flow, answers: Answers, posted: Collection[str] = (), *, today: date
    ) -> None:
        super().__init__(flow, answers, posted, today=today)
        is_blank = {name: state.result.is_blank for name, state in self.steps.items()}
        for name, state in self.steps.items():
            if is_blank[name] and name != REVIEW:
                self.steps[name] = replace(state, is_posted=True)
        if all(is_blank.values()):
            review = self.steps[REVIEW].result
            review.errors["report"] = NOTHING_TOLD
            review.missing.add("report")

    def _validate_fields(
        self, fields: tuple[Field, ...], raw: Answers, earlier: Answers, prefix: str = ""
    ) -> ValidationResult:
        """Return the result; nothing is remembered of questions that are made for a request."""
        return self._find_result(fields, raw, earlier, prefix)

    @property
    def is_path_known(self) -> bool:
        return True

    @property
    def reachable(self) -> Collection[str]:
        """Return the names of all steps."""
        return self.steps.keys()

    @property
    def next_step(self) -> str:
        """Return the review, which lists all promises and says which are not complete."""
        return REVIEW

    def is_done(self, name: str) -> bool:
        """Return True if something is reported about a promise, and complete."""
        return self.steps[name].complete and not self.steps[name].result.is_blank

    def previous_step(self, name: str) -> str | None:
        """Return the review, which lists all promises, for each other step."""
        return None if name == REVIEW else REVIEW


@dataclass(frozen=True, slots=True)
class ReportState(DraftState):
    """The stored state of a report."""

    def walk(
        self, flow: Flow, answers: Answers, posted: Collection[str], today: date
    ) -> ReportJourney:
        return ReportJourney(flow, answers, posted, today=today)


def typed_rows(fields: Sequence[Field], answers: Answers, today: date) -> list[Row]:
    """Return what is filled in about a promise as people read it, valid or not."""
    given = {name: raw for name, raw in answers.items() if not fields[0].is_blank(raw)}
    if not isinstance(given.get(fields[0].name), str):
        return []
    asked = [each for each in fields if each.when is None or each.when.holds(given)]
    texts = [(each, format_raw_answer(each, given.get(each.name), today)) for each in asked]
    return [Row(each.name, each.label, text) for each, text in texts if text]


def read_report(promise: Promise, answers: Answers) -> dict[str, Any]:
    """Return what clean answers report about a promise, as columns; empty for no outcome."""
    given = {
        name: answers.get(f"{name}_{promise.entry_id}")
        for name in ("outcome", "done_on", "new_date", "url", "words")
    }
    if not given["outcome"]:
        return {}
    day = given["done_on"] or given["new_date"]
    return {
        "entry_id": promise.entry_id,
        "outcome": given["outcome"],
        "promised_on": promise.due_on,
        "day": date.fromisoformat(day) if day else None,
        "url": given["url"] or "",
        "words": given["words"] or "",
    }
