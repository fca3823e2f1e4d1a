"""Health checks and metrics for operators."""

from hmac import compare_digest

from flask import Blueprint, Response, abort, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError

from ..db import version
from ..db.engine import reading
from ..notify import unsent
from ..web.limits import parse_address
from .check import file_faults

bp = Blueprint("ops", __name__)


@bp.get("/livez")
def liveness() -> Response:
    """Show that the process responds. A restart would not fix the database: it is not checked."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def readiness() -> tuple[Response, int]:
    """Show whether the program can serve: 503 while the database is away or not migrated, or a
    catalog or template is broken.

    The age of the oldest waiting message is only reported: a full outbox turns no visitor away.
    """
    try:
        with reading():
            migrated = version.is_compatible()
            oldest = round(unsent.queue_stats().oldest_age.total_seconds()) if migrated else None
    except DBAPIError:
        return jsonify(store="away"), 503
    broken = any(file_faults())
    state = jsonify(
        store="ok",
        migrations="ok" if migrated else "missing",
        files="broken" if broken else "ok",
        outbox_seconds=oldest,
    )
    return state, 200 if migrated and not broken else 503


@bp.get("/metrics")
def metrics_page() -> Response:
    """Show the metrics to this machine or to the bearer of the token; 404 for anyone else."""
    if not _is_local() and not _has_token():
        abort(404)
    metrics = generate_latest(current_app.extensions["metrics"].registry)
    return Response(metrics, content_type=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    address = parse_address(request.remote_addr or "")
    return address is not None and address.is_loopback


def _has_token() -> bool:
    expected = current_app.config["METRICS_TOKEN"]
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(expected) and compare_digest(token.encode(), expected.encode())
