"""Error pages, which say what happened and what to do next."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, Response, current_app, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from werkzeug.exceptions import HTTPException

from ..db import failures
from ..db.engine import DatabaseBusyError
from ..forms.messages import Declaration, Message
from .current import current_flow
from .form_fields import label_texts
from .htmx import render_page
from .limits import limiter
from .query import BadQuery
from .security import OriginError

RETRY_AFTER_SECONDS = 10
RETRYABLE = (429, 500, 503)
UNREAD = (413, 415)
"""Statuses of posts whose fields are not read."""


@dataclass(frozen=True, slots=True)
class ErrorPage(Declaration):
    """The texts of an error page."""

    title: str
    explanation: str
    advice: str

    translatable = ("title", "explanation", "advice")


ERROR_PAGES = {
    400: ErrorPage(
        "We couldn’t process your request",
        "Some of the information was missing or damaged when it reached us.",
        "Go back, reload the page and try again.",
    ),
    403: ErrorPage(
        "You don’t have permission to do this",
        "Your role doesn’t include this.",
        "Ask an admin to do it for you or to change your role.",
    ),
    404: ErrorPage(
        "Page not found",
        "The web address may be wrong, or the page may have been removed.",
        "Check the web address for typos.",
    ),
    405: ErrorPage(
        "That action isn’t available here",
        "This page can’t accept that kind of request.",
        "Go to the home page and try again.",
    ),
    413: ErrorPage(
        "Your answers are too long",
        "The answers on this page are more than 2 MB together, so we didn’t save them.",
        "Go back and shorten your answers. Everything you saved before is safe.",
    ),
    429: ErrorPage(
        "Too many requests",
        "We got a lot of requests from your network in a short time.",
        "Wait a few minutes, then go back and try again. Everything you saved is safe.",
    ),
    500: ErrorPage(
        "Sorry, there’s a problem with the service",
        "We may not have saved your last answers. Everything you saved before that is safe.",
        "Go back and try again. If the problem continues, contact us.",
    ),
    503: ErrorPage(
        "The service is busy right now",
        "We couldn’t save your last answers. Everything you saved before that is safe.",
        "Wait a few seconds, then try again.",
    ),
}
ONE_MINUTE = Message("Try again in a minute. Everything you saved is safe.")
SOME_MINUTES = Message("Try again in %(minutes)s minutes. Everything you saved is safe.")
SOME_HOURS = Message("Try again in %(hours)s hours. Everything you saved is safe.")
MAX_MINUTES = 120
"""A longer time is told in hours."""
SESSION_ENDED = ErrorPage(
    "Your session has ended",
    "This page was open too long, so we couldn’t save what you entered.",
    "Go back, copy what you entered, reload the page and paste it in again.",
)

STAFF_PAGE_EXPIRED = ErrorPage(
    "This page was open too long",
    "Nothing was changed.",
    "Open the page again, then repeat what you did.",
)
"""The same on the staff side, which shows what was entered."""
COOKIES_MISSING = ErrorPage(
    "This form needs cookies",
    "Your browser didn’t send a cookie, so we can’t tell that this page is yours. We didn’t save "
    "anything. We only use cookies to find your answers again and to keep other sites out.",
    "Go back and copy what you entered. Allow cookies for this site, reload the page and try"
    " again.",
)
ORIGIN_REFUSED = ErrorPage(
    "We couldn’t confirm that this request came from this site",
    "Your browser didn’t say which site it came from (in Origin or Referer), or it named another "
    "one. We didn’t save anything.",
    "If you entered your answers here, check the settings of your browser and its privacy "
    "extensions. Let them name this site, then go back and try again.",
)


def init_app(app: Flask) -> None:
    """Register the error pages."""
    app.log_exception = log_exception  # type: ignore[method-assign]
    app.register_error_handler(CSRFError, handle_csrf_error)
    app.register_error_handler(HTTPException, handle_http_error)
    for store_error in (OperationalError, InterfaceError, ProgrammingError, DatabaseBusyError):
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


def handle_csrf_error(error: CSRFError) -> Response:
    """Return the page that says why a post is not taken to come from a page of this browser."""
    if isinstance(error, OriginError):
        return error_response(400, ORIGIN_REFUSED)
    if not has_session_cookie():
        return error_response(400, COOKIES_MISSING)
    return error_response(
        400, STAFF_PAGE_EXPIRED if request.blueprint == "staff" else SESSION_ENDED
    )


def has_session_cookie() -> bool:
    """Return True if the browser sent a session cookie, valid or not."""
    return current_app.config["SESSION_COOKIE_NAME"] in request.cookies


def _too_many() -> ErrorPage:
    """Return the page of a limit that is reached, with the time until it is not."""
    page, limit = ERROR_PAGES[429], limiter.current_limit
    if limit is None:
        return page
    minutes = max(1, math.ceil((limit.reset_at - time.time() - 1) / 60))
    texts = ONE_MINUTE if minutes == 1 else SOME_MINUTES if minutes <= MAX_MINUTES else SOME_HOURS
    return replace(page, advice=Message(texts, minutes=minutes, hours=math.ceil(minutes / 60)))


def handle_bad_query(error: BadQuery) -> Response:
    """Return the page that says what is wrong with a filter."""
    title, advice = Message("We can’t use that filter"), Message("Change the filter or start over.")
    return error_response(400, ErrorPage(title, error.message, advice), restart_path=request.path)


def handle_database_error(error: DBAPIError | DatabaseBusyError) -> Response:
    """Return 503 if the database is locked for too long, out of reach or not migrated."""
    if failures.is_schema_error(error) and not failures.lacks_migrations(error):
        raise error
    current_app.logger.error("%s", failures.describe_failure(error))
    response = error_response(503, ERROR_PAGES[503])
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def error_response(code: int, page: ErrorPage, restart_path: str = "") -> Response:
    """Return an error page. If a retry can help, it has the posted answers to post again, or the
    address to open again. On the staff side, it shows what somebody wrote, to be copied.

    `restart_path` is where one can start over, without what was refused.
    """
    posts_answers = request.method == "POST" and request.blueprint != "staff"
    again = request.form.items(multi=True) if posts_answers and code in RETRYABLE else ()
    reload_path = request.full_path.rstrip("?") if request.method == "GET" else ""
    to_staff = request.path.startswith("/staff/")
    missing = code in (404, 410) and not to_staff
    return render_page(
        "errors/error.html",
        code,
        page=page,
        again=list(again),
        reload_path=reload_path if code in RETRYABLE else "",
        restart_path=restart_path,
        to_staff=to_staff,
        missing=missing,
        typed=_read_texts(code) if page is not ORIGIN_REFUSED else (),
    )


def _read_texts(code: int) -> list[tuple[str, str]]:
    """Return what somebody wrote on a staff page that was posted, with the labels of its boxes."""
    if request.method != "POST" or request.blueprint != "staff" or code in UNREAD:
        return []
    return label_texts(request.form, current_flow().fields)
