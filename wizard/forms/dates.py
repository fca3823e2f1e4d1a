"""Days, moments and ages in US English."""

from calendar import month_name
from datetime import UTC, date, datetime

from .messages import Message

MONTHS = tuple(map(Message, month_name))  # English: the process never sets a locale
NOT_A_MOMENT = (ValueError, OverflowError)


def parse_moment(text: str) -> datetime:
    """Parse a moment in ISO 8601, by default in UTC. Raise one of `NOT_A_MOMENT`."""
    moment = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped + arrives as a space
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def format_day(day: date) -> Message:
    """Return a day like March 31, 2027."""
    month = MONTHS[day.month]
    return Message("%(month)s %(day)s, %(year)s", month=month, day=day.day, year=day.year)


def format_moment(moment: datetime) -> Message:
    """Return a moment like March 31, 2027, 17:05 UTC."""
    day, time = format_day(moment.date()), f"{moment:%H:%M}"
    return Message("%(day)s, %(time)s UTC", day=day, time=time)


def format_age(moment: datetime, now: datetime) -> str:
    """Return an age like today, 1 day, 12 days, 5 months (whole calendar months)."""
    days = (now - moment).days
    is_incomplete = (now.day, now.time()) < (moment.day, moment.time())
    months = (now.year - moment.year) * 12 + now.month - moment.month - is_incomplete
    if months >= 2:
        return f"{months} months"
    if days < 1:
        return "today"
    return f"{days} day" if days == 1 else f"{days} days"
