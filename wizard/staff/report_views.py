"""The report for the head of the office, on one page to print."""

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from .. import clock
from ..accounts.permissions import bp
from ..web.htmx import render_page
from . import figures


@bp.get("/report", role="viewer")
def report() -> Response:
    """Show the figures of a period, and the promises that are overdue or due in 30 days."""
    return render_page("staff/report.html", **describe_period(), due=figures.list_due())


def describe_period() -> dict[str, Any]:
    """Return the figures of today, and of the period in this request's address."""
    args = request.args.to_dict(flat=False)
    period = figures.parse_period(
        {name: args[name] for name in figures.PERIOD_ARGS if name in args}
    )
    last_week = clock.today() - figures.WEEK
    return {
        "period": period,
        "presets": figures.PRESETS,
        "last_week": last_week,
        "figures": figures.count_now(clock.midnight(last_week)),
        "happened": figures.count_period(period),
    }
