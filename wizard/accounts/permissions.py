"""Permissions: the role that each address of the staff side requires."""

from typing import cast

from flask import (
    Blueprint,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from ..web.htmx import render_page
from . import second_factor, sign_in, tokens
from .accounts import CurrentUser
from .audit import Actor

bp = Blueprint("staff", __name__, url_prefix="/staff")

SESSION_COOKIE = "staff"
"""Holds a session's token; sent to the staff side alone."""

REQUIRED_ROLE = {
    "sign_in_page": "",
    "sign_in": "",
    "sign_out": "viewer",
    "account": "viewer",
    "change_account": "viewer",
    "dashboard": "viewer",
    "submissions": "viewer",
    "submission": "viewer",
    "export": "viewer",
    "decide": "editor",
    "note": "editor",
    "resend": "editor",
    "decide_report": "editor",
    "ask_to_erase": "admin",
    "erase": "admin",
    "people": "admin",
    "change_people": "admin",
    "tokens": "admin",
    "change_tokens": "admin",
    "audit": "admin",
    "audit_export": "admin",
}
"""The lowest role by endpoint; none for signing in. An endpoint that is not here is forbidden."""
ALLOWED_BEFORE_SECOND_FACTOR = ("account", "change_account", "sign_out")
"""Endpoints allowed before the second factor is set up."""


def cookie_name(name: str) -> str:
    """Return the full name of a cookie: with its prefix only HTTPS can set it."""
    return f"__Secure-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def current_user() -> CurrentUser:
    """Return who is signed in."""
    return cast(CurrentUser, g.person)


def current_actor() -> Actor:
    """Return who acts, for the audit log."""
    return cast(Actor, g.actor)


def store_secret_once(title: str, *lines: str) -> None:
    """Keep a secret for the next page, which shows it once and to the same person."""
    session["once"] = [current_user().email, title, *lines]


def pop_secret_once() -> list[str]:
    """Return what is to be shown once: a title, and the lines below it."""
    owner, *lines = session.pop("once", [""])
    return lines if owner == current_user().email else []


@bp.before_request
def check_permission() -> Response | None:
    """Let a request pass, or answer why not."""
    name = (request.endpoint or "").removeprefix("staff.")
    least = REQUIRED_ROLE.get(name)
    if least == "":
        return None
    if name == "export" and "Authorization" in request.headers:
        return _check_token()
    found = sign_in.load_session(request.cookies.get(cookie_name(SESSION_COOKIE), ""))
    if found is None:
        return _ask_to_sign_in()
    g.person, g.actor = found, Actor(found.email, request.remote_addr or "")
    if least is None or not found.has_role(least):
        abort(403)
    if second_factor.is_second_factor_required() and not found.has_second_factor:
        return (
            None
            if name in ALLOWED_BEFORE_SECOND_FACTOR
            else redirect(url_for("staff.account"), 303)
        )
    return None


def _check_token() -> Response | None:
    """Programs come with `Authorization: Bearer` (RFC 6750)."""
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    name = tokens.authenticate(secret.strip()) if scheme.lower() == "bearer" else None
    if name is None:
        text = "This token opens nothing: it is mistyped, expired or revoked.\n"
        return _unauthorized(make_response(text, {"Content-Type": "text/plain"}))
    g.actor = Actor(f"token:{name}", request.remote_addr or "")
    return None


def _ask_to_sign_in() -> Response:
    """To the sign-in page. What was typed into a page that outlived its session is shown there."""
    from_a_page = "text/html" in request.headers.get("Accept", "")
    if request.method == "GET" and (from_a_page or request.endpoint != "staff.export"):
        return redirect(url_for("staff.sign_in_page", next=_requested_page()), 303)
    typed, case = request.form.get("text", ""), request.path.rpartition("/")[0]
    goes_on = case if "/submissions/" in case else ""
    return _unauthorized(
        render_page("accounts/sign_in.html", 401, typed=typed, ended=True, next=goes_on)
    )


def _requested_page() -> str:
    """The page that was asked for; of a file the page that leads to it."""
    path = request.full_path.rstrip("?")
    files = {"staff.export": "staff.submissions", "staff.audit_export": "staff.audit"}
    page = files.get(request.endpoint or "")
    return path.replace(request.path, url_for(page), 1) if page else path


def _unauthorized(response: Response) -> Response:
    response.status_code = 401
    response.headers["WWW-Authenticate"] = "Bearer"
    return response
