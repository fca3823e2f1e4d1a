"""Pages about colleagues: the list with its invitations, what asks first, and joining by a link."""

from dataclasses import dataclass

from flask import abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from .. import clock
from ..db.accounts import StaffUser
from ..forms.text import replace_forbidden
from ..web.htmx import render_page
from ..web.query import parse_whole_number
from . import accounts, invitations, passwords, second_factor, views
from .permissions import bp, current_actor, current_user, pop_secret_once, store_secret_once


@dataclass(frozen=True, slots=True)
class Step:
    """Something that changes another's access, and so asks first.

    `resets` are `invitations.PARTS`; `reopens` says that it enables a disabled account.
    """

    label: str
    question: str
    button: str
    effects: tuple[str, ...]
    resets: tuple[str, ...] = ()
    reopens: bool = False


LINK_MAILED = "We’ll email a link that works once, within 72 hours. Only its owner can open it."
SESSIONS_END = "They’re signed out everywhere right away."
NOTES_STAY = "Their notes, and what they did, stay as they are, with their name."
STEPS = {
    "disable": Step(
        "Disable",
        "Disable this account?",
        "Disable account",
        (
            SESSIONS_END,
            "They can’t sign in again until an admin opens the account again.",
            "Links that they sent to colleagues, and that nobody has used, end.",
            NOTES_STAY,
            "API tokens that they created keep working. Revoke them under “API tokens”.",
        ),
    ),
    "open": Step(
        "Open again",
        "Open this account again?",
        "Open account and email a link",
        (LINK_MAILED, "They choose a new password and set up their app again.", NOTES_STAY),
        tuple(invitations.PARTS),
        reopens=True,
    ),
    "reset-password": Step(
        "Reset password",
        "Reset this password?",
        "Reset password and email a link",
        (
            SESSIONS_END,
            "Their password stops working right away.",
            LINK_MAILED + " They choose a new password there. Their app stays the same.",
            NOTES_STAY,
        ),
        ("password",),
    ),
    "reset-second-factor": Step(
        "Reset two-step sign-in",
        "Reset two-step sign-in?",
        "Reset two-step sign-in and email a link",
        (
            SESSIONS_END,
            "Their app and their recovery codes stop working right away.",
            LINK_MAILED + " They set up a new app there. Their password stays the same.",
            NOTES_STAY,
        ),
        ("second_factor",),
    ),
}


@bp.get("/people", role="admin")
def people(status: int = 200, errors: dict[str, str] | None = None) -> Response:
    """Show every account, and the links that nobody has used."""
    everyone = accounts.list_accounts()
    admins = [each for each in everyone if each.role == "admin" and not each.disabled_at]
    return render_page(
        "accounts/people.html",
        status,
        people=everyone,
        links=invitations.list_open(),
        is_last_admin=len(admins) == 1,
        roles=accounts.ROLES,
        steps=STEPS,
        now=clock.now(),
        errors=errors or {},
        notice=session.pop("notice", ""),
        secret=pop_secret_once(),
    )


@bp.post("/people", role="admin")
def change_people() -> Response:
    """Invite somebody, change a role or a name, or send or revoke a link."""
    form, actor, link = request.form, current_actor(), ""
    email, name, role = (form.get(each, "") for each in ("email", "name", "role"))
    try:
        match form.get("action"):
            case "invite":
                link = invitations.invite(email, name, role, actor)
                session["notice"] = f"You invited {replace_forbidden(email.strip())}."
            case "send":
                link = invitations.send_again(form.get("link", ""), actor)
                session["notice"] = "A new link was sent. The one before has ended."
            case "revoke":
                invitations.revoke(form.get("link", ""), actor)
                session["notice"] = "Link revoked. It doesn’t work anymore."
            case "role":
                accounts.set_role(email, role, actor)
                session["notice"] = "Role changed. It applies right away."
            case "name":
                accounts.set_name(email, name, actor)
                session["notice"] = "Name saved."
            case _:
                abort(400)
    except accounts.AccountError as error:
        return people(422, {error.field: str(error)})
    return _to_people(link)


def _to_people(link: str = "") -> Response:
    """Redirect to the list; without a mail server it shows the link once, to pass it on."""
    if link and not current_app.config["SMTP_URL"]:
        store_secret_once("Link for your colleague (no mail server is set up)", link)
    return redirect(url_for("staff.people"), 303)


@bp.get("/people/<user_id>/<step>", role="admin")
def ask_about_person(user_id: str, step: str) -> Response:
    """Ask before access ends, and say what happens then."""
    return _ask(_find(user_id, step), step)


@bp.post("/people/<user_id>/<step>", role="admin")
def change_person(user_id: str, step: str) -> Response:
    """Disable or reset an account."""
    person, link, actor = _find(user_id, step), "", current_actor()
    chosen = STEPS[step]
    try:
        if chosen.resets:
            link = invitations.reset(person.email, chosen.resets, actor, reopens=chosen.reopens)
            session["notice"] = f"Link sent to {person.email}."
        else:
            accounts.disable_account(person.email, actor)
            session["notice"] = f"{person.email} is disabled."
    except accounts.AccountError as error:
        return _ask(person, step, str(error))
    return _to_people(link)


def _find(user_id: str, step: str) -> StaffUser:
    """Return the account; 404 for an unknown one, or an unknown step."""
    known = accounts.find_account_by_id(parse_whole_number(user_id) or 0)
    if not known or step not in STEPS:
        abort(404)
    return known


def _ask(person: StaffUser, step: str, error: str = "") -> Response:
    errors = {"step": error} if error else {}
    status = 422 if error else 200
    return render_page(
        "accounts/ask.html", status, person=person, step=STEPS[step], name=step, errors=errors
    )


@bp.get("/welcome/<token>", role="")
def welcome(token: str, status: int = 200, errors: dict[str, str] | None = None) -> Response:
    """Show what a link is for; opening it uses nothing up, since mail programs open links too."""
    try:
        link, user = invitations.read_link(token)
    except invitations.LinkClosed as closed:
        return _closed(closed)
    setup = second_factor.offer_setup(link.id.hex, request.form.get("setup", ""))
    return render_page(
        "accounts/welcome.html",
        status,
        link=link,
        needs_code=link.sets_second_factor or (user is not None and user.totp_secret is not None),
        setup=setup,
        role=accounts.describe_role(link.role) if not link.user_id else "",
        errors=errors or {},
    )


@bp.post("/welcome/<token>", role="")
def use_welcome(token: str) -> Response:
    """Join, or begin anew, and open a session."""
    form = request.form
    try:
        link, _ = invitations.read_link(token)
        setup = second_factor.offer_setup(link.id.hex, form.get("setup", ""))
        name, password, code = (form.get(each, "") for each in ("name", "password", "code"))
        code = "".join(code.split())
        chosen = invitations.Choices(name, password, code, setup, "kept" in form)
        session_token, user = invitations.use_link(token, chosen, request.remote_addr or "")
    except invitations.LinkClosed as closed:
        return _closed(closed)
    except passwords.WeakPassword as weak:
        return welcome(token, 422, {"password": str(weak)})
    except accounts.AccountError as error:
        return welcome(token, 422, {error.field: str(error)})
    session["notice"] = "You’re signed in, and your account is set up."
    return views.begin_session(redirect(url_for("staff.account"), 303), session_token, user.email)


def _closed(closed: invitations.LinkClosed) -> Response:
    status = 404 if str(closed) == invitations.UNKNOWN else 410
    return render_page("accounts/link_closed.html", status, reason=str(closed))


@bp.app_template_filter("person")
def show_person(email: str) -> str:
    """Return name and address of an account."""
    return accounts.describe_person(email)


@bp.app_template_global()
def own_name() -> str:
    """Return the name of who is signed in, or the address."""
    return current_user().name or current_user().email
