"""Signing in and out, and one's own account."""

import math
import secrets

import pyotp
import segno
from flask import abort, current_app, g, redirect, request, session, url_for
from itsdangerous import BadSignature
from markupsafe import Markup
from werkzeug.wrappers import Response

from ..forms.text import replace_forbidden
from ..web.htmx import render_page
from ..web.signing import serializer
from . import accounts, passwords, second_factor, sign_in
from .accounts import AccountError, WrongPassword
from .permissions import (
    SESSION_COOKIE,
    bp,
    cookie_name,
    current_actor,
    current_user,
    pop_secret_once,
    store_secret_once,
)

BROWSER_COOKIE = "staff_browser"
"""Names a browser that somebody signed in with, so that nobody else's failures slow it."""
BROWSER_COOKIE_SECONDS = 180 * 24 * 3600


@bp.get("/login")
def sign_in_page() -> Response:
    """Show the sign-in form."""
    return render_page("accounts/sign_in.html", next=_safe_next(request.args.get("next", "")))


@bp.post("/login", endpoint="sign_in")
def submit_sign_in() -> Response:
    """Open a session; one answer for a wrong address, password or code."""
    form = request.form
    email, goes_on = form.get("email", ""), _safe_next(form.get("next", ""))
    address = request.remote_addr or ""
    browser = _known_browser(email)
    try:
        token, user = sign_in.sign_in(
            email, form.get("password", ""), form.get("code", ""), address, browser
        )
    except sign_in.SignInRefused as refused:
        return _sign_in_error(refused, email, goes_on)
    response = redirect(goes_on or url_for("staff.dashboard"), 303)
    _set_cookie(
        response, SESSION_COOKIE, token, int(sign_in.ABSOLUTE_TIMEOUT.total_seconds()), "/staff"
    )
    known = [user.email, browser or secrets.token_hex(8)]
    signed = str(serializer("staff-browser").dumps(known))
    _set_cookie(response, BROWSER_COOKIE, signed, BROWSER_COOKIE_SECONDS, url_for("staff.sign_in"))
    return response


def _sign_in_error(refused: sign_in.SignInRefused, email: str, goes_on: str) -> Response:
    seconds = math.ceil(refused.wait.total_seconds())
    status, email = 429 if seconds else 422, replace_forbidden(email)
    response = render_page(
        "accounts/sign_in.html", status, next=goes_on, email=email, seconds=seconds
    )
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _set_cookie(response: Response, name: str, value: str, seconds: int, path: str) -> None:
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=seconds,
        path=path,
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def _safe_next(path: str) -> str:
    """Where to go on after signing in: only to a page of the staff side."""
    good = path.startswith("/staff/") and path.isprintable() and "\\" not in path
    elsewhere = ".." in path or path.startswith(("/staff/export", "/staff/logout"))
    return path if good and not elsewhere else ""


def _known_browser(email: str) -> str:
    try:
        known, browser = serializer("staff-browser").loads(
            request.cookies.get(cookie_name(BROWSER_COOKIE), "")
        )
    except BadSignature:
        return ""
    return str(browser) if known == email.strip().lower() else ""


@bp.post("/logout")
def sign_out() -> Response:
    """End the session of this browser."""
    sign_in.sign_out(current_user(), current_actor())
    session.pop("once", None)
    response = redirect(url_for("staff.sign_in_page", out="1"), 303)
    _set_cookie(response, SESSION_COOKIE, "", 0, "/staff")
    return response


@bp.get("/account")
def account() -> Response:
    """Show one's own account."""
    return _account_page()


@bp.post("/account")
def change_account() -> Response:
    """Change the password or the second factor."""
    form = request.form
    try:
        if form.get("action") == "password":
            accounts.change_password(
                current_user(), form.get("old", ""), form.get("new", ""), current_actor()
            )
            session["said"] = "Your password is changed. Every other session of yours has ended."
        elif form.get("action") == "second-factor":
            codes = second_factor.set_second_factor(
                current_user(),
                form.get("password", ""),
                _secret_being_set(),
                "".join(form.get("code", "").split()),
                current_actor(),
            )
            store_secret_once("Your recovery codes", *codes)
        else:
            abort(400)
    except passwords.WeakPassword as weak:
        return _account_page(422, {"new": str(weak)})
    except AccountError as error:
        asked = "password" if isinstance(error, WrongPassword) else "code"
        field = "old" if form.get("action") == "password" else asked
        return _account_page(422, {field: str(error)})
    return redirect(url_for("staff.account"), 303)


def _secret_being_set() -> str:
    """The secret that the page showed, signed so that nobody can be given another one."""
    try:
        owner, secret = serializer("staff-totp").loads(request.form.get("setup", ""))
    except BadSignature:
        owner, secret = None, ""
    return str(secret) if owner == current_user().id else pyotp.random_base32()


def _account_page(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    secret = _secret_being_set()
    name = current_app.config["PROGRAM_NAME"]
    uri = pyotp.TOTP(secret).provisioning_uri(name=current_user().email, issuer_name=name)
    return render_page(
        "accounts/account.html",
        status,
        errors=errors or {},
        said=session.pop("said", ""),
        once=pop_secret_once(),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        setup=str(serializer("staff-totp").dumps([current_user().id, secret])),
        code_image=Markup(segno.make(uri).svg_inline(scale=5, dark="#000", light="#fff")),  # noqa: S704
        needed=second_factor.is_second_factor_required(),
        person=g.person,
    )
