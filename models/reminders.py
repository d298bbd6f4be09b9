"""Me notifier la veille: when, and when again."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TEMPLATE = "appointment_reminder"

IS_DUE = (
    "a.state = 'CONFIRMED' AND a.reminder_sent_at IS NULL AND a.reminder_at <= {at} AND s.start > {at} "
    "AND a.reminder_at > {at} - interval '50 hours'"
)
"""Whether the appointment `a` in the slot `s` is to be told of at an instant: from the time set until it begins. The
last condition follows from the others (a reminder is set for the day before at the earliest), and spares a look at
those that were missed for good."""


def reminder_time(start: datetime, timezone: str, hour: int) -> datetime:
    """The day before, by the calendar of the place, at that hour there; in UTC.

    The day is counted on the calendar, not as 24 hours: the clocks may change in between. An hour that the clocks skip
    is an hour later, one that they repeat the first of the two (PEP 495).
    """
    zone = ZoneInfo(timezone)
    return datetime.combine(_day(start, timezone) - timedelta(days=1), time(hour), zone).astimezone(
        ZoneInfo("UTC")
    )


def first_reminder(start: datetime, timezone: str, hour: int, at: datetime) -> datetime:
    """When to remind of an appointment that is booked, or brought to another day, at that instant.

    On the day before, or on the day itself, it is at once.
    """
    if _day(at, timezone) >= _day(start, timezone) - timedelta(days=1):
        return at
    return reminder_time(start, timezone, hour)


def is_another_day(start: datetime, previous: datetime, timezone: str) -> bool:
    """Whether who was reminded of an appointment is to be reminded again when it moves: not on the same day."""
    return _day(start, timezone) != _day(previous, timezone)


def _day(instant: datetime, timezone: str) -> date:
    return instant.astimezone(ZoneInfo(timezone)).date()
