"""The current time. Nothing else reads it, so that tests can replace it."""

from datetime import UTC, date, datetime, timedelta


def now() -> datetime:
    """Return the current moment in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Return the date in American Samoa (UTC-11), where a day ends last in the United States.

    So no date that is still today for a visitor is rejected as past.
    """
    return (now() - timedelta(hours=11)).date()


def iso_utc(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, to the microsecond: 2027-03-31T17:05:00.250000Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
