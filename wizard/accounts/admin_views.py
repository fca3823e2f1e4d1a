"""What admins do: people, tokens, and the audit log."""

from flask import Response as Streamed
from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from .. import clock
from ..web import tables
from ..web.htmx import render_page
from ..web.query import list_address, parse_args, whole_number
from . import accounts, audit, tokens
from .accounts import AccountError
from .permissions import bp, current_actor, pop_secret_once, store_secret_once
from .tokens import TokenError


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
                store_secret_once(
                    f"The password of {email}", accounts.add_account(email, role, current_actor())
                )
            case "role":
                accounts.set_role(email, role, current_actor())
            case "disable":
                accounts.disable_account(email, current_actor())
            case "reset":
                store_secret_once(
                    f"The password of {email}", accounts.reset_account(email, current_actor())
                )
            case _:
                abort(400)
    except AccountError as error:
        return _people_page(422, {"email": str(error)})
    return redirect(url_for("staff.people"), 303)


def _people_page(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    return render_page(
        "accounts/people.html",
        status,
        people=accounts.list_accounts(),
        roles=accounts.ROLES,
        errors=errors or {},
        once=pop_secret_once(),
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
            tokens.revoke_token(name, current_actor())
        elif form.get("action") == "make":
            days = whole_number(form.get("days", "")) or 0
            store_secret_once(
                f"The token “{name}”", tokens.create_token(name, days, current_actor())
            )
        else:
            abort(400)
    except TokenError as error:
        return _tokens_page(422, {error.field: str(error)})
    return redirect(url_for("staff.tokens"), 303)


def _tokens_page(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    return render_page(
        "accounts/tokens.html",
        status,
        tokens=tokens.list_tokens(),
        now=clock.now(),
        errors=errors or {},
        once=pop_secret_once(),
    )


@bp.get("/audit", endpoint="audit")
def audit_page() -> Response:
    """Who did what, the newest first."""
    chosen = parse_args(request.args.to_dict(flat=False), audit.FILTERS, ("before",))
    before = whole_number(request.args.get("before", "")) or 0
    events = audit.list_events(chosen, before)
    at = {"before": str(before)} if before else {}
    return render_page(
        "accounts/audit.html",
        address=list_address(url_for("staff.audit"), chosen | at, {}),
        events=events[: audit.PAGE_SIZE],
        older=events[audit.PAGE_SIZE - 1].id if len(events) > audit.PAGE_SIZE else 0,
        chosen=chosen,
        actions=audit.ACTIONS,
        in_words=audit.describe_event,
    )


@bp.get("/audit.csv")
def audit_export() -> Response:
    """The same as a table."""
    chosen = parse_args(request.args.to_dict(flat=False), audit.FILTERS)
    audit.record_event(current_actor(), "exported", "audit.csv", filters=chosen)
    name = f"audit-{clock.now().date()}.csv"
    return Streamed(
        tables.as_csv(audit.COLUMNS, audit.csv_rows(chosen)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
