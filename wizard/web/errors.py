"""Error pages, which say what happened and what to do next."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, Response, current_app, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from werkzeug.exceptions import HTTPException

from ..db import version
from ..db.engine import DatabaseBusyError, db, reading
from ..forms.messages import Declaration, Message
from .htmx import render_page
from .limits import limiter
from .query import BadQuery

RETRY_AFTER_SECONDS = 10
RETRYABLE = (429, 500, 503)
SQLITE_ERROR = 1
"""SQLite's code for a missing table or column."""


@dataclass(frozen=True, slots=True)
class ErrorPage(Declaration):
    """The texts of an error page."""

    title: str
    explanation: str
    advice: str

    translatable = ("title", "explanation", "advice")


ERROR_PAGES = {
    400: ErrorPage(
        "We could not read that",
        "What was sent is not complete, or not text.",
        "Go back, reload the page and try again.",
    ),
    403: ErrorPage(
        "Your role does not reach that far",
        "What you asked for is done by editors or admins.",
        "Ask an admin of the program to do it, or to give you another role.",
    ),
    404: ErrorPage(
        "This page is not here",
        "The address may be mistyped, or the answers belong to another browser.",
        "If you began on another device, go on there. Otherwise start from the first page.",
    ),
    405: ErrorPage(
        "That does not work here",
        "This address does not take that kind of request.",
        "Start from the first page.",
    ),
    413: ErrorPage(
        "That is too much at once",
        "What you sent is larger than this form can take.",
        "Go back and shorten your answers. What you saved before is still there.",
    ),
    429: ErrorPage(
        "Too many tries in a short time",
        "Many requests came from your address.",
        "Wait a few minutes, then go back and try again. What you saved is still there.",
    ),
    500: ErrorPage(
        "Something went wrong on our side",
        "Your last answers may not have been saved. What you saved before is still there.",
        "Go back and try again. If it goes on, write to us.",
    ),
    503: ErrorPage(
        "We are busy at the moment",
        "Your last answers could not be saved. What you saved before is still there.",
        "Wait a few seconds, then try again.",
    ),
}
ONE_MINUTE = Message("Try again in a minute. What you saved is still there.")
SOME_MINUTES = Message("Try again in %(minutes)s minutes. What you saved is still there.")
SESSION_ENDED = ErrorPage(
    "This page was open for too long",
    "Your browser no longer has the session that this page belongs to, so nothing was saved.",
    "Go back, copy what you typed, reload the page and try again.",
)


def init_app(app: Flask) -> None:
    """Register the error pages."""
    app.log_exception = log_exception  # type: ignore[method-assign]
    app.register_error_handler(CSRFError, lambda error: error_response(400, SESSION_ENDED))
    app.register_error_handler(HTTPException, handle_http_error)
    for store_error in (OperationalError, ProgrammingError, DatabaseBusyError):
        app.register_error_handler(store_error, handle_database_error)
    app.register_error_handler(BadQuery, handle_bad_query)
    app.register_error_handler(500, lambda error: error_response(500, ERROR_PAGES[500]))


def log_exception(exc_info: Any) -> None:
    """Log a fault by its endpoint, since a path may hold a resume link's token."""
    current_app.logger.error("fault in %s", request.endpoint, exc_info=exc_info)


def handle_http_error(error: HTTPException) -> Response | HTTPException:
    """Return the page of an HTTP error, or a redirect unchanged."""
    code = error.code or 500
    if code < 400:
        return error
    page = (
        _too_many()
        if code == 429
        else ERROR_PAGES.get(code, ERROR_PAGES[400 if code < 500 else 500])
    )
    response = error_response(code, page)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _too_many() -> ErrorPage:
    """Return the page of a limit that is reached, with the time until it is not."""
    page, limit = ERROR_PAGES[429], limiter.current_limit
    if limit is None:
        return page
    minutes = max(1, math.ceil((limit.reset_at - time.time()) / 60))
    texts = ONE_MINUTE if minutes == 1 else SOME_MINUTES
    return replace(page, advice=Message(texts, minutes=minutes))


def handle_bad_query(error: BadQuery) -> Response:
    """Return the page that says what is wrong with a filter."""
    title, advice = Message("This filter cannot be used"), Message("Change it, or start anew.")
    return error_response(400, ErrorPage(title, error.message, advice))


def handle_database_error(error: DBAPIError | DatabaseBusyError) -> Response:
    """Return 503 if the database is locked for too long, out of reach or not migrated."""
    cause = getattr(error, "orig", error)
    lacks_table = getattr(cause, "sqlite_errorcode", None) == SQLITE_ERROR
    if not lacks_table and not isinstance(error, ProgrammingError):
        current_app.logger.error("store not available: %s", str(cause).partition("\n")[0])
    elif _lacks_migrations():
        current_app.logger.error("store not migrated: run `flask --app wizard db upgrade`")
    else:
        raise error
    response = error_response(503, ERROR_PAGES[503])
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _lacks_migrations() -> bool:
    db.session.rollback()
    try:
        with reading():
            return not version.is_compatible()
    except DBAPIError:
        return False


def error_response(code: int, page: ErrorPage) -> Response:
    """Return an error page, with the posted answers to post again if a retry can help."""
    posts_answers = request.method == "POST" and request.blueprint != "staff"
    again = request.form.items(multi=True) if posts_answers and code in RETRYABLE else ()
    return render_page("errors/error.html", code, page=page, again=list(again))
