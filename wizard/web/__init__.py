"""Web infrastructure: languages, security headers, limits, static files, error pages."""

from flask import Flask

from .. import clock
from ..forms import dates, text
from . import compression, errors, languages, logs, security, static_files
from .limits import limiter


def init_app(app: Flask) -> None:
    """Set up the parts; the first one is the last to change a response."""
    for part in (compression, logs, languages, security, limiter, static_files, errors):
        part.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "age": lambda moment: dates.format_age(moment, clock.now()),
        "day": dates.format_day,
        "moment": dates.format_moment,
        "printable": text.replace_forbidden,
    }
