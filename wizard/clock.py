"""The current time, and the program's time zone. Tests replace it: no other date is read."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from flask import current_app


def now() -> datetime:
    """Return the current moment in UTC."""
    return datetime.now(UTC)


def zone() -> ZoneInfo:
    """Return the program's time zone, `WIZARD_TIMEZONE`."""
    found: ZoneInfo = current_app.config["TIMEZONE"]
    return found


def local(moment: datetime) -> datetime:
    """Return a moment in the program's time zone."""
    return moment.astimezone(zone())


def today() -> date:
    """Return the date in the program's time zone."""
    return local(now()).date()


def midnight(day: date) -> datetime:
    """Return the start of a day in the program's time zone."""
    return datetime.combine(day, time(), zone())
