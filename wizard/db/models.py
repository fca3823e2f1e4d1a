"""The database models, with tables named after them in snake case by Flask-SQLAlchemy."""

import re
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .. import clock
from .columns import UtcDateTime, Words, parent_key, partial_index
from .engine import Model

SubmissionId = Annotated[int, mapped_column(parent_key("submission.id"), index=True)]
FlowName = Annotated[str, mapped_column(default="commitment", server_default="commitment")]
"""The default is for rows of the previous version, which served this flow alone."""
VersionNumber = Annotated[int, mapped_column(default=1, server_default="1")]


class Draft(Model):
    """Answers as typed, valid or not, and the completed steps, as of the current flow version.

    `flow_version` is the one they are stored in: see `upgrades.py`.

    `saves` records by step the page that saved it last, and the turn of that page. A resume link
    is valid while its version is `link_version`; `link_email` is where one was sent. `language` is
    that of the last answer and of the messages.
    """

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    flow: Mapped[FlowName]
    flow_version: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    completed_steps: Mapped[list[str]] = mapped_column("posted", JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    saves: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    link_version: Mapped[int] = mapped_column(default=1)
    link_email: Mapped[str | None] = mapped_column("mailed_to")
    language: Mapped[str] = mapped_column(default="en")
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    wants_reminders: Mapped[bool] = mapped_column("reminders", default=True)
    submission: Mapped["Submission | None"] = relationship(
        primaryjoin="foreign(Submission.draft_id) == Draft.id", viewonly=True
    )


@dataclass(frozen=True, slots=True)
class Status:
    """Label and sign of a case status."""

    label: str
    icon: str


CASE_STATUSES = {
    "received": Status("Received", "●"),
    "in_review": Status("In review", "◐"),
    "changes_requested": Status("Changes requested", "✎"),
    "accepted": Status("Accepted", "✓"),
    "declined": Status("Declined", "✕"),
    "withdrawn": Status("Withdrawn", "↩"),
    "published": Status("Published", "★"),
}
"""The statuses of a case, by code; `cases.TRANSITIONS` lists the allowed changes."""
STATUSES = {code: status.label for code, status in CASE_STATUSES.items()}


def describe_status(code: str) -> Status:
    """Return the status of a code; an unknown one is shown by its code."""
    return CASE_STATUSES.get(code) or Status(code, "?")


class Submission(Model):
    """The frozen answers that applied, at most one submission per draft.

    `answers` are the newest version, number `answers_version`; `SubmissionVersion` has the others.
    `lock_version` and `changed_at` change with status, answers and contact. `published_at` is set
    while it is listed, `first_published_at` stays, and `updated_at` is when something public last
    changed. `withdrawal_requested_at` is set while the organization asks to withdraw.

    `returned_at` is when it last came back to staff for a decision, `assigned_to` the account of
    who handles it.

    `reminded_at` is when the organization was last asked for news. `erased_at` is when its answers
    were deleted on request. `language` is that of the answers and of the messages. The
    organization's link is valid while its version is `link_version`.

    The columns from `title` to `search` repeat answers (`submissions/listing.py`), and the indexes
    cover those to filter by, so that lists and counts read no answers. In the database they have
    the names of the questions of the first flow.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    draft_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    flow: Mapped[FlowName]
    flow_version: Mapped[int]
    branch: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    status: Mapped[str] = mapped_column(default="received")
    lock_version: Mapped[int] = mapped_column("version", default=1)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    wants_reminders: Mapped[bool] = mapped_column("reminders", default=True)
    first_published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    promises_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawal_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    returned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    assigned_to: Mapped[str | None]
    answers_version: Mapped[VersionNumber]
    link_version: Mapped[VersionNumber]
    language: Mapped[str] = mapped_column(default="en")
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    title: Mapped[str] = mapped_column("commitment_title", default="")
    party: Mapped[str] = mapped_column("organization_name", default="")
    place: Mapped[str] = mapped_column("city", default="")
    facet_1: Mapped[str] = mapped_column("organization_kind", default="")
    facet_2: Mapped[str] = mapped_column("state", default="")
    facet_3: Mapped[str] = mapped_column("programs", default="")
    facet_4: Mapped[str] = mapped_column("categories", default="")
    search: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index("ix_submission_list", "submitted_at", "reference", "status", "branch",
              "organization_kind", "state", "programs", "categories", "search"),
        Index("ix_submission_changes", "changed_at", "reference", "status", "branch",
              "organization_kind", "state", "programs", "categories", "submitted_at", "search"),
        Index("ix_submission_sums", "state", "organization_kind", "status", "id"),
        Index("ix_submission_published", "published_at", "reference", "branch",
              "organization_kind", "state", "programs", "categories", "search"),
        partial_index("ix_submission_public_change", "published_at IS NOT NULL", "changed_at"),
        partial_index("ix_submission_public_promises", "published_at IS NOT NULL", "promises_at"),
        partial_index("ix_submission_withdrawn", "status = 'withdrawn'",
                      "first_published_at", "reference"),
        partial_index("ix_submission_queue", "status IN ('received', 'in_review')"
                      " AND erased_at IS NULL", text("coalesce(returned_at, submitted_at)"),
                      "reference", "status", "branch", "organization_kind", "state", "programs",
                      "categories", "assigned_to", "submitted_at", "returned_at", "erased_at"),
        partial_index("ix_submission_assigned", "assigned_to IS NOT NULL",
                      "assigned_to", "submitted_at", "reference"),
        partial_index("ix_submission_withdrawal", "withdrawal_requested_at IS NOT NULL",
                      "withdrawal_requested_at"),
    )  # fmt: skip


class SubmissionVersion(Model):
    """A version of the answers that a newer one replaced; events say who replaced it, and why.

    A submission without rows here has its first version.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[SubmissionId]
    number: Mapped[int]
    flow: Mapped[FlowName]
    flow_version: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    replaced_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (UniqueConstraint("submission_id", "number"),)


class Proposal(Model):
    """Changes to a submission that its organization is making or has sent, at most one at a time.

    The `kind` is `changes` if staff asked for them, until `expires_at`, else `correction`. `opened`
    holds, by the name of a step or question that may be changed while they wait, what staff wrote
    about it; in a correction everything may be. Answers, steps and saves are those of a `Draft`. A
    correction with `sent_at` waits for staff, with the organization's `words`.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(parent_key("submission.id"), unique=True)
    kind: Mapped[str]
    base_version: Mapped[int]
    opened: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    flow: Mapped[FlowName]
    flow_version: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    completed_steps: Mapped[list[str]] = mapped_column(JSON)
    saves: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    language: Mapped[str] = mapped_column(default="en")
    words: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (partial_index("ix_proposal_sent", "sent_at IS NOT NULL", "sent_at"),)

    @property
    def last_day(self) -> date | None:
        """The last day on which the changes can be sent, if there is an end."""
        end = self.expires_at
        return clock.local(end - timedelta(seconds=1)).date() if end else None


class Contact(Model):
    """Somebody who gets the messages about a submission: its `contact`, or a `second` one.

    A contact without `confirmed_at` was named as the new one, with the `answers` that will replace
    those about the contact, and gets nothing but the request to confirm it. The confirmed contact
    is the one in the submission's answers; `email` is empty if these have no address.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[SubmissionId]
    role: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    email: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_contact_email", text("lower(email)")),)


class Event(Model):
    """Something that happened to a submission: the only record of it.

    `kind` is one of `events.KINDS`, and says what `data` holds; an erasure empties `data`.
    `actor_kind` is `organization`, `staff` or `program`. `actor` is the staff account, also of one
    that acted for the organization. `version` is that of the answers afterwards, `lock_version`
    that of the case. `post` tells the post of staff that made it, see `Actor`. Both are None for
    events of an earlier release.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[SubmissionId]
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    actor_kind: Mapped[str]
    actor: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    lock_version: Mapped[int | None]
    post: Mapped[str | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (Index("ix_event_at_kind", "at", "kind"),)


class Delivery:
    """Recipient and delivery state of a message.

    `next_attempt_at` is also the end of the lease while a worker holds the message. A message with
    `sent_at` or `failed_at` is done. Unsent messages and those to one address have indexes, so that
    finding them costs the same after a million.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[SubmissionId | None]
    draft_id: Mapped[uuid.UUID | None] = mapped_column(parent_key("draft.id"), index=True)
    message_id: Mapped[str] = mapped_column(unique=True)
    recipient: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


BY_RECIPIENT = text("lower(recipient)"), text("created_at")
UNSENT = "sent_at IS NULL"


class MailMessage(Delivery, Model):
    """A message whose text is rendered on delivery; `outbox.register` declares its kind.

    It tells of the event with `event_id`, and shows that version of the answers. `words` is what
    staff wrote instead of the standard paragraph. One with a `link_id` holds that version of a
    `StaffLink`.
    """

    __tablename__ = "message"

    kind: Mapped[str]
    language: Mapped[str] = mapped_column(default="en")
    event_id: Mapped[int | None]
    version: Mapped[int | None]
    words: Mapped[str | None] = mapped_column(Text)
    link_id: Mapped[uuid.UUID | None]

    __table_args__ = (
        partial_index("ix_message_unsent", UNSENT, "next_attempt_at"),
        Index("ix_message_recipient", *BY_RECIPIENT),
    )


class OutboxMessage(Delivery, Model):
    """A message queued with its text by a previous version; it is still sent, but none is added.

    Its text holds a placeholder for the link, so that a copy of the database opens no draft.
    """

    next_attempt_at: Mapped[datetime] = mapped_column("due_at", UtcDateTime, default=clock.now)
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]

    __table_args__ = (
        partial_index("ix_outbox_unsent", UNSENT, "due_at"),
        Index("ix_outbox_recipient", *BY_RECIPIENT),
        Index("ix_outbox_message_created_at", "created_at"),
    )

    @property
    def kind(self) -> str:
        """Parse the Message-ID: `<PDI-….news-20270331@…>`, `<resume.…@…>`."""
        name = self.message_id.strip("<>").partition("@")[0]
        reference, _, kind = name.partition(".")
        return reference if self.draft_id else re.split(r"[-+]", kind)[0]


class Report(Model):
    """A progress report of an organization, or its request to withdraw the commitment.

    `entries` holds progress by group and index: `{"milestones": {"0": {"done": true, "url": …,
    "note": …}}}`, and is empty for a withdrawal. `approved` is None until staff decide.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[SubmissionId]
    withdraws: Mapped[bool]
    entries: Mapped[dict[str, Any]] = mapped_column(JSON)
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    approved: Mapped[bool | None]
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        partial_index("ix_report_waiting", "approved IS NULL",
                      "submission_id", "reported_at", "approved"),
    )  # fmt: skip


class StaffNote(Model):
    """An internal note of staff about a submission."""

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[SubmissionId]
    author: Mapped[str]
    text: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


KNOWN_BY = ("organization", "web_host", "mail_host")
"""The columns that tell whose a submission is; None if they say nothing."""


class SearchEntry(Model):
    """The words of a submission by which it is found (`submissions/search.py`), and no more than
    that: everything is computed from other tables, and backups leave it out.

    `public` holds what anyone may read, and is empty unless the submission is public; `staff` holds
    what staff may read. Those of `KNOWN_BY` hold a `forms.flags.Organization`. The other columns
    say what was indexed: in which format, at which `lock_version`, and the last event and note.
    """

    submission_id: Mapped[int] = mapped_column(parent_key("submission.id"), primary_key=True)
    public: Mapped[str] = mapped_column(Words, deferred=True)
    staff: Mapped[str] = mapped_column(Words, deferred=True)
    format: Mapped[int]
    lock_version: Mapped[int]
    event_id: Mapped[int]
    note_id: Mapped[int]
    organization: Mapped[str | None]
    web_host: Mapped[str | None]
    mail_host: Mapped[str | None]

    __table_args__ = (  # its migration makes the indexes of the words
        *(Index(f"ix_search_entry_{name}", name, "submission_id") for name in KNOWN_BY),
        Index("ix_search_entry_event", "submission_id", "event_id"),
        {"info": {"derived": True}},
    )
