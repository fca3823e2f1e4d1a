"""One submission, to read and to decide on."""

import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from flask import abort, redirect, request, session, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ..accounts import audit
from ..accounts.accounts import describe_person, list_people
from ..accounts.audit import Actor
from ..accounts.permissions import (
    bp,
    current_actor,
    current_user,
    pop_secret_once,
    store_secret_once,
)
from ..db.engine import reading
from ..db.models import Event, describe_status
from ..forms.outputs import cards
from ..submissions import colleagues, proposals, publication, reports, withdrawals
from ..submissions.cases import AlreadyDone, CaseErased, CaseNotFound, NotAllowed, StaleVersion
from ..submissions.messages import Mail, describe_opened
from ..web import links
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.form_fields import keyed_fields, own_fields
from ..web.htmx import render_page
from ..web.query import parse_whole_number
from . import case_form, case_lists, cases, changes, erasure, flags, history
from .decisions import InvalidDecision, parse_decision
from .lists import (
    continue_to_next_case,
    open_in_list,
    opens_next_case,
    return_filters,
    return_query,
)

ERROR_FIELDS = {
    "staff.decide": "decide",
    "staff.note": "text",
    "staff.assign": "assign",
    "staff.resend": "messages",
    "staff.write": "messages",
    "staff.decide_report": "reports",
    "staff.decide_progress": "reports",
    "staff.decide_correction": "case",
    "staff.decide_withdrawal": "case",
    "staff.act": "how",
}
"""The id of the element that shows an error, by the endpoint that refuses a change."""
NOT_FOUND = ErrorPage(
    "Submission not found",
    "Check the reference number for typos.",
    "You can also search the list by organization name.",
)


@bp.errorhandler(CaseNotFound)
def handle_not_found(error: CaseNotFound) -> Response:
    """Return the 404 page for an unknown submission, message or report."""
    return error_response(404, NOT_FOUND)


@bp.errorhandler(CaseErased)
@bp.errorhandler(InvalidDecision)
@bp.errorhandler(NotAllowed)
@bp.errorhandler(StaleVersion)
def handle_refused_change(error: Exception) -> Response:
    """Show the case as it is now, and why it was not changed; what was typed stays."""
    page = _read_page((request.view_args or {})["reference"])
    unsaved = case_form.find_unsaved(request.form)
    if isinstance(error, StaleVersion):
        return _draw_page(page, 409, stale=True, unsaved=unsaved)
    if page["case"].submission.erased_at is not None:  # has no box that could show another error
        errors = {
            "case": "These answers were deleted on request. You can’t change this submission."
        }
    elif isinstance(error, InvalidDecision):
        errors = dict(error.errors)
    else:
        errors = {ERROR_FIELDS.get(request.endpoint or "", "case"): str(error)}
    return _draw_page(page, 422, errors=errors, unsaved=unsaved)


@bp.get("/submissions/<reference>", role="viewer")
def submission(reference: str) -> Response:
    """Show one submission, and log who viewed it, since it holds personal data."""
    page = _read_page(reference)
    case = page["case"]
    last = max((event.id or 0 for event in case.history), default=0)
    colleagues.record_view(case.submission, last, current_user().id, current_actor())
    notice, decided = session.pop("notice", ""), session.pop("decided", "")
    return _draw_page(page, notice=notice, decided=decided)


def case_page(status: int = 200, **context: Any) -> Response:
    """Show the submission of this request's address; `unsaved` is what was typed and not stored."""
    return _draw_page(_read_page((request.view_args or {})["reference"]), status, **context)


def _read_page(reference: str) -> dict[str, Any]:
    """Return what a page reads about a case, in one transaction. Raise `CaseNotFound`."""
    with reading(snapshot=True):
        case = cases.get_case(reference)
        return {
            "case": case,
            "viewers": colleagues.list_viewers(case.submission.id),
            "people": colleagues.name_people(list_people()),
            "assignable": colleagues.pick_assignable(list_people()),
            "duplicates": flags.list_possible_duplicates(case.submission),
            "has_public_page": publication.has_public_page(case.submission),
        }


def _draw_page(page: dict[str, Any], status: int = 200, **context: Any) -> Response:
    submission, query = page["case"].submission, return_query()
    unsaved = context.pop("unsaved", MultiDict())
    owner, *link = pop_secret_once() or [""]
    return render_page(
        "staff/submission.html",
        status,
        back=url_for("staff.submissions", **query),
        list_query=query,
        address=url_for("staff.submission", reference=submission.reference, **query),
        opens_next_case=opens_next_case(query),
        cards=cards(current_flow(), submission.answers),
        describe_data=history.describe_data,
        describe_opened=describe_opened,
        flags=flags.list_flags(submission, page["case"].progress),
        keeps_public_page=publication.keeps_public_page(submission),
        link=link if owner == submission.reference else [],
        unsaved=unsaved,
        happened=_find_conflict(page["case"]),
        orphaned_texts=case_form.list_orphaned_texts(
            unsaved, page["case"].all_decisions(), is_editable=submission.erased_at is None
        ),
        page_id=secrets.token_hex(8),
        **page,
        **context,
    )


def _find_conflict(case: cases.Case) -> Event | None:
    """Return the event that the page of a refused post did not know."""
    if request.endpoint == "staff.assign":
        return history.find_assignment(case.history)
    version = parse_whole_number(_own().get("version", ""))
    return None if version is None else history.find_change(case.history, version)


@bp.get("/submissions/<reference>/next", role="viewer")
def next_submission(reference: str) -> Response:
    """Open the case after this one in the list that it was opened from, or the list at its end."""
    return open_in_list(case_lists.find_neighbor(reference, return_filters()))


@bp.get("/submissions/<reference>/previous", role="viewer")
def previous_submission(reference: str) -> Response:
    """Open the case before this one in that list, or the list at its beginning."""
    return open_in_list(case_lists.find_neighbor(reference, return_filters(), backwards=True))


@bp.post("/submissions/<reference>/status", role="editor")
@continue_to_next_case
def decide(reference: str) -> Response:
    """Change the status."""
    to, version = _own().get("to", ""), _posted_number("version")
    mail, reason = _parse_decision(reference, to)
    with suppress(AlreadyDone):
        cases.decide(reference, to, version, _actor(), mail, reason)
    return _to_case(reference, f"Status changed to {describe_status(to).label}.")


def _actor() -> Actor:
    """Return who acts by this post."""
    actor = current_actor()
    return replace(actor, post=case_form.identify_post(actor.name, request.form))


def _own() -> MultiDict[str, str]:
    """Return what was posted, by the plain names of the fields of the button."""
    return case_form.read_own(request.form)


def _posted_number(name: str) -> int:
    """Return a whole number of the form; answer 400 if it is none."""
    number = parse_whole_number(_own().get(name, ""))
    return abort(400) if number is None else number


def _parse_decision(reference: str, key: str) -> tuple[Mail, str]:
    """Return the mail and the reason beside a decision. Raise `InvalidDecision`."""
    return parse_decision(cases.get_case(reference).all_decisions(), key, _own())


@bp.post("/submissions/<reference>/assign", role="editor")
def assign(reference: str) -> Response:
    """Give the case to a person, or to nobody."""
    to, before = _own().get("to", ""), request.form.get("before", "")
    with suppress(AlreadyDone):
        colleagues.assign(reference, to, before, _actor())
    return _to_case(reference, f"Assigned to {describe_person(to) if to else 'nobody'}.")


@bp.post("/submissions/<reference>/note", role="editor")
def note(reference: str) -> Response:
    """Add a note."""
    with suppress(AlreadyDone):
        cases.add_note(reference, request.form.get("text", ""), _actor())
    return _to_case(reference, "Note added.", "text")


@bp.post("/submissions/<reference>/letter", role="editor")
def write(reference: str) -> Response:
    """Write to the contacts."""
    mail, _ = _parse_decision(reference, "written")
    with suppress(AlreadyDone):
        cases.write(reference, _actor(), mail)
    return _to_case(reference, "Email queued.")


@bp.post("/submissions/<reference>/resend", role="editor")
def resend(reference: str) -> Response:
    """Queue a message again."""
    with suppress(AlreadyDone):
        cases.resend(reference, request.form.get("message", ""), _actor())
    return _to_case(reference, "Email queued to send again.")


@bp.post("/submissions/<reference>/report", role="editor")
@continue_to_next_case
def decide_report(reference: str) -> Response:
    """Approve or decline a report of the organization."""
    report, action = _posted_number("report"), _posted_action()
    approved = action == "approve"
    mail, reason = _parse_decision(reference, f"{action}-{report}")
    with suppress(AlreadyDone):
        cases.decide_report(reference, report, approved, _actor(), mail, reason)
    return _to_case(reference, "Update approved." if approved else "Update not approved.")


@bp.post("/submissions/<reference>/progress", role="editor")
@continue_to_next_case
def decide_progress(reference: str) -> Response:
    """Approve those reports on promises that are checked, and decline the others."""
    offered, version = _own().get("offered", ""), _posted_number("version")
    key = request.form.get("key", "").partition("-")[0]
    if key not in ("progress_approved", "progress_declined"):
        abort(400)
    mail, reply = _parse_decision(reference, f"{key}-{offered}")
    checked = _own().getlist("approve") if key == "progress_approved" else []
    numbers = {parse_whole_number(each) or 0 for each in offered.split(",")}
    approved = {parse_whole_number(each) or 0 for each in checked} & numbers
    if key == "progress_approved" and not approved:
        raise NotAllowed("Check at least one of them, or choose not to approve any.")
    with suppress(AlreadyDone):
        reports.decide(reference, version, numbers, approved, _actor(), mail, reply)
    return _to_case(reference, "Update approved." if approved else "Update not approved.")


@bp.post("/submissions/<reference>/correction", role="editor")
@continue_to_next_case
def decide_correction(reference: str) -> Response:
    """Approve or decline the correction that waits."""
    is_approved, slips = _posted_action() == "approve", _own().getlist("slips")
    mail, reason = _parse_decision(reference, "correct" if is_approved else "leave")
    given = reference, _posted_number("version"), _actor(), mail, reason
    with suppress(AlreadyDone):
        if is_approved:
            proposals.approve_correction(*given, slips)
        else:
            proposals.decline_correction(*given)
    return _to_case(reference, "Answers corrected." if is_approved else "Correction not approved.")


@bp.post("/submissions/<reference>/withdrawal", role="editor")
@continue_to_next_case
def decide_withdrawal(reference: str) -> Response:
    """Confirm or decline the request to withdraw."""
    is_approved, version = _posted_action() == "approve", _posted_number("version")
    mail, reason = _parse_decision(reference, "withdraw" if is_approved else "stay")
    with suppress(AlreadyDone):
        withdrawals.decide_withdrawal(reference, is_approved, version, _actor(), mail, reason)
    return _to_case(reference, "Withdrawn." if is_approved else "Not withdrawn.")


def _posted_action() -> str:
    """Return `approve` or `decline`; answer 400 for anything else."""
    action = _own().get("action")
    return action if action in ("approve", "decline") else abort(400)


@bp.get("/submissions/<reference>/changes", role="editor")
def ask_for_changes(reference: str) -> Response:
    """Show what can be asked for, and what is asked for already."""
    return _changes_page(reference)


@bp.post("/submissions/<reference>/changes", role="editor")
@continue_to_next_case
def request_changes(reference: str) -> Response:
    """Ask the organization for changes; what was typed stays if it is refused."""
    version, posted = _posted_number("version"), own_fields(request.form, changes.KEY)
    try:
        opened, mail = changes.parse_request(changes.get_page(reference), posted)
        with suppress(AlreadyDone):
            changes.request_changes(reference, version, opened, _actor(), mail)
    except InvalidDecision as invalid:
        return _changes_page(reference, 422, errors=invalid.errors)
    except NotAllowed as error:
        return _changes_page(reference, 422, errors={"questions": str(error)})
    except StaleVersion:
        return _changes_page(reference, 409, stale=True)
    return _redirect_to_case(reference, "Changes requested.")


def _changes_page(reference: str, status: int = 200, **context: Any) -> Response:
    """Return the page to ask for changes, with what was posted."""
    query = return_query()
    return render_page(
        "staff/changes.html",
        status,
        page=changes.get_page(reference),
        page_id=secrets.token_hex(8),
        unsaved=keyed_fields(request.form, changes.KEY),
        list_query=query,
        **context,
    )


@bp.get("/submissions/<reference>/versions", role="viewer")
def versions(reference: str) -> Response:
    """Show what changed between two versions, the last two unless the address names others."""
    first, second = (parse_whole_number(request.args.get(name, "")) for name in ("from", "to"))
    compared = cases.compare_versions(reference, first, second)
    audit.record_event(current_actor(), "viewed", reference)
    return render_page(
        "staff/versions.html",
        address=request.full_path.rstrip("?"),
        compared=compared,
    )


@bp.post("/submissions/<reference>/act", role="editor")
def act(reference: str) -> Response:
    """Open the pages of the organization in this browser, to act for it."""
    if case_form.find_unsaved(request.form, ["how"]):
        raise NotAllowed("You wrote something else on this page. Save or remove it first.")
    cases.act_for_organization(reference, request.form.get("how", ""), current_actor())
    address = urlsplit(links.acting_url(reference, current_user().email))
    return redirect(address.path, 303)


@bp.post("/submissions/<reference>/link", role="editor")
def show_link(reference: str) -> Response:
    """Show the link of the organization once, to pass it on."""
    store_secret_once(reference, cases.show_link(reference, current_actor()))
    return _to_case(reference, "You can pass on the link now.")


@bp.get("/submissions/<reference>/erase", role="admin")
def ask_to_erase(reference: str) -> Response:
    """Ask for confirmation before the answers are deleted."""
    case = cases.get_case(reference)
    return render_page("staff/erase.html", case=case, list_query=return_query())


@bp.post("/submissions/<reference>/erase", role="admin")
def erase(reference: str) -> Response:
    """Erase the submission's answers."""
    erasure.erase(reference, current_actor())
    return _redirect_to_case(reference, "Answers deleted.")


def _to_case(reference: str, notice: str, *stored: str) -> Response:
    """Redirect to the case, which shows the notice once. Show it at once if somebody wrote in boxes
    other than those of the button and those that were `stored`."""
    if unsaved := case_form.find_unsaved(request.form, stored, is_done=True):
        return case_page(notice=notice, unsaved=unsaved)
    return _redirect_to_case(reference, notice)


def _redirect_to_case(reference: str, notice: str) -> Response:
    """Redirect to the case, which shows the notice once."""
    session["notice"] = notice
    return redirect(url_for("staff.submission", reference=reference, **return_query()), 303)
