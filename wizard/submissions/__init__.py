"""Submissions, as all three sides use them."""

from flask import Flask

from ..forms.reports import OUTCOME_LABELS
from . import cases, events, listing, partial_approvals


def init_app(app: Flask) -> None:
    """Register the template tests `publishable` on answers and `partly_approved` on events, and
    the filters of rows, events and outcomes."""
    app.jinja_env.tests["publishable"] = cases.may_publish
    app.jinja_env.tests["partly_approved"] = partial_approvals.is_partly_approved
    app.jinja_env.filters |= {"place": listing.place_of, "kind": listing.kind_of}
    app.jinja_env.filters["event_label"] = events.label_event
    app.jinja_env.filters["outcome"] = lambda code: OUTCOME_LABELS.get(code, code)
    app.jinja_env.filters["event_told"] = events.tell_event
