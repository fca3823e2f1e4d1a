"""Days, moments and ages as a reader in the US expects them."""

from datetime import date, datetime

from .messages import Message

MONTHS = (
    Message("January"),
    Message("February"),
    Message("March"),
    Message("April"),
    Message("May"),
    Message("June"),
    Message("July"),
    Message("August"),
    Message("September"),
    Message("October"),
    Message("November"),
    Message("December"),
)


def format_day(day: date) -> Message:
    """A day as a reader in the US expects it: March 31, 2027."""
    month = MONTHS[day.month - 1]
    return Message("%(month)s %(day)s, %(year)s", month=month, day=day.day, year=day.year)


def format_moment(moment: datetime) -> Message:
    """A moment for a reader: March 31, 2027, 17:05 UTC."""
    day, time = format_day(moment.date()), f"{moment:%H:%M}"
    return Message("%(day)s, %(time)s UTC", day=day, time=time)


def format_age(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment is: today, 1 day, 12 days, 5 months (whole calendar months)."""
    days = (now - moment).days
    is_begun = (now.day, now.time()) < (moment.day, moment.time())
    months = (now.year - moment.year) * 12 + now.month - moment.month - is_begun
    if months >= 2:
        return f"{months} months"
    if days < 1:
        return "today"
    return f"{days} day" if days == 1 else f"{days} days"
