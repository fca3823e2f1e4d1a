"""For operators: whether the program lives, whether it can serve, and its figures."""

from hmac import compare_digest
from ipaddress import ip_address

from flask import Blueprint, Response, abort, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import DBAPIError

from ..db import version
from ..db.engine import reading
from ..notify import outbox
from . import metrics

bp = Blueprint("ops", __name__)


@bp.get("/livez")
def liveness() -> Response:
    """Liveness: the process responds. Ignores the store, which a restart would not fix."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def readiness() -> tuple[Response, int]:
    """Readiness: 503 while the store is away or not migrated.

    Reports the age of the oldest waiting message, which is no reason to turn visitors away.
    """
    try:
        with reading():
            migrated = version.is_compatible()
            oldest = round(outbox.queue_stats().oldest.total_seconds()) if migrated else None
    except DBAPIError:
        return jsonify(store="away"), 503
    said = jsonify(store="ok", migrations="ok" if migrated else "missing", outbox_seconds=oldest)
    return said, 200 if migrated else 503


@bp.get("/metrics")
def metrics_page() -> Response:
    """The figures, for this machine itself or for the bearer of the token."""
    if not _comes_from_here() and not _has_token():
        abort(404)
    return Response(metrics.render_metrics(), content_type=CONTENT_TYPE_LATEST)


def _comes_from_here() -> bool:
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:  # what a proxy names need be no address
        return False


def _has_token() -> bool:
    token = current_app.config["METRICS_TOKEN"]
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and compare_digest(given.encode(), token.encode())
