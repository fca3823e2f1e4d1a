"""The one place that asks for the time, so that a test can move it."""

from datetime import UTC, date, datetime, timedelta


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The day it still is in American Samoa (UTC-11), the last of the places that can answer.

    So a day that is today for the one who answers is never refused as past.
    """
    return (now() - timedelta(hours=11)).date()


def iso_utc(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601, exact to the microsecond: 2027-03-31T17:05:00.25Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
