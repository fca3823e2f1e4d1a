"""Signing in and out, and the user's own account."""

import math
import secrets
from typing import Any

from flask import abort, current_app, redirect, request, session, url_for
from itsdangerous import BadSignature
from werkzeug.wrappers import Response

from ..forms.text import replace_forbidden
from ..web.htmx import render_page
from ..web.links import serializer
from . import accounts, passwords, permissions, second_factor, sign_in
from .permissions import bp, cookie_name, current_actor, current_user

BROWSER_COOKIE = "staff_browser"
"""Identifies a browser in which an account signed in, so that attempts of others do not slow it."""
BROWSER_COOKIE_SECONDS = 180 * 24 * 3600


@bp.get("/login", role="")
def sign_in_page() -> Response:
    """Show the sign-in form."""
    return render_page("accounts/sign_in.html", next=_safe_next(request.args.get("next", "")))


@bp.post("/login", endpoint="sign_in", role="")
def submit_sign_in() -> Response:
    """Open a session; a wrong address, password and code get the same answer."""
    form, address = request.form, request.remote_addr or ""
    email, password, code = (form.get(name, "") for name in ("email", "password", "code"))
    page, browser = _safe_next(form.get("next", "")), _known_browser(email)
    try:
        token, user = sign_in.sign_in(email, password, code, address, browser)
    except sign_in.SignInRefused as refused:
        return _sign_in_error(refused, email, page)
    return begin_session(
        redirect(page or url_for("staff.dashboard"), 303), token, user.email, browser
    )


def begin_session(response: Response, token: str, email: str, browser: str = "") -> Response:
    """Set the cookies of a session that was opened, and return the response."""
    seconds = int(sign_in.ABSOLUTE_TIMEOUT.total_seconds())
    _set_cookie(response, permissions.SESSION_COOKIE, token, seconds, "/staff")
    signed = str(serializer("staff-browser").dumps([email, browser or secrets.token_hex(8)]))
    _set_cookie(response, BROWSER_COOKIE, signed, BROWSER_COOKIE_SECONDS, url_for("staff.sign_in"))
    return response


def _sign_in_error(refused: sign_in.SignInRefused, email: str, page: str) -> Response:
    seconds = math.ceil(refused.wait.total_seconds())
    status, email = 429 if seconds else 422, replace_forbidden(email)
    lost = zip(request.form.getlist("lost-label"), request.form.getlist("lost"), strict=False)
    response = render_page(
        "accounts/sign_in.html", status, next=page, email=email, seconds=seconds, typed=[*lost]
    )
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _set_cookie(response: Response, name: str, value: str, seconds: int, path: str) -> None:
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    flags: dict[str, Any] = {"secure": secure, "httponly": True, "samesite": "Lax"}
    response.set_cookie(cookie_name(name), value, seconds, path=path, **flags)


def _safe_next(path: str) -> str:
    """Return the path if it is a page of the staff side, else an empty string."""
    is_staff = path.startswith("/staff/") and path.isprintable() and "\\" not in path
    is_no_page = ".." in path or path.startswith(("/staff/export", "/staff/logout"))
    return path if is_staff and not is_no_page else ""


def _known_browser(email: str) -> str:
    cookie = request.cookies.get(cookie_name(BROWSER_COOKIE), "")
    try:
        owner, browser = serializer("staff-browser").loads(cookie)
    except BadSignature:
        return ""
    return str(browser) if owner == email.strip().lower() else ""


@bp.post("/logout", role="viewer")
def sign_out() -> Response:
    """End the session of this browser."""
    sign_in.sign_out(current_user(), current_actor())
    for name in ("once", "acting"):
        session.pop(name, None)
    response = redirect(url_for("staff.sign_in_page", out="1"), 303)
    _set_cookie(response, permissions.SESSION_COOKIE, "", 0, "/staff")
    return response


@bp.get("/account", role="viewer")
def account(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    """Show the user's own account."""
    own = accounts.find_account_by_id(current_user().id)
    return render_page(
        "accounts/account.html",
        status,
        errors=errors or {},
        notice=session.pop("notice", ""),
        setup=_offered_setup(),
        digests=accounts.DIGESTS,
        digest=own.digest if own else "",
        codes_left=len(own.recovery_codes) if own else 0,
        is_second_factor_required=second_factor.is_second_factor_required(),
    )


@bp.post("/account", role="viewer")
def change_account() -> Response:
    """Change the password, the second factor, the name or the digest."""
    form, user, actor = request.form, current_user(), current_actor()
    action = form.get("action")
    try:
        if action == "password":
            accounts.change_password(user, form.get("old", ""), form.get("new", ""), actor)
            session["notice"] = "Password changed. You’ve been signed out everywhere else."
        elif action == "second-factor":
            password, code = form.get("password", ""), "".join(form.get("code", "").split())
            second_factor.set_second_factor(
                user, password, _offered_setup(), code, actor, kept="kept" in form
            )
            session["notice"] = "Two-step sign-in is set up. You’ve been signed out elsewhere."
        elif action == "name":
            accounts.set_name(user.email, form.get("name", ""), actor)
            session["notice"] = "Name saved."
        elif action == "digest":
            accounts.set_digest(user, form.get("digest", ""), actor)
            session["notice"] = "Digest saved."
        else:
            abort(400)
    except passwords.WeakPassword as weak:
        return account(422, {"new": str(weak)})
    except accounts.AccountError as error:
        wrong = "password" if isinstance(error, accounts.WrongPassword) else error.field
        return account(422, {"old" if action == "password" else wrong: str(error)})
    return redirect(url_for("staff.account"), 303)


def _offered_setup() -> second_factor.Setup:
    return second_factor.offer_setup(str(current_user().id), request.form.get("setup", ""))
