"""Logging: one line per request with its id, never user input.

An address may hold a resume link's token or a draft's id, a query a search, and the text of an
exception an answer. So a line has the URL rule of a request, and in production the class and the
traceback of an exception. There each line is a JSON object. What a
library says may hold a path: its line has the place in its code, and its text only if numbers alone
are put into it.
"""

import json
import logging
import re
import secrets
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from flask import Flask, Response, g, has_request_context, request

log = logging.getLogger(__name__)

REQUEST_ID_PATTERN = re.compile(r"[\w-]{1,64}")
"""The request ids that are accepted from a proxy."""
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
UNLOGGED_ENDPOINTS = ("static", "ops.liveness", "ops.readiness", "ops.metrics_page")
"""Endpoints that are not logged: frequent and uniform."""
REQUEST_FIELDS = ("method", "rule", "status", "ms")
OWN_LOGGERS = ("wizard",)
"""The loggers whose texts are ours; waitress, say, writes the path of a lost connection."""
STORAGE_AWAY = (
    "The server of WIZARD_RATELIMIT_STORAGE_URI does not respond. Each process counts by itself."
)
LIBRARY_MESSAGES = {
    "Rate limit storage unreachable - falling back to in-memory storage": STORAGE_AWAY,
    "Rate limit storage recovered": "The server of WIZARD_RATELIMIT_STORAGE_URI responds again.",
}
"""Our words for what a library says, by its own."""
TEXT_FORMAT = "%(asctime)s %(levelname)s %(message)s %(about)s"
"""The format in development; exceptions follow in full."""


def init_app(app: Flask) -> None:
    """Give every request an id and a log line."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        trusted = app.config["TRUSTED_PROXIES"] and REQUEST_ID_PATTERN.fullmatch(given)
        g.request_id = given if trusted else secrets.token_hex(8)
        g.began = time.perf_counter()

    @app.after_request
    def log_request(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        if request.endpoint in UNLOGGED_ENDPOINTS:
            return response
        fields = zip(REQUEST_FIELDS, describe_request(response), strict=True)
        log.info("request", extra=dict(fields))
        return response


def describe_request(response: Response) -> tuple[str, str, int, float]:
    """Return method, URL rule, status and milliseconds of the current request."""
    method = request.method if request.method in METHODS else "other"
    rule = request.url_rule.rule if request.url_rule else "none"
    elapsed = (time.perf_counter() - g.began) * 1000
    return method, rule, response.status_code, round(elapsed, 1)


def configure_logging(production: bool) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.addFilter(add_request)
    handler.setFormatter(JsonFormatter() if production else LineFormatter(TEXT_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = log_uncaught
    threading.excepthook = lambda args: log_uncaught(*args[:3])
    sys.unraisablehook = lambda args: log_uncaught(
        args.exc_type, args.exc_value, args.exc_traceback
    )


def log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Log an exception that nothing caught, in place of Python's own lines with its text."""
    if error is not None and not isinstance(error, SystemExit):
        log.error("uncaught exception", exc_info=(kind, error, trace))


def message_of(record: logging.LogRecord) -> str:
    """Return the text of a record; of a library's only what cannot hold a path."""
    if record.name.split(".")[0] in OWN_LOGGERS:
        return record.getMessage()
    if told := LIBRARY_MESSAGES.get(str(record.msg)):
        return told
    args = record.args if isinstance(record.args, tuple) else ()
    has_numbers_only = bool(args) and all(isinstance(each, int | float) for each in args)
    text = record.getMessage() if has_numbers_only else f"{record.module}.py:{record.lineno}"
    return f"{record.name}: {text}"


class LineFormatter(logging.Formatter):
    """A formatter with a readable, escaped line per record; the traceback of a fault is indented,
    so that no text in it can pass for a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and those of the traceback."""
        message = escape_line(message_of(record))
        plain = logging.makeLogRecord(record.__dict__ | {"msg": message, "args": None})
        return "\n    ".join(map(escape_line, super().format(plain).split("\n")))


def escape_line(text: str) -> str:
    """Return the text with every character escaped that could end a line or change a terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


class JsonFormatter(logging.Formatter):
    """A formatter with one JSON object per line; times are in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": message_of(record),
            **_request_fields(record),
        }
        if record.exc_info and record.exc_info[0]:
            line["fault"] = record.exc_info[0].__name__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(line, ensure_ascii=True)


def add_request(record: logging.LogRecord) -> bool:
    """Add the request to a record as `about`, for a format string; a logging filter."""
    record.about = " ".join(str(value) for value in _request_fields(record).values())
    return True


def _request_fields(record: logging.LogRecord) -> dict[str, Any]:
    about = {"request_id": g.request_id} if has_request_context() and "request_id" in g else {}
    return about | {name: getattr(record, name) for name in REQUEST_FIELDS if hasattr(record, name)}
