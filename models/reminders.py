"""Me notifier la veille: when."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def reminder_time(start: datetime, timezone: str, hour: int) -> datetime:
    """The day before, by the calendar of the place, at that hour there; in UTC.

    The day is counted on the calendar, not as 24 hours: the clocks may change in between. An hour that the clocks skip
    is an hour later, one that they repeat the first of the two (PEP 495).
    """
    zone = ZoneInfo(timezone)
    eve = start.astimezone(zone).date() - timedelta(days=1)
    return datetime.combine(eve, time(hour), zone).astimezone(ZoneInfo("UTC"))
