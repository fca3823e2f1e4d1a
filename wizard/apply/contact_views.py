"""The pages on which an organization names its contacts, and on which anyone finds a lost link."""

from typing import Any

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from .. import clock
from ..db.engine import reading, writing
from ..db.models import Submission
from ..forms.conditions import Answers
from ..forms.fields import Email, Field, Text
from ..forms.flow import Step
from ..forms.messages import Message
from ..forms.text import Invalid
from ..submissions import contact_changes, contacts
from ..submissions.cases import NotAllowed
from ..web import languages
from ..web.current import current_flow
from ..web.errors import ErrorPage, error_response
from ..web.htmx import render_page
from ..web.limits import limiter
from . import access
from .addresses import read_address
from .binding import Display, build_questions, find_slip, read_post

bp = Blueprint("contacts", __name__)

MAIL_LIMIT = "20 per hour"
"""Messages that one client may ask for on these pages."""
SECOND_CONTACT_STEP = Step(
    "second",
    "Second contact",
    (
        Text("name", "Name", noun="the name", required=True, autocomplete="off"),
        Email(
            "email", "Email address", noun="the email address", required=True, autocomplete="off"
        ),
    ),
    short="Second contact",
)
"""The questions about a second contact."""
NO_CONTACT = ErrorPage(
    "This link no longer works",
    "The contact may have been confirmed already, or someone named another one meanwhile.",
    "If you’re not sure, ask the person who named you.",
)


@bp.get("/lost")
def find_link(status: int = 200, **context: Any) -> Response:
    """Show the form that mails the links of all commitments of an address."""
    return render_page("apply/lost.html", status, mailed="mailed" in request.args, **context)


@bp.post("/lost")
@limiter.limit(MAIL_LIMIT, deduct_when=lambda response: response.status_code == 303)
def mail_links() -> Response:
    """Mail the links. The answer is the same whether the address has any."""
    address, problem = read_address()
    if problem:
        return find_link(**problem)
    with writing():
        contacts.mail_links(address, languages.get_locale())
    return redirect(url_for("contacts.find_link", mailed="1"), 303)


@bp.get("/commitments/<reference>/contacts")
def show(reference: str) -> Response:
    """Show who gets the messages about a commitment."""
    submission = access.read_own_submission(reference)
    with reading():
        found = contacts.list_contacts(submission)
    return render_page(
        "apply/contacts.html",
        submission=submission,
        contacts=found,
        notice=session.pop("notice", ""),
    )


@bp.post("/commitments/<reference>/contacts")
def remove(reference: str) -> Response:
    """Remove the second contact, or forget one that has not confirmed."""
    access.read_own_submission(reference)
    kind, _, role = request.form.get("action", "").partition("-")
    if kind not in ("forget", "remove") or role not in contacts.ROLES:
        abort(400)
    contact_changes.remove(reference, role, access.actor(reference), pending=kind == "forget")
    return redirect(url_for("contacts.show", reference=reference), 303)


@bp.get("/commitments/<reference>/contacts/<role>")
def edit(reference: str, role: str) -> Response:
    """Show the form for a new contact."""
    submission = access.read_own_submission(reference)
    typed = _as_typed(submission.answers) if role == "contact" else {}
    return _form(submission, role, typed, {})


def _as_typed(answers: Answers) -> Answers:
    """Return clean answers as a person would type them, such as a phone number."""
    fields = current_flow().fields
    return {
        name: fields[name].display(value) if isinstance(fields.get(name), Text) else value
        for name, value in answers.items()
    }


@bp.post("/commitments/<reference>/contacts/<role>")
@limiter.limit(MAIL_LIMIT, deduct_when=lambda response: response.status_code == 303)
def name_contact(reference: str, role: str) -> Response:
    """Store a new contact, who is asked to confirm."""
    submission, post = access.read_own_submission(reference), read_post(_step(role))
    typed = post.answers
    clean, errors = _validate(post.step.fields, typed)
    if errors:
        return _form(submission, role, typed, errors, 422)
    if slip := find_slip(post):
        return _form(submission, role, typed, {}, focus=slip)
    try:
        notice = _store_contact(reference, role, clean)
    except NotAllowed as refused:
        return _form(submission, role, typed, {_address_field(role): refused.args[0]}, 422)
    session["notice"] = languages.translate(notice)
    return redirect(url_for("contacts.show", reference=reference), 303)


def _store_contact(reference: str, role: str, clean: Answers) -> Message:
    """Name a new contact by clean answers; return what to say."""
    address, actor = clean[_address_field(role)], access.actor(reference)
    if role == "second":
        contact_changes.name_second(reference, clean["name"], address, actor)
    elif not contact_changes.change_contact(reference, clean, actor):
        return Message("Saved.")
    return Message(
        "We’ve sent a link to %(email)s. Nothing changes until that person uses it.", email=address
    )


def _step(role: str) -> Step:
    """Return the questions about a contact; answer 404 for an unknown role."""
    step = contacts.contact_step()
    if role not in contacts.ROLES or step is None:
        abort(404)
    return step if role == "contact" else SECOND_CONTACT_STEP


def _address_field(role: str) -> str:
    """Return the name of the question about the address."""
    return current_flow().roles.contact if role == "contact" else "email"


def _validate(fields: tuple[Field, ...], typed: Answers) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the clean answers, without blank ones, and the errors by name."""
    clean: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in fields:
        try:
            value = field.parse(typed.get(field.name), clock.today())
        except Invalid as invalid:
            errors[field.name] = invalid.message
        else:
            if value is not None:
                clean[field.name] = value
    return clean, errors


def _form(
    submission: Submission,
    role: str,
    typed: Answers,
    errors: dict[str, str],
    status: int = 200,
    focus: str = "",
) -> Response:
    fields = _step(role).fields
    names = {field.name for field in fields}
    required = {field.name for field in fields if field.required is True}
    return render_page(
        "apply/contact.html",
        status,
        submission=submission,
        role=role,
        questions=build_questions(fields, typed, Display(names, required, errors, focus)),
        asks=bool(focus),
        errors=errors,
    )


@bp.get("/contact/<token>")
def ask_to_confirm(token: str) -> Response:
    """Show the page on which a new contact confirms."""
    with reading():
        found = contact_changes.find_pending(token)
    if found is None:
        return error_response(404, NO_CONTACT)
    contact, submission = found
    if query := languages.opening_query(submission.language):
        return redirect(url_for("contacts.ask_to_confirm", token=token, **query), 303)
    return render_page("apply/confirm_contact.html", contact=contact, submission=submission)


@bp.post("/contact/<token>")
def confirm(token: str) -> Response:
    """Let a new contact count, and open the commitment in this browser."""
    with reading():
        found = contact_changes.find_pending(token)
    if found is None or not contact_changes.confirm(found[1].reference, found[0].id):
        return error_response(404, NO_CONTACT)
    access.grant_commitment(found[1])
    session["notice"] = languages.translate(Message("Thank you. You now get our emails."))
    return redirect(url_for("followup.yours", reference=found[1].reference), 303)
