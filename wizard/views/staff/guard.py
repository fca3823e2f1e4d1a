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

from ... import second_factor, sign_in, tokens
from ...accounts import CurrentUser
from ...audit import Actor
from ...htmx import render_page

bp = Blueprint("staff", __name__, url_prefix="/staff")

COOKIE = "staff"
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
    "move": "editor",
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
WITHOUT_SECOND_FACTOR = ("account", "change_account", "sign_out")
"""Endpoints allowed before the second factor is set up."""


def cookie(name: str) -> str:
    """Return the full name of a cookie: with its prefix only HTTPS can set it."""
    return f"__Secure-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def current_user() -> CurrentUser:
    """Return who is signed in."""
    return cast(CurrentUser, g.person)


def actor() -> Actor:
    """Return who acts, for the audit log."""
    return cast(Actor, g.actor)


def show_once(title: str, *lines: str) -> None:
    """Keep a secret for the next page, which shows it once and to the same person."""
    session["once"] = [current_user().email, title, *lines]


def shown_once() -> list[str]:
    """Return what is to be shown once: a title, and the lines below it."""
    owner, *lines = session.pop("once", [""])
    return lines if owner == current_user().email else []


@bp.before_request
def guard() -> Response | None:
    """Let a request pass, or answer why not."""
    name = (request.endpoint or "").removeprefix("staff.")
    least = REQUIRED_ROLE.get(name)
    if least == "":
        return None
    if name == "export" and "Authorization" in request.headers:
        return _by_token()
    found = sign_in.load_session(request.cookies.get(cookie(COOKIE), ""))
    if found is None:
        return _not_signed_in()
    g.person, g.actor = found, Actor(found.email, request.remote_addr or "")
    if least is None or not found.has_role(least):
        abort(403)
    if second_factor.is_second_factor_required() and not found.has_second_factor:
        return None if name in WITHOUT_SECOND_FACTOR else redirect(url_for("staff.account"), 303)
    return None


def _by_token() -> Response | None:
    """Programs come with `Authorization: Bearer` (RFC 6750)."""
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    name = tokens.authenticate(secret.strip()) if scheme.lower() == "bearer" else None
    if name is None:
        text = "This token opens nothing: it is mistyped, expired or revoked.\n"
        return _unauthorized(make_response(text, {"Content-Type": "text/plain"}))
    g.actor = Actor(f"token:{name}", request.remote_addr or "")
    return None


def _not_signed_in() -> Response:
    """To the sign-in page. What was typed into a page that outlived its session is shown there."""
    from_a_page = "text/html" in request.headers.get("Accept", "")
    if request.method == "GET" and (from_a_page or request.endpoint != "staff.export"):
        return redirect(url_for("staff.sign_in_page", next=_page_of_request()), 303)
    typed, case = request.form.get("text", ""), request.path.rpartition("/")[0]
    goes_on = case if "/submissions/" in case else ""
    return _unauthorized(
        render_page("staff/sign_in.html", 401, typed=typed, ended=True, next=goes_on)
    )


def _page_of_request() -> str:
    """The page that was asked for; of a file the page that leads to it."""
    path = request.full_path.rstrip("?")
    files = {"staff.export": "staff.submissions", "staff.audit_export": "staff.audit"}
    page = files.get(request.endpoint or "")
    return path.replace(request.path, url_for(page), 1) if page else path


def _unauthorized(response: Response) -> Response:
    response.status_code = 401
    response.headers["WWW-Authenticate"] = "Bearer"
    return response
