"""What admins do: people, tokens, and the audit log."""

from flask import Response as Streamed
from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ... import accounts, audit, clock, tables, tokens
from ...accounts import AccountError
from ...htmx import render_page
from ...query import list_address, parse_args, whole_number
from ...tokens import TokenError
from .guard import actor, bp, show_once, shown_once


@bp.get("/people")
def people() -> Response:
    """Every account."""
    return _people_page()


@bp.post("/people")
def change_people() -> Response:
    """Adds an account or changes one."""
    form = request.form
    email, role = form.get("email", ""), form.get("role", "")
    try:
        match form.get("action"):
            case "add":
                show_once(f"The password of {email}", accounts.add(email, role, actor()))
            case "role":
                accounts.set_role(email, role, actor())
            case "disable":
                accounts.disable(email, actor())
            case "reset":
                show_once(f"The password of {email}", accounts.reset(email, actor()))
            case _:
                abort(400)
    except AccountError as error:
        return _people_page(422, {"email": str(error)})
    return redirect(url_for("staff.people"), 303)


def _people_page(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    return render_page(
        "staff/people.html",
        status,
        people=accounts.list_accounts(),
        roles=accounts.ROLES,
        errors=errors or {},
        once=shown_once(),
    )


@bp.get("/tokens", endpoint="tokens")
def tokens_page() -> Response:
    """Every token."""
    return _tokens_page()


@bp.post("/tokens")
def change_tokens() -> Response:
    """Makes a token or revokes one."""
    form = request.form
    name = form.get("name", "")
    try:
        if form.get("action") == "revoke":
            tokens.revoke(name, actor())
        elif form.get("action") == "make":
            days = whole_number(form.get("days", "")) or 0
            show_once(f"The token “{name}”", tokens.make(name, days, actor()))
        else:
            abort(400)
    except TokenError as error:
        return _tokens_page(422, {error.field: str(error)})
    return redirect(url_for("staff.tokens"), 303)


def _tokens_page(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    return render_page(
        "staff/tokens.html",
        status,
        tokens=tokens.list_tokens(),
        now=clock.now(),
        errors=errors or {},
        once=shown_once(),
    )


@bp.get("/audit", endpoint="audit")
def audit_page() -> Response:
    """Who did what, the newest first."""
    chosen = parse_args(request.args.to_dict(flat=False), audit.FILTERS, ("before",))
    before = whole_number(request.args.get("before", "")) or 0
    events = audit.page(chosen, before)
    at = {"before": str(before)} if before else {}
    return render_page(
        "staff/audit.html",
        address=list_address(url_for("staff.audit"), chosen | at, {}),
        events=events[: audit.PAGE],
        older=events[audit.PAGE - 1].id if len(events) > audit.PAGE else 0,
        chosen=chosen,
        actions=audit.ACTIONS,
        in_words=audit.in_words,
    )


@bp.get("/audit.csv")
def audit_export() -> Response:
    """The same as a table."""
    chosen = parse_args(request.args.to_dict(flat=False), audit.FILTERS)
    audit.write(actor(), "exported", "audit.csv", filters=chosen)
    name = f"audit-{clock.now().date()}.csv"
    return Streamed(
        tables.as_csv(audit.COLUMNS, audit.rows(chosen)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
