"""Forms that are open for answers: a draft, changes to a submission, or a report on it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from flask import url_for
from sqlalchemy import inspect

from .. import clock
from ..accounts.audit import Actor
from ..db.engine import db
from ..db.models import Draft, Proposal, Submission
from ..db.promises import ReportDraft
from ..forms.changes import ChangeJourney, ChangeState, completed_steps
from ..forms.conditions import Answers
from ..forms.differences import StepDifference, differences
from ..forms.flow import Flow
from ..forms.journey import Journey
from ..forms.outputs import Row
from ..forms.promises import promised_groups
from ..forms.reports import (
    ReportJourney,
    ReportState,
    build_flow,
    outcome_name,
    report_fields,
    typed_rows,
)
from ..forms.saving import DraftState
from ..submissions import proposals, reports
from ..web import links
from ..web.current import current_flow
from . import drafts, submit


class OpenForm(ABC):
    """What a browser fills in: the stored answers, and where the pages of the form are."""

    ENDPOINTS: ClassVar[Mapping[str, str]]
    """The addresses by what they are for: a `step`, `autosave`, to `pause`, `exit` or `end`."""
    STEP_PAGE: ClassVar[str] = "apply/step.html"
    REVIEW_PAGE: ClassVar[str] = "apply/review.html"
    stored: Draft | Proposal | ReportDraft
    submission: Submission | None
    """What is changed; None for a draft."""

    @property
    def flow(self) -> Flow:
        """Return what is filled in."""
        return current_flow()

    @property
    def notes(self) -> Mapping[str, str]:
        """Return what staff wrote about steps and questions, by name."""
        return {}

    @property
    @abstractmethod
    def key(self) -> dict[str, Any]:
        """Return what the addresses of the form have in common."""

    def url(self, page: str, **values: Any) -> str:
        """Return the address of a page."""
        return url_for(self.ENDPOINTS[page], **self.key, **values)

    @property
    def answers(self) -> Answers:
        """Return the answers as typed, valid or not."""
        return self.stored.answers

    @abstractmethod
    def build_journey(self, answers: Answers) -> Journey:
        """Return the journey of some answers, with the completed steps of this form."""

    def differences(self, journey: Journey) -> tuple[StepDifference, ...]:
        """Return what a journey changes of what was submitted."""
        return ()

    @abstractmethod
    def read_state(self) -> DraftState:
        """Return the state that decides about a save."""

    def store(self, state: DraftState) -> bool:
        """Store the state after a save; return False if the answers are too long."""
        return drafts.store_answers(self.stored, state)

    @abstractmethod
    def submit(self, journey: Journey) -> None:
        """Submit a complete journey."""

    @abstractmethod
    def page_token(self) -> str:
        """Return a token with which a page can be posted after the session has ended."""


@dataclass(frozen=True)
class OpenDraft(OpenForm):
    """A draft to be filled in."""

    stored: Draft
    submission: None = None
    ENDPOINTS = {
        "step": "apply.step",
        "autosave": "apply.autosave",
        "pause": "resume.save_link",
        "exit": "apply.ineligible",
        "end": "apply.receipt",
    }

    @property
    def key(self) -> dict[str, Any]:
        return {"draft_id": self.stored.id}

    def build_journey(self, answers: Answers) -> Journey:
        return drafts.build_journey(answers, self.stored.completed_steps)

    def read_state(self) -> DraftState:
        return drafts.state_of(self.stored)

    def submit(self, journey: Journey) -> None:
        submit.submit_draft(self.stored, journey)

    def page_token(self) -> str:
        return links.draft_token(self.stored.id, self.stored.link_version, "page")


@dataclass(frozen=True)
class OpenChanges(OpenForm):
    """Changes to a submission, to be filled in by an actor."""

    submission: Submission
    stored: Proposal
    actor: Actor
    ENDPOINTS = {
        "step": "changes.step",
        "autosave": "changes.autosave",
        "pause": "changes.overview",
        "exit": "changes.ineligible",
        "end": "followup.yours",
    }

    @property
    def key(self) -> dict[str, Any]:
        return {"reference": self.submission.reference}

    @property
    def notes(self) -> Mapping[str, str]:
        return proposals.find_opened(self.submission, self.stored)

    @property
    def is_requested(self) -> bool:
        """Return True while staff wait for these changes."""
        return proposals.is_requested(self.submission, self.stored)

    @cached_property
    def answers(self) -> Answers:
        return _without_review(proposals.newest_answers(self.submission, self.stored))

    @cached_property
    def completed_steps(self) -> tuple[str, ...]:
        """Return the completed steps; what is not asked any more needs no visit."""
        steps = self.stored.completed_steps
        if self.is_requested or not self.stored.opened:
            return tuple(steps)
        submitted = proposals.build_journey(self.submission, (), self.submission.answers)
        return tuple(dict.fromkeys([*steps, *completed_steps(submitted, ())]))

    def build_journey(self, answers: Answers) -> ChangeJourney:
        return proposals.build_journey(self.submission, self.notes, answers, self.completed_steps)

    def differences(self, journey: Journey) -> tuple[StepDifference, ...]:
        before, after = map(_without_review, (self.submission.answers, journey.answers))
        return differences(current_flow(), before, after)

    def read_state(self) -> ChangeState:
        return ChangeState(
            journey=self.build_journey(self.answers),
            answers=self.answers,
            completed_steps=self.completed_steps,
            saves=drafts.read_saves(self.stored),
        )

    def store(self, state: DraftState) -> bool:
        if is_stored := super().store(state):
            self.stored.base_version = self.submission.answers_version
        return is_stored

    def submit(self, journey: Journey) -> None:
        proposals.send(self.submission, self.stored, journey, self.actor)

    def page_token(self) -> str:
        return links.page_token(self.submission.reference, self.submission.link_version)


@dataclass(frozen=True)
class OpenReport(OpenForm):
    """A progress report about a submission, to be filled in by an actor."""

    submission: Submission
    stored: ReportDraft
    promises: list[reports.ReportedPromise]
    actor: Actor
    ENDPOINTS = {
        "step": "report.step",
        "autosave": "report.autosave",
        "pause": "followup.yours",
        "end": "followup.yours",
    }
    STEP_PAGE = "apply/report_step.html"
    REVIEW_PAGE = "apply/report.html"

    @property
    def key(self) -> dict[str, Any]:
        return {"reference": self.submission.reference}

    @property
    def is_stored(self) -> bool:
        """Return True if something was filled in since the last report was sent."""
        return not inspect(self.stored).transient

    @cached_property
    def flow(self) -> Flow:
        promises = [each.promise for each in self.promises if each.is_open]
        return build_flow(promised_groups(current_flow()), promises)

    def build_journey(self, answers: Answers) -> ReportJourney:
        steps = self.stored.completed_steps
        return ReportJourney(self.flow, answers, steps, today=clock.today())

    def read_state(self) -> ReportState:
        return ReportState(
            answers=self.stored.answers,
            completed_steps=tuple(self.stored.completed_steps),
            saves=drafts.read_saves(self.stored),
        )

    def store(self, state: DraftState) -> bool:
        saves = self.stored.saves
        if is_stored := super().store(state):
            days = {each.promise.entry_id: each.promise.due_on for each in self.promises}
            checked = {
                name: day.isoformat()
                for name, day in days.items()
                if self.stored.saves.get(name) != saves.get(name)
            }
            self.stored.promised = {**self.stored.promised, **checked}
            db.session.add(self.stored)
        return is_stored

    def submit(self, journey: Journey) -> None:
        promises = [each for each in self.promises if each.is_open]
        reports.send(self.submission, self.stored, promises, journey, self.actor)

    def page_token(self) -> str:
        return links.page_token(self.submission.reference, self.submission.link_version)

    def find_promise(self, name: str) -> reports.ReportedPromise:
        """Return the promise of a step."""
        return next(each for each in self.promises if each.promise.entry_id == name)

    def typed_rows(self, reported: reports.ReportedPromise) -> list[Row]:
        """Return what is filled in about a promise."""
        return self._typed_rows(reported.promise.entry_id)

    def _typed_rows(self, name: str) -> list[Row]:
        step = self.flow.steps.get(name)
        fields = step.fields if step else report_fields(name)
        return typed_rows(fields, self.answers, clock.today())

    def lost_rows(self) -> list[Row]:
        """Return what is filled in about promises that are gone without a trace."""
        known = {each.promise.entry_id for each in self.promises}
        prefix = outcome_name("")
        ids = [name.removeprefix(prefix) for name in self.answers if name.startswith(prefix)]
        return [row for each in ids if each not in known for row in self._typed_rows(each)]

    def is_moved(self, reported: reports.ReportedPromise) -> bool:
        """Return True if the date of a promise changed after the report on it was filled in."""
        entry_id = reported.promise.entry_id
        then = self.stored.promised.get(entry_id)
        is_filled_in = bool(self.stored.answers.get(outcome_name(entry_id)))
        return is_filled_in and then not in (None, reported.promise.due_on.isoformat())


def _without_review(answers: Answers) -> Answers:
    """Return the answers without those of the review, which are given anew each time."""
    own = {field.name for field in current_flow().review.fields}
    return {name: value for name, value in answers.items() if name not in own}
