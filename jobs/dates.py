"""The days that mails speak of."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo


def local(instant: datetime, timezone: str) -> datetime:
    """The instant by the clock of that place, `Europe/Paris` say."""
    return instant.astimezone(ZoneInfo(timezone))


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last one of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
