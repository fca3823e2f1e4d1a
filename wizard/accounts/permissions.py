"""Permissions: the role that each endpoint of the staff side requires."""

from dataclasses import replace
from typing import Any, cast

from flask import Blueprint, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from ..web.current import current_flow
from ..web.errors import ERROR_PAGES, error_response
from ..web.form_fields import label_texts
from ..web.htmx import render_page
from . import second_factor, sign_in, tokens
from .accounts import CurrentUser
from .audit import Actor

SESSION_COOKIE = "staff"  # holds the session token; sent to the staff side only
REQUIRED_ROLE: dict[str, str | None] = {}
"""The lowest role by endpoint; empty for anybody, None for nobody."""
ALLOWED_BEFORE_SECOND_FACTOR = ("staff.account", "staff.change_account", "staff.sign_out")
ROLE_REFUSALS = {
    "viewer": "Only viewers, editors or admins can do this.",
    "editor": "Only editors or admins can do this.",
    "admin": "Only admins can do this.",
}
"""The sentence of a refusal by the role that is required."""
BEARER = {"WWW-Authenticate": "Bearer"}


class StaffBlueprint(Blueprint):
    """A blueprint whose routes name the lowest role that may use them: `role="editor"`."""

    def add_url_rule(self, *args: Any, role: str | None = None, **options: Any) -> None:
        super().add_url_rule(*args, **options)
        _, endpoint, view = args
        REQUIRED_ROLE[f"{self.name}.{endpoint or view.__name__}"] = role


bp = StaffBlueprint("staff", __name__, url_prefix="/staff")


@bp.app_template_global()
def may(endpoint: str) -> bool:
    """Return True if the signed-in user may use an endpoint, to offer it on a page."""
    role = REQUIRED_ROLE[endpoint]
    return role is not None and current_user().has_role(role)


def cookie_name(name: str) -> str:
    """Return the full name of a cookie; `__Secure-` lets only HTTPS set it."""
    return f"__Secure-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def current_user() -> CurrentUser:
    """Return the signed-in user."""
    return cast(CurrentUser, g.user)


def current_actor() -> Actor:
    """Return the actor for the audit log: the signed-in user or the token."""
    return cast(Actor, g.actor)


def store_secret_once(title: str, *lines: str) -> None:
    """Keep a secret for the next page of the same user, which shows it once."""
    session["once"] = [current_user().email, title, *lines]


def pop_secret_once() -> list[str]:
    """Return and forget the secret to show: a title and its lines; empty if there is none."""
    owner, *lines = session.pop("once", [""])
    return lines if owner == current_user().email else []


@bp.before_request
def check_permission() -> Response | None:
    """Return None to let the request pass, or the response that refuses it."""
    endpoint = request.endpoint or ""
    required = REQUIRED_ROLE.get(endpoint)
    if required == "":
        return None
    if endpoint == "staff.export" and "Authorization" in request.headers:
        return _check_token()
    user = sign_in.load_session(request.cookies.get(cookie_name(SESSION_COOKIE), ""))
    if user is None:
        return _ask_to_sign_in()
    g.user, g.actor = user, Actor(user.email, request.remote_addr or "")
    if required is None or not user.has_role(required):
        return refuse(endpoint)
    lacks_factor = second_factor.is_second_factor_required() and not user.has_second_factor
    if lacks_factor and endpoint not in ALLOWED_BEFORE_SECOND_FACTOR:
        return redirect(url_for("staff.account"), 303)
    return None


def refuse(endpoint: str) -> Response:
    """Return the page that names who may use an endpoint."""
    required, page = REQUIRED_ROLE.get(endpoint), ERROR_PAGES[403]
    if required in ROLE_REFUSALS:
        page = replace(page, explanation=ROLE_REFUSALS[required])
    return error_response(403, page)


def _check_token() -> Response | None:
    """Check `Authorization: Bearer` (RFC 6750)."""
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    name = tokens.authenticate(secret.strip()) if scheme.lower() == "bearer" else None
    if name is None:
        text = "Invalid token. It may be mistyped, expired or revoked.\n"
        return Response(text, 401, BEARER, content_type="text/plain")
    g.actor = Actor(f"token:{name}", request.remote_addr or "")
    return None


def _ask_to_sign_in() -> Response:
    """Redirect to the sign-in page; after a post, show it at once with the text that was typed."""
    accepts_html = "text/html" in request.headers.get("Accept", "")
    if request.method == "GET" and (accepts_html or request.endpoint != "staff.export"):
        return redirect(url_for("staff.sign_in_page", next=_requested_page()), 303)
    case = request.path.rpartition("/")[0]
    page = case if "/submissions/" in case else ""
    typed = label_texts(request.form, current_flow().fields)
    response = render_page("accounts/sign_in.html", 401, typed=typed, ended=True, next=page)
    response.headers.update(BEARER)
    return response


def _requested_page() -> str:
    """Return the requested address; for a file, that of the page which links to it."""
    path = request.full_path.rstrip("?")
    files = {"staff.export": "staff.submissions", "staff.audit_export": "staff.audit"}
    page = files.get(request.endpoint or "")
    return path.replace(request.path, url_for(page), 1) if page else path
