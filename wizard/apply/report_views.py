"""The pages on which an organization reports on each of its promises."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from flask import Blueprint, abort, g, redirect, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from .. import clock
from ..db.engine import reading
from ..db.models import Submission
from ..db.promises import ReportDraft
from ..forms import outcomes
from ..forms.flow import Step
from ..forms.messages import Message
from ..forms.outputs import typed_texts
from ..forms.promises import OUTCOMES
from ..forms.reports import OUTCOME_LABELS, REVIEW, outcome_name, report_fields
from ..forms.saving import StepPost
from ..submissions import reports
from ..submissions.cases import CaseErased, CaseNotFound, can_report, locked_case
from ..web import errors, languages
from ..web.htmx import render_page
from ..web.limits import limiter
from ..web.security import OriginError
from . import access, answers, steps
from .binding import read_post
from .open_forms import OpenReport
from .pages import step_page

bp = Blueprint("report", __name__, url_prefix="/commitments/<reference>/update")


REPORT_LIMIT = "60 per hour"
"""Reports that one client may send."""
SENT = Message("Thank you. We received your progress update. Program staff will read it next.")
PAUSED = Message(
    "Your progress update is saved. To continue later, on any device, use the link in our emails."
)
TOO_MANY = Message(
    "Program staff haven’t read your earlier progress updates yet. This one is saved. Send it "
    "after they have."
)


@contextmanager
def editing(reference: str) -> Iterator[OpenReport | None]:
    """Lock a submission and its report; yield None if it cannot be reported on now."""
    access.require_commitment(reference)
    try:
        with locked_case(reference) as submission:
            yield _open(submission, lock=True)
    except CaseNotFound:
        abort(404)


def _open(submission: Submission, *, lock: bool = False) -> OpenReport | None:
    """Return the form of the report that can be filled in now; a new one is not stored yet."""
    promises = reports.list_reported(submission)
    if not can_report(submission) or not any(each.is_open for each in promises):
        return None
    draft = reports.find_draft(submission, lock=lock) or ReportDraft(
        submission_id=submission.id, answers={}, completed_steps=[], saves={}, promised={}
    )
    return OpenReport(submission, draft, promises, access.actor(submission.reference))


def read_form(reference: str) -> tuple[Submission, OpenReport | None]:
    """Return a submission that this browser opened, and the form of its report, to read."""
    submission = access.read_own_submission(reference)
    with reading():
        return submission, _open(submission)


@bp.get("")
def overview(reference: str) -> Response:
    """Lead to the list of promises, from which a report is sent; say why if that cannot be now."""
    submission, form = read_form(reference)
    return _to_step(reference, REVIEW) if form else _closed_page(submission)


@bp.post("")
def save_old_page(reference: str) -> Response:
    """Show what was entered on the one page that the previous version had, to copy it."""
    submission, form = read_form(reference)
    typed = list(_read_old_page(form.promises if form else []))
    return _closed_page(submission, typed, 409, moved=form is not None)


def _read_old_page(promises: Sequence[reports.ReportedPromise]) -> Iterator[tuple[str, str]]:
    """Yield what was entered about each entry, with its title; its place is in the field's name."""
    titles = {f"{each.promise.group}-{each.promise.place}": each.title for each in promises}
    for name, text in request.form.items(multi=True):
        place, _, asked = name.rpartition("-")
        if asked in ("done", "url", "note") and text.strip():
            yield titles.get(place, place), OUTCOME_LABELS["done"] if asked == "done" else text


def _to_step(reference: str, name: str) -> Response:
    return redirect(url_for("report.step", reference=reference, name=name), 303)


def _closed_page(
    submission: Submission,
    typed: Sequence[tuple[str, str]] = (),
    status: int = 200,
    *,
    moved: bool = False,
) -> Response:
    """Return the page without a form, with what was typed and can no longer be saved."""
    return render_page(
        "apply/report_closed.html",
        status,
        submission=submission,
        can_report=can_report(submission),
        typed=typed,
        moved=moved,
    )


@bp.get("/<name>")
def step(reference: str, name: str) -> Response:
    """Show the page about a promise, or the list of all. `outcome` chooses an answer, unsaved."""
    submission, form = read_form(reference)
    if form is None:
        return _closed_page(submission)
    found, chosen = form.flow.steps.get(name), request.args.get("outcome")
    if found is None:
        return _to_step(reference, REVIEW)  # removed meanwhile: the list says so
    if chosen not in OUTCOMES or name == REVIEW:
        return steps.show(form, name)
    typed = {**form.answers, outcome_name(name): chosen}
    return step_page(form.build_journey(typed), found, typed, form)


@bp.post("/<name>")
@limiter.limit(REPORT_LIMIT, deduct_when=lambda response: "is_report_sent" in g)
def save_step(reference: str, name: str) -> Response:
    """Save the page about a promise, or send the report."""
    form, post, outcome = None, read_post(_posted_step(name)), None
    try:
        with editing(reference) as form:
            if form and name in form.flow.steps:
                post = read_post(form.flow.steps[name])
                outcome = _save(form, post)
    except reports.TooManyReports:
        return _review_page(reference, TOO_MANY)
    if form is None or outcome is None:
        typed = typed_texts(post.step.fields, post.answers, clock.today())
        return _closed_page(access.read_own_submission(reference), typed, 409)
    if isinstance(outcome, outcomes.Submitted):
        session["notice"], g.is_report_sent = languages.translate(SENT), True
    if isinstance(outcome, outcomes.Paused):
        session["notice"] = languages.translate(PAUSED)
    return steps.respond(form, post, outcome)


def _save(form: OpenReport, post: StepPost) -> outcomes.Outcome:
    """Save a post. A review of answers that are stored no more was sent already, and is received
    once."""
    outcome = answers.save(form, post)
    is_gone = isinstance(outcome, outcomes.Outdated) and not form.is_stored
    return outcomes.Closed() if is_gone else outcome


def _posted_step(name: str) -> Step:
    """Return the page of a promise that may be gone, or the review, to read what was posted."""
    return Step(name, "", () if name == REVIEW else report_fields(name), short="")


def _review_page(reference: str, error: Message) -> Response:
    submission, form = read_form(reference)
    if form is None:
        return _closed_page(submission, status=409)
    journey = form.build_journey(form.answers)
    return step_page(journey, form.flow.review, form.answers, form, 422, {"report": error})


@bp.post("/<name>/autosave")
def autosave(reference: str, name: str) -> tuple[str, int]:
    """Save the answers on a page, valid or not; return a status message as a fragment."""
    if name == REVIEW:
        abort(404)
    outcome: outcomes.Outcome = outcomes.Closed()
    with editing(reference) as form:
        if form and name in form.flow.steps:
            outcome = answers.autosave(form, read_post(form.flow.steps[name]))
    return steps.autosave_status(outcome)


@bp.errorhandler(CSRFError)
def handle_csrf_error(error: CSRFError) -> Response:
    """Show the page again, with the typed answers to be confirmed, if its session or token expired
    while it was open."""
    if isinstance(error, OriginError) or request.endpoint != "report.save_step":
        return errors.handle_csrf_error(error)
    arguments: dict[str, Any] = request.view_args or {}
    with suppress(NotFound, CaseErased):
        _, form = read_form(arguments["reference"])
        if form and arguments["name"] in form.flow.steps:
            return steps.confirm_page(form, form.flow.steps[arguments["name"]])
    return errors.handle_csrf_error(error)
