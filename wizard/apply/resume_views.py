"""The resume link of a draft, and its deletion."""

import uuid
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from ..db.engine import db, reading
from ..web import languages, links
from ..web.htmx import render_page
from ..web.limits import limiter
from . import access, drafts, resume
from .addresses import read_address
from .pages import to_receipt, to_step

bp = Blueprint("resume", __name__)

MAIL_LIMIT = "20 per hour"
"""Resume links mailed for one client."""


@bp.get("/respond/<uuid:draft_id>/save")
def save_link(draft_id: uuid.UUID, status: int = 200, **context: Any) -> Response:
    """Show the resume link and its expiry, to copy or to receive by e-mail."""
    draft = access.read_draft(draft_id)
    if draft.submission:
        return to_receipt(draft_id)
    return render_page(
        "apply/save.html",
        status,
        draft=draft,
        link=links.resume_url(draft.id, draft.link_version),
        until=drafts.last_day(draft),
        first_open=drafts.journey_for(draft).first_incomplete,
        mailed="mailed" in request.args,
        renewed="renewed" in request.args,
        **context,
    )


def is_leaving() -> bool:
    """Return True if the post removes the draft from this browser, which is never limited."""
    return request.form.get("action") == "leave"


def is_renewing() -> bool:
    """Return True if the post ends the link, which is never limited."""
    return request.form.get("action") == "renew"


@bp.post("/respond/<uuid:draft_id>/save")
@limiter.limit(
    MAIL_LIMIT,
    exempt_when=lambda: is_leaving() or is_renewing(),
    deduct_when=lambda response: response.status_code == 303,
)
def mail_or_leave(draft_id: uuid.UUID) -> Response:
    """Mail the link to an address, replace it, or remove the draft from this browser."""
    access.require_access(draft_id)
    if is_leaving():
        access.revoke_access(draft_id)
        return redirect(url_for("public.landing", left="1"), 303)
    with reading():
        is_submitted = access.read_draft(draft_id).submission is not None
    if is_submitted:
        return to_receipt(draft_id)
    if is_renewing():
        resume.renew_link(draft_id)
        return redirect(url_for("resume.save_link", draft_id=draft_id, renewed="1"), 303)
    address, problem = read_address()
    if problem:
        return save_link(draft_id, **problem)
    resume.request_link(draft_id, address)
    return redirect(url_for("resume.save_link", draft_id=draft_id, mailed="1"), 303)


@bp.get("/resume/<token>")
def open_resume_link(token: str) -> Response:
    """Open a draft in this browser; redirect, so that the token is not in the address bar."""
    draft = drafts.find_by_token(token, "resume")
    if draft is None:
        return render_page("apply/no_draft.html", 404)
    access.grant_access(draft.id)
    query = languages.opening_query(draft.language)
    if request.args.get("then") == "delete":
        return redirect(url_for("resume.ask_to_delete", draft_id=draft.id, **query), 303)
    if draft.submission:
        return to_receipt(draft.id)
    return to_step(draft.id, drafts.journey_for(draft).first_incomplete, **query)


@bp.get("/respond/<uuid:draft_id>/delete")
def ask_to_delete(draft_id: uuid.UUID) -> Response:
    """Show the page that confirms the deletion of a draft."""
    draft = access.read_draft(draft_id)
    if draft.submission:
        return to_receipt(draft_id)
    return render_page("apply/delete.html", draft=draft, party=drafts.party_of(draft))


@bp.post("/respond/<uuid:draft_id>/delete")
def delete(draft_id: uuid.UUID) -> Response:
    """Delete a draft after confirmation, unless it was submitted."""
    if request.form.get("action") != "delete":
        return ask_to_delete(draft_id)
    access.require_access(draft_id)
    with access.editing(draft_id) as draft:
        is_submitted = draft.submission is not None
        if not is_submitted:
            db.session.delete(draft)
    if is_submitted:
        return to_receipt(draft_id)
    access.revoke_access(draft_id)
    return redirect(url_for("public.landing", deleted="1"), 303)
