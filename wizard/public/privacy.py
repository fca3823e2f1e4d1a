"""The retention schedule of personal data, for the privacy statement.

A test compares it with the models: every table must be listed here.
"""

from dataclasses import dataclass

from ..forms.messages import Declaration


@dataclass(frozen=True, slots=True)
class RetentionRule(Declaration):
    """One kind of data, and the database tables that hold it, if any.

    `until` may contain `%(days)s`, the lifetime of a draft in days.
    """

    what: str
    until: str
    tables: tuple[str, ...] = ()

    translatable = ("what", "until")


RETENTION_SCHEDULE = (
    RetentionRule(
        "Drafts: your answers so far and the email address we sent the link to",
        "%(days)s days after your last change, or until you delete it",
        ("draft",),
    ),
    RetentionRule(
        "Submissions: your answers and earlier versions of them, the decision, and staff notes",
        "As long as the program keeps its records, or until you ask us to delete it",
        ("submission", "submission_version", "staff_note", "search_entry"),
    ),
    RetentionRule(
        "Changes and progress updates you make, and the names and email addresses of your contacts",
        "As long as we keep the submission",
        ("proposal", "report", "report_draft", "progress", "promise", "contact"),
    ),
    RetentionRule(
        "The history of your submission: what happened, when, and who did it (your organization or "
        "a staff account)",
        "As long as the program keeps its records. Details, such as reasons, until you ask us to "
        "delete them",
        ("event",),
    ),
    RetentionRule(
        "Emails we send you",
        "As long as we keep the draft or submission",
        ("message", "outbox_message", "promise_reminder", "reminder_start"),
    ),
    RetentionRule(
        "Staff accounts: name, email address, role, and a password stored so no one can read it",
        "As long as they work with the program",
        ("staff_user",),
    ),
    RetentionRule(
        "Invitations of staff: name, email address and role",
        "Up to 30 days after the invitation ends",
        ("staff_link",),
    ),
    RetentionRule(
        "Which staff members opened your submission, and when they last did",
        "As long as we keep the submission",
        ("case_view",),
    ),
    RetentionRule("Which staff members are signed in", "Up to 12 hours", ("staff_session",)),
    RetentionRule(
        "Staff sign-in attempts, by account and IP address",
        "About 1 day",
        ("sign_in_throttle",),
    ),
    RetentionRule(
        "API tokens that the program’s other systems use to get exports."
        " They don’t identify visitors",
        "As long as the program keeps its records",
        ("api_token",),
    ),
    RetentionRule(
        "A log of what staff did, when, and from which IP address. It doesn’t include your answers",
        "As long as the program keeps its records",
        ("audit_event",),
    ),
    RetentionRule("In your browser: a cookie that remembers your drafts", "%(days)s days"),
    RetentionRule("In your browser: a cookie that remembers your language", "1 year"),
    RetentionRule(
        "How many requests come from your IP address and how much they store, to prevent abuse",
        "Up to 1 day",
    ),
    RetentionRule(
        "Server log: which kinds of pages were requested and when. No IP addresses, names or"
        " answers",
        "As long as the program keeps its server logs",
    ),
)
