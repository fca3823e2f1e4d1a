"""The decisions that staff may take on a case, each with the message that tells of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from .. import clock
from ..db.models import Report, Submission
from ..forms.fields import LongText
from ..forms.text import Invalid
from ..submissions import cases, messages, withdrawals
from ..submissions.events import KIND_BY_REPORT
from ..submissions.messages import MAX_MESSAGE_CHARS, STANDARD, Mail
from ..submissions.publication import keeps_public_page

MESSAGE_FIELD = LongText("words", "Message", noun="the message", max_length=MAX_MESSAGE_CHARS)
REASON_FIELD = LongText("reason", "Reason", noun="your reason", max_length=MAX_MESSAGE_CHARS)
NeedsReason = Literal["", "optional", "required"]
REASONS: dict[str, NeedsReason] = {
    **{each.event: "required" for each in cases.TRANSITIONS if each.reason},
    "corrected": "optional",
    "correction_declined": "optional",
    "progress_declined": "optional",
    "unpublished": "optional",
    "withdrawal_declined": "optional",
    "withdrawn": "optional",
}
"""Whether staff may or must give a reason, by the kind of event."""


class InvalidDecision(ValueError):
    """What was typed beside a decision is invalid; `errors` are by the id of their field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(*errors.values())
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Checkboxes:
    """Boxes beside a decision, by the value that each posts as `name`; all are checked at first if
    `checked`."""

    name: str
    legend: str
    options: Mapping[str, str]
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A button of the case page, and the message that goes with it.

    `key` names it on the page, `kind` is the event that it makes, `hidden_fields` what it posts to
    `endpoint` beside the version of the case. Without a `subject`, nobody is told;
    staff write the message, or none if `is_mail_optional`. Anyone can read the reason if
    `is_reason_public`.
    """

    key: str
    kind: str
    verb: str
    endpoint: str
    hidden_fields: Mapping[str, str | int] = field(default_factory=dict)
    reason: NeedsReason = ""
    known_reason: str = ""
    subject: str = ""
    paragraph: str = ""
    is_mail_optional: bool = True
    checkboxes: Checkboxes | None = None
    is_reason_public: bool = False


def make_decision(
    submission: Submission,
    key: str,
    kind: str,
    verb: str,
    endpoint: str,
    **hidden_fields: str | int,
) -> Decision:
    """Return a decision with its standard message."""
    reason, mail = REASONS.get(kind, ""), messages.standard_message(submission, kind)
    is_public = kind == "withdrawn" and keeps_public_page(submission)
    return Decision(
        key, kind, verb, endpoint, hidden_fields, reason, "", *mail, is_reason_public=is_public
    )


def letter_decision(submission: Submission) -> Decision | None:
    """Return the message that staff may write to the contacts, if there is an address."""
    kind = "written"
    letter = make_decision(submission, kind, kind, "Write to the contacts", "staff.write")
    return replace(letter, paragraph="", is_mail_optional=False) if letter.subject else None


def status_decisions(submission: Submission) -> list[Decision]:
    """Return the changes of status that staff may make now."""
    return [
        make_decision(submission, each.to, each.event, each.verb, "staff.decide", to=each.to)
        for each in cases.allowed_transitions(submission)
        if each.verb and not (each.to == "withdrawn" and withdrawals.is_requested(submission))
    ]


def report_decisions(submission: Submission, report: Report) -> list[Decision]:
    """Return what staff may decide on a report that waits."""
    return [
        make_decision(
            submission,
            f"{action}-{report.id}",
            KIND_BY_REPORT[report.withdraws, action == "approve"],
            verb,
            "staff.decide_report",
            report=report.id,
            action=action,
        )
        for action, verb in (("approve", "Approve"), ("decline", "Don’t approve"))
    ]


def progress_decisions(submission: Submission, titles: Mapping[str, str]) -> list[Decision]:
    """Return what staff may decide on reports on promises that wait, by their ids."""
    offered = ",".join(map(str, titles))
    approve, decline = (
        replace(
            make_decision(submission, f"{kind}-{offered}", kind, verb, "staff.decide_progress",
                          offered=offered),
            reason="optional",
        )
        for kind, verb in (("progress_approved", "Approve what is checked"),
                           ("progress_declined", "Don’t approve any"))
    )  # fmt: skip
    checkboxes = Checkboxes("approve", "Approve", titles, checked=True)
    return [replace(approve, checkboxes=checkboxes), decline]


def correction_decisions(
    submission: Submission, moved: Mapping[str, str], *, needs_reason: bool
) -> list[Decision]:
    """Return what staff may decide on a correction that waits; it moves the dates of the `moved`
    promises, by the ids of their entries."""
    approve, decline = (
        make_decision(submission, key, kind, verb, "staff.decide_correction", action=action)
        for key, kind, verb, action in (
            ("correct", "corrected", "Approve the correction", "approve"),
            ("leave", "correction_declined", "Don’t approve", "decline"),
        )
    )  # fmt: skip
    legend = "The earlier date was a mistake: treat the new one as the first"
    checkboxes = Checkboxes("slips", legend, moved) if moved else None
    reason = "required" if needs_reason else approve.reason
    return [replace(approve, checkboxes=checkboxes, reason=reason), decline]


def withdrawal_decisions(submission: Submission, reason: str) -> list[Decision]:
    """Return what staff may decide on a request to withdraw, for the reason of the organization."""
    approve, decline = (
        make_decision(submission, key, kind, verb, "staff.decide_withdrawal", action=action)
        for key, kind, verb, action in (
            ("withdraw", "withdrawn", "Confirm the withdrawal", "approve"),
            ("stay", "withdrawal_declined", "Don’t withdraw", "decline"),
        )
    )  # fmt: skip
    return [replace(approve, known_reason=reason), decline]


def parse_decision(
    decisions: Iterable[Decision], key: str, form: Mapping[str, str]
) -> tuple[Mail, str]:
    """Return the mail and the reason that staff typed beside a decision. Raise `InvalidDecision`.

    A decision that is not among those allowed has the standard message: it will be refused.
    """
    decision = next((each for each in decisions if each.key == key), None)
    if decision is None:
        return STANDARD, ""
    typed, errors = {}, {}
    for question in (MESSAGE_FIELD, REASON_FIELD):
        try:
            typed[question.name] = question.parse(form.get(question.name), clock.today()) or ""
        except Invalid as invalid:
            errors[f"{question.name}-{key}"] = str(invalid)
    skip, words = bool(form.get("skip")) and decision.is_mail_optional, typed.get("words", "")
    if decision.reason == "required" and typed.get("reason") == "":
        errors[f"reason-{key}"] = cases.REASON_MISSING
    if "words" in form and words == "" and not skip and decision.subject:
        otherwise = ", or choose to send no email." if decision.is_mail_optional else "."
        errors.setdefault(f"words-{key}", f"Write the message{otherwise}")
    if errors:
        raise InvalidDecision(errors)
    return Mail("" if words == decision.paragraph else words, skip), typed["reason"]
