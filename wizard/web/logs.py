"""Logging: one line per request with its id, never user input.

An address may hold a resume link's token or a draft's id, a query what somebody searched for, and
the text of an exception what was typed. So a line names the rule that an address fits, and in
production a fault by its kind and the places it came through. There each line is one JSON object.
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
"""What a proxy may name a request; it goes into every line."""
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
UNLOGGED_ENDPOINTS = ("static", "ops.liveness", "ops.readiness", "ops.metrics_page")
"""Endpoints that are not logged: many requests, all alike."""
REQUEST_FIELDS = ("method", "rule", "status", "ms")
"""What a line about a request says, beside its id."""
TEXT_FORMAT = "%(asctime)s %(levelname)s %(message)s %(about)s"
"""A line for a person at a terminal; a fault is below it in full."""


def init_app(app: Flask) -> None:
    """Give every request an id and a line."""

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
        log.info(
            "request", extra=dict(zip(REQUEST_FIELDS, describe_request(response), strict=True))
        )
        return response


def describe_request(response: Response) -> tuple[str, str, int, float]:
    """Return method, rule, status and milliseconds of the request that is being answered."""
    method = request.method if request.method in METHODS else "other"
    rule = request.url_rule.rule if request.url_rule else "none"
    elapsed = (time.perf_counter() - g.began) * 1000
    return method, rule, response.status_code, round(elapsed, 1)


def configure_logging(production: bool) -> None:
    """Send every line of this process to its standard error."""
    handler = logging.StreamHandler()
    handler.addFilter(add_request)
    handler.setFormatter(JsonFormatter() if production else logging.Formatter(TEXT_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_of_request(record),
        }
        if record.exc_info and record.exc_info[0]:
            line["fault"] = record.exc_info[0].__name__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(line, ensure_ascii=True)


def add_request(record: logging.LogRecord) -> bool:
    """Add what is known of the request to a record, for a format string; a logging filter."""
    record.about = " ".join(str(value) for value in _of_request(record).values())
    return True


def _of_request(record: logging.LogRecord) -> dict[str, Any]:
    about = {"request_id": g.request_id} if has_request_context() and "request_id" in g else {}
    return about | {name: getattr(record, name) for name in REQUEST_FIELDS if hasattr(record, name)}
