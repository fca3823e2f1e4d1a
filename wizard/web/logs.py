"""Logging: one line per request with its id, never user input.

An address may hold a resume link's token or a draft's id, a query a search, and the text of an
exception an answer. So a line has the URL rule of a request, and in production the class and the
traceback of an exception. There each line is a JSON object.
"""

import json
import logging
import re
import secrets
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, has_request_context, request

log = logging.getLogger(__name__)

REQUEST_ID_PATTERN = re.compile(r"[\w-]{1,64}")
"""The request ids that are accepted from a proxy."""
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
UNLOGGED_ENDPOINTS = ("static", "ops.liveness", "ops.readiness", "ops.metrics_page")
"""Endpoints that are not logged: frequent and uniform."""
REQUEST_FIELDS = ("method", "rule", "status", "ms")
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
    handler.setFormatter(JsonFormatter() if production else logging.Formatter(TEXT_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """A formatter with one JSON object per line; times are in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
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
