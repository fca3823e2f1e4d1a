"""Asking the organization for changes: what can be asked for, and what staff typed about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from .. import clock
from ..accounts.audit import Actor
from ..db.engine import reading
from ..db.models import Proposal, Submission
from ..forms.fields import Field
from ..forms.flow import Step
from ..forms.groups import Group
from ..forms.outputs import Row, cards
from ..forms.text import Invalid
from ..submissions import cases, proposals
from ..submissions.cases import CaseErased, CaseNotFound, locked_case
from ..submissions.messages import Mail
from ..web.current import current_flow
from .decisions import Decision, InvalidDecision, make_decision, parse_decision

KEY = "changes"


@dataclass(frozen=True, slots=True)
class Askable:
    """A question of the submission, with its answer, or a whole step."""

    name: str
    label: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class AskableStep:
    """A step of the submission: itself, unless it is one question, and its questions."""

    step: Step
    parts: tuple[Askable, ...]


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """What the page shows: `proposal` is what the organization is changing already."""

    submission: Submission
    proposal: Proposal | None
    steps: list[AskableStep]
    decision: Decision

    @property
    def opened(self) -> Mapping[str, str]:
        """What was asked for before, and is still open."""
        return proposals.find_opened(self.submission, self.proposal) if self.proposal else {}


def get_page(reference: str) -> ChangesPage:
    """Return what can be asked of a submission. Raise `CaseNotFound` or `CaseErased`."""
    with reading(snapshot=True):
        submission = cases.find_by_reference(reference)
        if submission is None:
            raise CaseNotFound(reference)
        if submission.erased_at is not None:
            raise CaseErased
        return ChangesPage(
            submission,
            proposals.find_proposal(submission),
            _askable_steps(submission),
            make_decision(
                submission, KEY, "changes_requested", "Ask for changes", "staff.request_changes"
            ),
        )  # fmt: skip


def _askable_steps(submission: Submission) -> list[AskableStep]:
    """Return the steps and questions that were asked, except the review."""
    flow = current_flow()
    rows = {row.name: row for card in cards(flow, submission.answers) for row in card.rows}
    journey = proposals.build_journey(submission, (), submission.answers)
    found = []
    for state in journey.steps.values():
        step = state.step
        asked = {path.partition("-")[0] for path in state.result.visible}
        if step.name == flow.review.name:
            continue
        questions = [
            Askable(field.name, field.label, _answer(field, rows.get(field.name)))
            for field in step.fields
            if field.name in asked
        ]
        is_one = len(questions) == 1 or any(each.name == step.name for each in questions)
        whole = () if is_one else (Askable(step.name, "This whole step"),)
        found.append(AskableStep(step, (*whole, *questions)))
    return found


def _answer(field: Field, row: Row | None) -> str:
    """Return the answer to a question; of a group, how many entries it has."""
    if row is None:
        return "Not answered"
    return f"{field.entry}: {len(row.entries)}" if isinstance(field, Group) else row.text


def parse_request(page: ChangesPage, form: MultiDict[str, str]) -> tuple[dict[str, str], Mail]:
    """Return what staff ask for, by name, and the mail. Raise `InvalidDecision`."""
    names = [part.name for each in page.steps for part in each.parts]
    chosen = [name for name in names if name in {*form.getlist("open"), *page.opened}]
    opened, errors = {}, {}
    for name in chosen:
        try:
            opened[name] = proposals.ASKED.parse(form.get(f"about-{name}"), clock.today()) or ""
        except Invalid as invalid:
            errors[f"about-{name}"] = str(invalid)
    if not chosen:
        errors["questions"] = "Select at least one step or question."
    try:
        mail, _ = parse_decision([page.decision], KEY, form)
    except InvalidDecision as invalid:
        raise InvalidDecision({**errors, **invalid.errors}) from None
    if errors:
        raise InvalidDecision(errors)
    return opened, mail


def request_changes(
    reference: str, version: int, opened: Mapping[str, str], actor: Actor, mail: Mail
) -> None:
    """Ask the organization for changes. Raise as `locked_case`, and `NotAllowed`."""
    with locked_case(reference, version, actor.post) as submission:
        proposals.request_changes(submission, opened, actor, mail)
