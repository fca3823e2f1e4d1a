"""Signing in and out, and the user's own account."""

import math
import secrets
from contextlib import suppress
from typing import Any

import pyotp
import segno
from flask import abort, current_app, redirect, request, session, url_for
from itsdangerous import BadSignature
from markupsafe import Markup
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
    response = redirect(page or url_for("staff.dashboard"), 303)
    seconds = int(sign_in.ABSOLUTE_TIMEOUT.total_seconds())
    _set_cookie(response, permissions.SESSION_COOKIE, token, seconds, "/staff")
    signed = str(serializer("staff-browser").dumps([user.email, browser or secrets.token_hex(8)]))
    _set_cookie(response, BROWSER_COOKIE, signed, BROWSER_COOKIE_SECONDS, url_for("staff.sign_in"))
    return response


def _sign_in_error(refused: sign_in.SignInRefused, email: str, page: str) -> Response:
    seconds = math.ceil(refused.wait.total_seconds())
    status, email = 429 if seconds else 422, replace_forbidden(email)
    response = render_page("accounts/sign_in.html", status, next=page, email=email, seconds=seconds)
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
    secret = _offered_secret()
    name = current_app.config["PROGRAM_NAME"]
    uri = pyotp.TOTP(secret).provisioning_uri(name=current_user().email, issuer_name=name)
    return render_page(
        "accounts/account.html",
        status,
        errors=errors or {},
        notice=session.pop("notice", ""),
        secret=permissions.pop_secret_once(),
        key=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        setup=str(serializer("staff-totp").dumps([current_user().id, secret])),
        code_image=Markup(segno.make(uri).svg_inline(scale=5, dark="#000", light="#fff")),  # noqa: S704
        is_second_factor_required=second_factor.is_second_factor_required(),
    )


@bp.post("/account", role="viewer")
def change_account() -> Response:
    """Change the password or the second factor."""
    form, user, actor = request.form, current_user(), current_actor()
    action = form.get("action")
    try:
        if action == "password":
            accounts.change_password(user, form.get("old", ""), form.get("new", ""), actor)
            session["notice"] = "Password changed. You’ve been signed out everywhere else."
        elif action == "second-factor":
            password, code = form.get("password", ""), "".join(form.get("code", "").split())
            codes = second_factor.set_second_factor(user, password, _offered_secret(), code, actor)
            permissions.store_secret_once("Your recovery codes", *codes)
        else:
            abort(400)
    except passwords.WeakPassword as weak:
        return account(422, {"new": str(weak)})
    except accounts.AccountError as error:
        wrong = "password" if isinstance(error, accounts.WrongPassword) else "code"
        return account(422, {"old" if action == "password" else wrong: str(error)})
    return redirect(url_for("staff.account"), 303)


def _offered_secret() -> str:
    """Return the secret that the posted page offered, signed for this user, or a new one."""
    with suppress(BadSignature):
        owner, secret = serializer("staff-totp").loads(request.form.get("setup", ""))
        if owner == current_user().id:
            return str(secret)
    return pyotp.random_base32()
