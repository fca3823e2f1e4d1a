"""Days, moments and ages in US English."""

import re
from calendar import month_name
from datetime import UTC, date, datetime

from .messages import Message
from .text import fold_text, normalize

MONTHS = tuple(map(Message, month_name))  # English: the process never sets a locale
SPANISH_MONTHS = (
    "", "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
    "octubre", "noviembre", "diciembre",
)  # fmt: skip
DATE_FILLERS = {"st", "nd", "rd", "th", "of", "the", "de", "del"}
MIN_MONTH_LETTERS = 3
LAST_YEAR = 68
"""The last two-digit year of this century; later ones may be of the one before (POSIX, %y)."""
NOT_A_MOMENT = (ValueError, OverflowError)


def parse_day(text: str) -> date | None:
    """Return the day that a text can only mean, or None. 1/2/2027 is the US January 2."""
    text = re.sub("[\u2010-\u2015\u2212\ufe58]", "-", fold_text(text))
    text = normalize("NFKC", text).strip()
    days = {day for day in _readings(text) if day}
    return days.pop() if len(days) == 1 else None


def _readings(text: str) -> list[date | None]:
    number = r"([0-9]{1,2}) ?[-/. ] ?([0-9]{1,2}) ?[-/. ] ?"
    if match := re.fullmatch(r"([0-9]{4}) ?[-/. ] ?([0-9]{1,2}) ?[-/. ] ?([0-9]{1,2})", text):
        return [_day(*map(int, match.groups()))]
    if match := re.fullmatch(number + "([0-9]{4})", text):
        first, second, year = map(int, match.groups())
        return [_day(year, first, second) or _day(year, second, first)]
    if match := re.fullmatch(number + "([0-9]{2})", text):  # any order
        first, second, last = map(int, match.groups())
        orders = (last, first, second), (last, second, first), (first, second, last)
        return [_day(2000 + year, month, day) for year, month, day in orders if year <= LAST_YEAR]
    if not re.fullmatch(r"[a-z0-9 ,.-]+", text):
        return []
    words = [word for word in re.findall("[a-z]+|[0-9]+", text) if word not in DATE_FILLERS]
    if len(words) != 3:  # looking up months takes long
        return []
    months = [month for word in words if (month := _month(word))]
    days = [int(word) for word in words if re.fullmatch("[0-9]{1,2}", word)]
    years = [int(word) for word in words if re.fullmatch("[0-9]{4}", word)]
    is_whole = len(months) == len(days) == len(years) == 1
    return [_day(years[0], months[0], days[0])] if is_whole else []


def _month(word: str) -> int:
    """Return the number of a month, English or Spanish, that may be cut short; 0 for no month."""
    for names in (month_name, SPANISH_MONTHS):
        for number, name in enumerate(names):
            if len(word) >= MIN_MONTH_LETTERS and fold_text(name).startswith(word):
                return number
    return 0


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


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
    clock, name = f"{moment.hour % 12 or 12}:{moment.minute:02}", moment.tzname() or ""
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


def format_utc(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, to the microsecond: 2027-03-31T17:05:00.250000Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
