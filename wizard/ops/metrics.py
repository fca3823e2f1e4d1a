"""Prometheus metrics: requests and steps of this server, row counts from the database."""

import os
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from ..db.engine import reading
from ..db.models import Draft, Submission
from ..forms.outcomes import Completed, Submitted
from ..notify import unsent
from ..web import logs
from ..web.current import current_flow

BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
STEP_SHOWN = {("apply.start", 200), ("apply.step", 200)}
"""Endpoints and status codes of responses that show a step."""


class Metrics:
    """The metrics of one server; its processes count together in a folder that the first one makes
    (`wizard/ops/processes.py`)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: CollectorRegistry | None = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            MultiProcessCollector(self.registry)  # type: ignore[no-untyped-call]
            own = None
        self.requests = Histogram(
            "wizard_request_seconds",
            "Time from a request to the start of its response",
            ("method", "rule", "status"),
            buckets=BUCKETS_SECONDS,
            registry=own,
        )
        text, labels = "Steps shown, and steps completed", ("step", "event")
        self.steps = Counter("wizard_steps", text, labels, registry=own)
        self.registry.register(DatabaseCollector())

    def count(self, response: Response) -> None:
        """Count the current request and its step."""
        method, rule, status, milliseconds = logs.describe_request(response)
        self.requests.labels(method, rule, status).observe(milliseconds / 1000)
        step = (request.view_args or {}).get("name", current_flow().first.name)
        if (request.endpoint or "", status) in STEP_SHOWN:
            self.steps.labels(step, "entered").inc()
        elif isinstance(g.get("outcome"), Completed | Submitted):
            self.steps.labels(step, "completed").inc()


class DatabaseCollector(Collector):
    """Row counts, queried at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the counts, or only `wizard_store_up 0` while the database is away."""
        try:
            with reading() as session:
                queue = unsent.queue_stats()
                drafts = session.scalar(select(func.count()).select_from(Draft))
                submissions = session.scalar(select(func.count()).select_from(Submission))
        except DBAPIError:
            yield GaugeMetricFamily("wizard_store_up", "1 if the database responds", 0)
            return
        for name, text, value in (
            ("wizard_store_up", "1 if the database responds", 1),
            ("wizard_drafts", "Stored drafts", drafts),
            ("wizard_submissions", "Submissions", submissions),
            ("wizard_outbox_waiting", "Messages waiting to be sent", queue.waiting),
            ("wizard_outbox_oldest_seconds", "Age of the oldest waiting message",
             queue.oldest_age.total_seconds()),
            ("wizard_outbox_given_up", "Messages that could not be sent", queue.failed),
        ):  # fmt: skip
            yield GaugeMetricFamily(name, text, value)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing, so that registering does not query the database."""
        return iter(())


def init_app(app: Flask) -> None:
    """Count every request."""
    metrics = app.extensions["metrics"] = Metrics()

    @app.after_request
    def count(response: Response) -> Response:
        metrics.count(response)
        return response
