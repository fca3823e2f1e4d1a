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


ZONES = {f"{letter}{kind}T": Message(f"{letter}T") for letter in "ECMP" for kind in "SD"}
"""The zones that people know by two letters, in summer and winter: ET for EST and EDT."""


def format_day(day: date) -> Message:
    """Return a day like March 31, 2027."""
    month = MONTHS[day.month]
    return Message("%(month)s %(day)s, %(year)s", month=month, day=day.day, year=day.year)


def format_time(moment: datetime) -> Message:
    """Return the time of a local moment like 4:43 a.m. ET; other zones as HST, CET or UTC+03."""
    clock, name = f"{moment.hour % 12 or 12}:{moment:%M}", moment.tzname() or ""
    zone = ZONES.get(name) or (name if name.isalpha() else f"UTC{name}")
    if moment.hour < 12:
        return Message("%(time)s a.m. %(zone)s", time=clock, zone=zone)
    return Message("%(time)s p.m. %(zone)s", time=clock, zone=zone)


def format_moment(moment: datetime) -> Message:
    """Return a local moment like March 31, 2027, 4:43 a.m. ET."""
    return Message("%(day)s, %(time)s", day=format_day(moment), time=format_time(moment))


def format_age(day: date, today: date) -> str:
    """Return an age like today, 1 day, 12 days, 5 months (whole calendar months)."""
    days = (today - day).days
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    if months >= 2:
        return f"{months} months"
    if days < 1:
        return "today"
    return f"{days} day" if days == 1 else f"{days} days"
