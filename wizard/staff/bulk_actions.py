"""Many cases at once: what can be done to each, and the work in portions.

Nothing is stored about such a run but what it does. Its state travels in the form of the page,
signed (docs/decisions/0022-many-at-once.md).
"""

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from .. import clock
from ..accounts.accounts import list_people
from ..accounts.audit import Actor
from ..accounts.permissions import may
from ..db.engine import is_one_of, reading
from ..db.models import Event, Submission, describe_status
from ..forms.fields import LongText
from ..forms.text import Invalid
from ..submissions import cases, colleagues, contacts, messages, withdrawals
from ..submissions.cases import (
    AlreadyDone,
    CaseErased,
    CaseNotFound,
    Transition,
    change_status,
    locked_case,
)
from ..submissions.events import record_event
from ..submissions.messages import Mail
from ..web.links import serializer
from .decisions import MESSAGE_FIELD, REASON_FIELD, REASONS, InvalidDecision, NeedsReason

KEY = "many"
"""The end of the ids of the fields of the preview."""
ENGLISH_NAMES = {"en": "English", "es": "Spanish"}
MAX_CASES = 1_000
"""Cases that are acted on at once."""
ASSIGN = "assign-"
"""The start of the codes by which cases are assigned; the address of a person follows."""
BATCH_SIZE = 25
"""Cases that one post acts on."""
CHANGED = "It changed after this page was opened."
ERASED = "Its answers were deleted on request."
MISSING = "It no longer exists."
ALREADY_ASSIGNED = "It is assigned that way already."
LEFT_OUT = "You left it out."
NO_EDITOR = "That person can’t decide on submissions."
NO_ADDRESS = "It has no address to write to."
NO_CONSENT = "The organization didn’t agree to publication."
ASKS_TO_WITHDRAW = "It asks to withdraw. Decide on that on its page."


@dataclass(frozen=True, slots=True)
class Action:
    """What staff do to many cases: the event that it makes, and why a case cannot have it.

    `act` does it to a locked case; one without changes nothing. `to` is the status that it leads
    to. `shown` returns what of a case must be as the preview showed it.
    """

    label: str
    kind: str = ""
    find_obstacle: Callable[[Submission], str] = lambda submission: ""
    act: Callable[..., Event] | None = None
    reason: NeedsReason = ""
    to: str = ""
    shown: Callable[[Submission], str] = lambda submission: str(submission.lock_version)

    def refusal(self, submission: Submission) -> str:
        """Return why it cannot be done to a case, or nothing."""
        return ERASED if submission.erased_at else self.find_obstacle(submission)


def _find_move_obstacle(transition: Transition, submission: Submission) -> str:
    if transition.to == "withdrawn" and withdrawals.is_requested(submission):
        return ASKS_TO_WITHDRAW
    if transition in cases.allowed_transitions(submission):
        return ""
    if submission.status in transition.sources:
        return NO_CONSENT
    return f"Its status is {describe_status(submission.status).label}."


def _move(transition: Transition) -> Action:
    def act(submission: Submission, actor: Actor, mail: Mail, **data: str) -> Event:
        return change_status(submission, transition.to, actor, mail, **data)

    kind = transition.event
    find_obstacle = partial(_find_move_obstacle, transition)
    return Action(transition.verb, kind, find_obstacle, act, REASONS.get(kind, ""), transition.to)


def _find_letter_obstacle(submission: Submission) -> str:
    return "" if contacts.has_recipients(submission) else NO_ADDRESS


def _write(submission: Submission, actor: Actor, mail: Mail, **data: str) -> Event:
    return record_event(submission, "written", actor, mail, **data)


ACTIONS: Mapping[str, Action] = {
    "export": Action("Export"),
    **{each.event: _move(each) for each in cases.TRANSITIONS if each.verb},
    "written": Action("Write to the contacts", "written", _find_letter_obstacle, _write),
}
"""What can be done to many cases, by its code."""


def offer_actions() -> dict[str, str]:
    """Return the labels of what the signed-in user may do to many cases, by code."""
    if not may("staff.act_on_many"):
        return {code: each.label for code, each in ACTIONS.items() if each.act is None}
    people = ["", *colleagues.pick_assignable(list_people())]
    return {code: each.label for code, each in ACTIONS.items()} | {
        f"{ASSIGN}{to}": find_action(f"{ASSIGN}{to}").label for to in people
    }


def find_action(code: str) -> Action:
    """Return an action: one of `ACTIONS`, or `ASSIGN` and the address of whom cases are given to.

    Raise `KeyError`.
    """
    if not code.startswith(ASSIGN):
        return ACTIONS[code]
    to = code.removeprefix(ASSIGN)
    people = list_people()
    name = colleagues.name_people(people).get(to, to) if to else "nobody"
    can_have = not to or to in colleagues.pick_assignable(people)

    def find_obstacle(submission: Submission) -> str:
        return (
            ALREADY_ASSIGNED
            if (submission.assigned_to or "") == to
            else ""
            if can_have
            else NO_EDITOR
        )

    def act(submission: Submission, actor: Actor, mail: Mail, **data: str) -> Event:
        return colleagues.set_assignee(submission, to, actor, **data)

    def assignee(submission: Submission) -> str:
        return submission.assigned_to or ""

    return Action(f"Assign to {name}", "assigned", find_obstacle, act, shown=assignee)


class BadState(ValueError):
    """The state in a form was cut off or changed, or is of another version of the program."""


@dataclass(slots=True)
class Run:
    """Many cases to act on, and how far that is: what travels in the form.

    `left` holds what the preview showed of each case, by reference. `outcomes` holds those that
    are done, by why they were not changed; for those that were, that is empty. `words` and
    `reasons` are by language; words are empty for the standard message.
    """

    id: str
    action: str
    left: dict[str, str]
    outcomes: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    skip: bool = False
    is_started: bool = False

    @property
    def references(self) -> list[str]:
        """All its cases."""
        done = (each for found in self.outcomes.values() for each in found)
        return [*self.left, *done]

    @property
    def done(self) -> list[str]:
        """The cases that were changed."""
        return self.outcomes.get("", [])

    @property
    def refused(self) -> dict[str, list[str]]:
        """The cases that were not changed, by why."""
        return {why: found for why, found in self.outcomes.items() if why}

    def dump(self) -> str:
        """Return it as signed text: about 10 bytes a case."""
        return str(_serializer().dumps(asdict(self)))


def _serializer() -> URLSafeSerializer:
    return serializer("many-2")  # another number when a run has other fields


def load_run(given: str) -> Run:
    """Return the run of a form. Raise `BadState`."""
    try:
        return Run(**_serializer().loads(given))
    except BadData:
        raise BadState from None


@dataclass(frozen=True, slots=True)
class Mailing:
    """The message to the contacts of some cases in one language; the subject is that of one."""

    language: str
    cases: int
    subject: str
    paragraph: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action does to some cases: the run that would do it, those that can have it, and
    why the others cannot."""

    run: Run
    action: Action
    allowed: list[Submission]
    refused: list[tuple[Submission, str]]
    recipients: dict[int, list[str]]
    mailings: list[Mailing]


def preview(action: str, submissions: Collection[Submission]) -> Preview:
    """Return what an action would do to some cases, each by its own rules."""
    chosen, allowed, refused = find_action(action), [], []
    for each in submissions:
        if why := chosen.refusal(each):
            refused.append((each, why))
        else:
            allowed.append(each)
    notified = allowed if messages.tells_contacts(chosen.kind) else []
    recipients = contacts.list_all_recipients(notified)
    mailings = _list_mailings(action, [each for each in notified if recipients[each.id]])
    run = Run(
        secrets.token_hex(8),
        action,
        {each.reference: chosen.shown(each) for each in allowed},
        _by_reason(refused),
        {each.language: "" for each in mailings},
        {each.language: "" for each in allowed} if chosen.reason else {},
    )
    return Preview(run, chosen, allowed, refused, recipients, mailings)


def _by_reason(refused: Collection[tuple[Submission, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for submission, why in refused:
        found.setdefault(why, []).append(submission.reference)
    return found


def _list_mailings(action: str, notified: Collection[Submission]) -> list[Mailing]:
    """Return the message in each language. What staff write themselves has no standard text."""
    languages = Counter(each.language for each in notified)
    examples = {each.language: each for each in notified}
    texts = {
        code: messages.standard_message(each, find_action(action).kind)
        for code, each in examples.items()
    }
    return [
        Mailing(code, number, texts[code][0], "" if action == "written" else texts[code][1])
        for code, number in languages.most_common()
    ]


def start(run: Run, form: MultiDict[str, str]) -> None:
    """Take what staff chose and wrote in the form of the preview. Raise `InvalidDecision`."""
    errors: dict[str, str] = {}
    action, run.skip = find_action(run.action), bool(form.get("skip")) and run.action != "written"
    _leave_out(run, form.getlist("leave"))
    for code in run.reasons:
        run.reasons[code] = _parse(REASON_FIELD, f"reason-{code}", form, errors)
        if action.reason == "required" and not run.reasons[code]:
            missing = f"Enter the reason{_in(code, run.reasons)}. The organizations will read it."
            errors.setdefault(f"reason-{code}-{KEY}", missing)
    for code in run.words:
        typed = _parse(MESSAGE_FIELD, f"words-{code}", form, errors)
        if not typed and not run.skip:
            missing = f"Write the message{_in(code, run.words)}."
            errors.setdefault(f"words-{code}-{KEY}", missing)
        standard = messages.standard_paragraph(action.kind, code)
        run.words[code] = "" if typed == standard else typed
    if errors:
        raise InvalidDecision(errors)
    run.id = sha256(repr(run).encode()).hexdigest()[:16]  # the same only for the same choices
    run.is_started = True


def _in(code: str, languages: Collection[str]) -> str:
    """Return the words that tell a language from the others, if there are any."""
    return f" in {ENGLISH_NAMES.get(code, code)}" if len(languages) > 1 else ""


def _leave_out(run: Run, references: Collection[str]) -> None:
    """Take cases off a run that has not started, and the languages that only they have."""
    for reference in references:
        if run.left.pop(reference, None) is not None:
            run.outcomes.setdefault(LEFT_OUT, []).append(reference)
    with reading() as session:
        are_left = is_one_of(Submission.reference, list(run.left))
        languages = set(session.scalars(select(Submission.language).where(are_left).distinct()))
    run.reasons = {code: "" for code in run.reasons if code in languages}
    run.words = {code: "" for code in run.words if code in languages}


def _parse(question: LongText, name: str, form: Mapping[str, str], errors: dict[str, str]) -> str:
    try:
        return question.parse(form.get(name), clock.today()) or ""
    except Invalid as invalid:
        errors[f"{name}-{KEY}"] = str(invalid)
        return ""


def act_on_batch(run: Run, actor: Actor) -> None:
    """Act on the next cases of a run, each in a transaction of its own."""
    action = find_action(run.action)
    for reference in list(run.left)[:BATCH_SIZE]:
        outcome = _act_on_one(run, action, reference, run.left.pop(reference), actor)
        run.outcomes.setdefault(outcome, []).append(reference)


def _act_on_one(run: Run, action: Action, reference: str, shown: str, actor: Actor) -> str:
    """Act on a case; return the reason if nothing was done, else "".

    A portion may be posted again, by a reload or by mistake: what this run did stays done.
    """
    try:
        with locked_case(reference, post=run.id) as submission:
            if action.shown(submission) != shown:
                return CHANGED
            if (why := action.refusal(submission)) or action.act is None:
                return why
            mail = Mail(run.words.get(submission.language, ""), run.skip)
            reason = run.reasons.get(submission.language)
            data = {"reason": reason} if reason else {}
            action.act(submission, replace(actor, post=run.id), mail, **data)
    except AlreadyDone:
        return ""
    except CaseErased:
        return ERASED
    except CaseNotFound:
        return MISSING
    return ""
