"""Admin pages: tokens and the audit log."""

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from .. import clock
from ..web import tables
from ..web.htmx import render_page
from ..web.query import list_address, parse_args, parse_whole_number, wants_bom
from . import accounts, audit, sentences, tokens
from .permissions import bp, current_actor, pop_secret_once, store_secret_once


@bp.get("/tokens", endpoint="tokens", role="admin")
def tokens_page(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    """Show every token."""
    return render_page(
        "accounts/tokens.html",
        status,
        tokens=tokens.list_tokens(),
        now=clock.now(),
        errors=errors or {},
        secret=pop_secret_once(),
    )


@bp.post("/tokens", role="admin")
def change_tokens() -> Response:
    """Create or revoke a token."""
    name, action = request.form.get("name", ""), request.form.get("action")
    try:
        if action == "revoke":
            tokens.revoke_token(name, current_actor())
        elif action == "make":
            days = parse_whole_number(request.form.get("days", "")) or 0
            token = tokens.create_token(name, days, current_actor())
            store_secret_once(f"API token “{name}”", token)
        else:
            abort(400)
    except tokens.TokenError as error:
        return tokens_page(422, {error.field: str(error)})
    return redirect(url_for("staff.tokens"), 303)


@bp.get("/audit", endpoint="audit", role="admin")
def audit_page() -> Response:
    """Show the audit log, newest first."""
    chosen = parse_args(request.args.to_dict(flat=False), audit.FILTERS, ("before",))
    before = parse_whole_number(request.args.get("before", "")) or 0
    events = audit.list_events(chosen, before)
    page = {"before": str(before)} if before else {}
    return render_page(
        "accounts/audit.html",
        address=list_address(url_for("staff.audit"), chosen | page, {}),
        events=events[: audit.PAGE_SIZE],
        older=events[audit.PAGE_SIZE - 1].id if len(events) > audit.PAGE_SIZE else 0,
        chosen=chosen,
        actions=audit.ACTIONS,
        describe_action=sentences.describe_action,
        people=[each.email for each in accounts.list_accounts()],
    )


@bp.get("/audit.csv", role="admin")
def audit_export() -> Response:
    """Stream the filtered audit log as CSV."""
    chosen = parse_args(request.args.to_dict(flat=False), audit.FILTERS, ("bom",))
    audit.record_event(current_actor(), "exported", "audit.csv", filters=chosen)
    rows = audit.csv_rows(chosen, sentences.describe_action)
    stream = tables.as_csv(audit.COLUMNS, rows, bom=wants_bom(request.args))
    file_name = f"audit-{clock.today()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return Response(stream, content_type="text/csv; charset=utf-8", headers=headers)
