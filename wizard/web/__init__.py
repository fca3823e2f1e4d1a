"""Web infrastructure: languages, security headers, limits, static files, error pages."""

from flask import Flask

from .. import clock
from ..forms import dates, text
from . import compression, errors, languages, limits, logs, security, static_files


def init_app(app: Flask) -> None:
    """Set up the modules; the first one is the last to change a response."""
    for module in (compression, logs, languages, security, limits, static_files, errors):
        module.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "age": lambda moment: dates.format_age(moment, clock.now()),
        "day": dates.format_day,
        "moment": dates.format_moment,
        "printable": text.replace_forbidden,
    }
