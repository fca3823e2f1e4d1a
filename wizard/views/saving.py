"""Leaving a draft and coming back to it: its resume link, and its end."""

import uuid
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from .. import clock, drafts, links, resuming
from ..extensions import db, reading
from ..fields import Email
from ..htmx import render_page
from ..limits import limiter
from ..text import Invalid
from . import access
from .pages import to_receipt, to_step

bp = Blueprint("saving", __name__)

MAILS = "20 per hour"
"""Resume links that one sender may have mailed."""
ADDRESS = Email("address", "E-mail address", noun="the e-mail address", required=True)


@bp.get("/respond/<uuid:draft_id>/save")
def save(draft_id: uuid.UUID) -> Response:
    """Show the resume link, to copy or to have mailed."""
    return save_page(draft_id)


@bp.post("/respond/<uuid:draft_id>/save")
@limiter.limit(
    MAILS, exempt_when=lambda: leaves(), deduct_when=lambda response: response.status_code == 303
)
def mail_or_leave(draft_id: uuid.UUID) -> Response:
    """Mail the link to an address, or take the draft out of this browser."""
    access.require(draft_id)
    if leaves():
        access.leave(draft_id)
        return redirect(url_for("public.landing", left="1"), 303)
    with reading():
        is_submitted = access.read(draft_id).submission is not None
    if is_submitted:
        return to_receipt(draft_id)
    typed = request.form.get("address", "")
    try:
        address = ADDRESS.parse(typed, clock.today())
    except Invalid as invalid:
        return save_page(draft_id, 422, typed=typed, error=invalid.message)
    resuming.mail_link(draft_id, address)
    return redirect(url_for("saving.save", draft_id=draft_id, mailed="1"), 303)


def leaves() -> bool:
    """Return True if the post takes the draft out of this browser, which no limit may hinder."""
    return request.form.get("action") == "leave"


def save_page(draft_id: uuid.UUID, status: int = 200, **context: Any) -> Response:
    """Return the page with the link and the date until which it works."""
    draft = access.read(draft_id)
    if draft.submission:
        return to_receipt(draft_id)
    return render_page(
        "applicant/save.html",
        status,
        draft=draft,
        link=links.resume_url(draft.id, draft.link_version),
        until=drafts.kept_until(draft),
        first_open=drafts.journey(draft).first_open,
        mailed="mailed" in request.args,
        **context,
    )


@bp.get("/resume/<token>")
def resume(token: str) -> Response:
    """Open a draft in this browser, as often as wanted, and take the token off the address."""
    draft = drafts.opened_by(token, "resume")
    if draft is None:
        return render_page("applicant/no_draft.html", 404)
    access.open_here(draft.id)
    if request.args.get("then") == "delete":
        return redirect(url_for("saving.ask_to_delete", draft_id=draft.id), 303)
    if draft.submission:
        return to_receipt(draft.id)
    return to_step(draft.id, drafts.journey(draft).first_open)


@bp.get("/respond/<uuid:draft_id>/delete")
def ask_to_delete(draft_id: uuid.UUID) -> Response:
    """Ask whether a draft is to be deleted."""
    draft = access.read(draft_id)
    if draft.submission:
        return to_receipt(draft_id)
    return render_page("applicant/delete.html", draft=draft)


@bp.post("/respond/<uuid:draft_id>/delete")
def delete(draft_id: uuid.UUID) -> Response:
    """Delete a draft once that was confirmed; what was submitted stays."""
    if request.form.get("action") != "delete":
        return ask_to_delete(draft_id)
    access.require(draft_id)
    with access.editing(draft_id) as draft:
        is_submitted = draft.submission is not None
        if not is_submitted:
            db.session.delete(draft)
    if is_submitted:
        return to_receipt(draft_id)
    access.leave(draft_id)
    return redirect(url_for("public.landing", deleted="1"), 303)
