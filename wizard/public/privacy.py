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
        "A draft: what you typed so far, and the address that its link was mailed to",
        "%(days)s days after its last change, or until you delete it",
        ("draft",),
    ),
    RetentionRule(
        "A submission: your answers, what was decided, and the notes of staff",
        "As long as the program keeps its records, or until you ask for their deletion",
        ("submission", "staff_note"),
    ),
    RetentionRule(
        "What you report of your commitment later", "As long as the submission", ("report",)
    ),
    RetentionRule(
        "Messages that we sent you",
        "As long as the draft or submission that they are about",
        ("message", "outbox_message"),
    ),
    RetentionRule(
        "Members of staff: e-mail address, role, and a password that cannot be read back",
        "As long as they work with the program",
        ("staff_user",),
    ),
    RetentionRule("Who of the staff is signed in", "12 hours at most", ("staff_session",)),
    RetentionRule(
        "Attempts to sign in as staff, by account and network address",
        "About a day",
        ("sign_in_throttle",),
    ),
    RetentionRule(
        "Keys with which other programs of the office fetch exports; they name no visitor",
        "As long as the program keeps its records",
        ("api_token",),
    ),
    RetentionRule(
        "What staff did, when, and from which network address; it holds no answers",
        "As long as the program keeps its records",
        ("audit_event",),
    ),
    RetentionRule("In your browser: a cookie that says which drafts are yours", "%(days)s days"),
    RetentionRule("In your browser: a cookie that says which language you chose", "A year"),
    RetentionRule("The number of requests from your network address, against floods", "An hour"),
    RetentionRule(
        "The server's log: when which kind of page was asked for; no address, no name, no answer",
        "As long as the office keeps its logs",
    ),
)
