"""What a person reads when something cannot be done: what happened, and what to do next."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from .htmx import render_page
from .query import BadFilter
from .words import Message, speak

RETRY_AFTER = 10
"""Seconds until a store that is busy is worth another try."""
PASSING = (429, 500, 503)
"""Refusals that may be over a moment later."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one error page."""

    title: str
    what: str
    next: str

    def __post_init__(self) -> None:
        speak(self, "title", "what", "next")


WORDS = {
    400: Words(
        "We could not read that",
        "What was sent is not complete, or not text.",
        "Go back, reload the page and try again.",
    ),
    403: Words(
        "Your role does not reach that far",
        "What you asked for is done by editors or admins.",
        "Ask an admin of the program to do it, or to give you another role.",
    ),
    404: Words(
        "This page is not here",
        "The address may be mistyped, or the answers belong to another browser.",
        "If you began on another device, go on there. Otherwise start from the first page.",
    ),
    405: Words(
        "That does not work here",
        "This address does not take that kind of request.",
        "Start from the first page.",
    ),
    413: Words(
        "That is too much at once",
        "What you sent is larger than this form can take.",
        "Go back and shorten your answers. What you saved before is still there.",
    ),
    429: Words(
        "Too many tries in a short time",
        "Many requests came from your address.",
        "Wait a few minutes, then go back and try again. What you saved is still there.",
    ),
    500: Words(
        "Something went wrong on our side",
        "Your last answers may not have been saved. What you saved before is still there.",
        "Go back and try again. If it goes on, write to us.",
    ),
    503: Words(
        "We are busy at the moment",
        "Your last answers could not be saved. What you saved before is still there.",
        "Wait a few seconds, then try again.",
    ),
}
SESSION_ENDED = Words(
    "This page was open for too long",
    "Your browser no longer has the session that this page belongs to, so nothing was saved.",
    "Go back, copy what you typed, reload the page and try again.",
)


def init_app(app: Flask) -> None:
    """Ties the error pages to the program."""
    app.register_error_handler(CSRFError, lambda error: page(400, SESSION_ENDED))
    app.log_exception = log_exception  # type: ignore[method-assign]
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(OperationalError, on_busy_store)
    app.register_error_handler(BadFilter, on_bad_filter)
    app.register_error_handler(500, lambda error: page(500, WORDS[500]))


def log_exception(exc_info: Any) -> None:
    """Logs a fault by its endpoint: an address may hold a resume link's token."""
    current_app.logger.error("fault in %s", request.endpoint, exc_info=exc_info)


def on_http(error: HTTPException) -> Response | HTTPException:
    """Any refusal of the program itself; a redirect is none."""
    code = error.code or 500
    if code < 400:
        return error
    response = page(code, WORDS.get(code, WORDS[400 if code < 500 else 500]))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def on_bad_filter(error: BadFilter) -> Response:
    """A filter that cannot be used, and what is wrong with it."""
    return page(
        400,
        Words(
            Message("This filter cannot be used"),
            error.message,
            Message("Change it, or start anew."),
        ),
    )


def on_busy_store(error: OperationalError) -> Response:
    """The store is locked by another writer for too long, or cannot be reached."""
    current_app.logger.error("store not available: %s", str(error.orig).partition("\n")[0])
    if "no such" in str(error.orig):  # a store that was never migrated will not come by waiting
        return page(500, WORDS[500])
    response = page(503, WORDS[503])
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def page(code: int, words: Words) -> Response:
    """One error page. Where trying again can help, it holds what was posted, to post it again."""
    posts_answers = request.method == "POST" and request.blueprint != "staff"
    again = request.form.items(multi=True) if posts_answers and code in PASSING else ()
    return render_page("errors/error.html", code, words=words, again=list(again))
