"""Submissions, as all three sides use them."""

from flask import Flask

from . import cases, listing


def init_app(app: Flask) -> None:
    """Register the template test `publishable` on answers, and the filters of listed rows."""
    app.jinja_env.tests["publishable"] = cases.may_publish
    app.jinja_env.filters |= {"place": listing.place_of, "kind": listing.kind_of}
