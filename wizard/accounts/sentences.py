"""Each line of the audit log as a sentence: who did what to what."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row

from ..db.accounts import AuditEvent
from .accounts import DIGESTS
from .audit import ACTIONS, describe_details

REASONS = {
    "no such account": "there is no such account",
    "disabled": "the account is disabled",
    "password": "the password was wrong",
    "sign-in code": "the code from the app was wrong",
}
Details = Mapping[str, Any]
"""What a line holds about its action; lines of earlier versions may lack any of it."""


def _refused(subject: str, details: Details) -> str:
    reason = str(details.get("reason", ""))
    if reason == "current password":
        return "entered a wrong current password"
    known = REASONS.get(reason, reason)
    return "was refused at sign-in" + (f": {known}" if known else "")


def _exported(subject: str, details: Details) -> str:
    filters = details.get("filters") or {}
    subject += " without contact details" if details.get("contacts") is False else ""
    return f"exported {subject}" + (f", filtered by {describe_details(filters)}" if filters else "")


def _changed(subject: str, details: Details) -> str:
    """Say each change of an account."""
    changes = []
    for name in ("role", "name"):
        if isinstance(each := details.get(name), list) and len(each) == 2:
            before, after = each
            changes.append(f"changed the {name} of {subject} from {before or 'none'} to {after}")
    if isinstance(each := details.get("digest"), list):
        changes.append(f"chose the digest: {DIGESTS.get(each[-1], 'unknown').lower()}")
    if details.get("disabled"):
        changes.append(f"disabled the account of {subject}")
    if parts := details.get("reset"):
        what = " and ".join(parts) if isinstance(parts, list) else "password and two-step sign-in"
        changes.append(f"reset the {what} of {subject}")
    return ", and ".join(changes) or f"changed the account of {subject}"


def _with_role(verb: str) -> Callable[[str, Details], str]:
    return lambda subject, details: (
        f"{verb} {subject}" + (f" as {details['role']}" if details.get("role") else "")
    )


def _moved(subject: str, details: Details) -> str:
    before, after = details.get("before"), details.get("after")
    moved = f" from {before} to {after}" if before and after else ""
    return f"changed the status of {subject}{moved}".replace("_", " ")


def _decided(subject: str, details: Details) -> str:
    verb = "approved" if details.get("approved") else "declined"
    what = "withdrawal" if details.get("withdraws") else "progress update"
    return f"{verb} the {what} of {subject}"


def _used_link(subject: str, details: Details) -> str:
    role = details.get("role")
    return f"joined as {role}, by a link" if role else "set up their account again, by a link"


SENTENCES: dict[str, str | Callable[[str, Details], str]] = {
    "signed_in": "signed in",
    "refused": _refused,
    "signed_out": "signed out",
    "password_changed": "changed their password",
    "second_factor_set": "set up two-step sign-in",
    "recovery_code_used": lambda _, details: (
        f"signed in with a recovery code; {details.get('left', 'some')} are left"
    ),
    "viewed": "opened {}",
    "exported": _exported,
    "person_added": _with_role("added an account for"),
    "person_changed": _changed,
    "invited": _with_role("invited"),
    "link_sent": "sent {} a new link",
    "link_revoked": "revoked the link of {}",
    "link_used": _used_link,
    "token_made": lambda subject, details: (
        f"created the API token “{subject}”"
        + (f", for {details['days']} days" if "days" in details else "")
    ),
    "token_revoked": "revoked the API token “{}”",
    "backed_up": "backed up the database to {}",
    "restored": "restored the database from {}",
    "moved": _moved,
    "noted": "added a note to {}",
    "resent": "sent an email about {} again",
    "report_decided": _decided,
    "erased": "deleted the answers of {} on request",
    "acted": "opened the pages of {} to act for the organization",
    "link_shown": "was shown the organization’s link to {}",
}
"""What was done, by the code of the action; the subject stands where the braces are."""


def describe_action(event: AuditEvent | Row[Any]) -> str:
    """Return what was done to what; a code without a sentence is shown, with what it holds."""
    sentence = SENTENCES.get(event.action)
    if sentence is None:
        label = ACTIONS.get(event.action, f"did something unknown ({event.action})")
        parts = (event.subject, describe_details(event.details))
        return ": ".join((label, "; ".join(filter(None, parts)))) if any(parts) else label
    if isinstance(sentence, str):
        return sentence.replace("{}", event.subject or "something")
    return sentence(event.subject or "somebody", event.details)
