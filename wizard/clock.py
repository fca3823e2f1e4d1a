"""The one place that asks for the time, so that a test can move it."""

from datetime import UTC, date, datetime, timedelta

from .fields import day_in_words
from .words import Message


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


def in_words(moment: datetime) -> Message:
    """A moment for a reader: March 31, 2027, 17:05 UTC."""
    day, time = day_in_words(moment.date()), f"{moment:%H:%M}"
    return Message("%(day)s, %(time)s UTC", day=day, time=time)


def age_in_words(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment is: today, 1 day, 12 days, 5 months (whole calendar months)."""
    days = (now - moment).days
    is_begun = (now.day, now.time()) < (moment.day, moment.time())
    months = (now.year - moment.year) * 12 + now.month - moment.month - is_begun
    if months >= 2:
        return f"{months} months"
    if days < 1:
        return "today"
    return f"{days} day" if days == 1 else f"{days} days"
