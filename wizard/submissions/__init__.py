"""Submissions, as all three sides use them."""

from flask import Flask

from ..forms.reports import OUTCOME_LABELS
from . import cases, events, listing


def init_app(app: Flask) -> None:
    """Register the template test `publishable` on answers, and the filters of rows, events and
    outcomes."""
    app.jinja_env.tests["publishable"] = cases.may_publish
    app.jinja_env.filters |= {"place": listing.place_of, "kind": listing.kind_of}
    app.jinja_env.filters["event_label"] = lambda kind: events.describe_event(kind).label
    app.jinja_env.filters["outcome"] = lambda code: OUTCOME_LABELS.get(code, code)
    app.jinja_env.filters["event_told"] = lambda kind: events.describe_event(kind).told
