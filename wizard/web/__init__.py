"""Web infrastructure: languages, security headers, limits, static files, error pages."""

from datetime import date, datetime

from flask import Flask
from markupsafe import Markup

from .. import clock
from ..forms import dates, text
from ..forms.messages import Message
from . import compression, errors, form_fields, languages, limits, logs, security, static_files


def init_app(app: Flask) -> None:
    """Set up the parts. The first one changes a response last."""
    for part in (static_files, compression, logs, languages, security, limits, errors):
        part.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["current_day"] = clock.today
    app.jinja_env.filters |= {
        "age": lambda moment: dates.format_age(_local_day(moment), clock.today()),
        "day": lambda moment: dates.format_day(_local_day(moment)),
        "moment": _format_moment,
        "time": lambda moment: dates.format_time(clock.local(moment)),
        "fingerprint": form_fields.fingerprint,
        "printable": text.replace_forbidden,
        "add_colon": text.add_colon,
        "break_lines": lambda words: Markup("<br>").join(words.split("\n")),
    }


def _local_day(moment: date) -> date:
    return clock.local(moment).date() if isinstance(moment, datetime) else moment


def _format_moment(moment: date) -> Message:
    """Return a moment in the program's time zone; a deadline is a day, and has no time."""
    if isinstance(moment, datetime):
        return dates.format_moment(clock.local(moment))
    return dates.format_day(moment)
