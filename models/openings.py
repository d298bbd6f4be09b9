"""From a rule (weekdays 9:00 to 12:00, every 20 minutes) to the slots of a span of days."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")

ALSACE_MOSELLE = {"57", "67", "68"}
"""Départements with two public holidays more: Good Friday and the day after Christmas (ordonnance du 16 août 1892)."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Hours of the wall clock on some days of the week; 0 is Monday."""

    weekdays: frozenset[int]
    start: time
    end: time


def spans(
    openings: Sequence[Opening],
    minutes: int,
    first: date,
    last: date,
    *,
    timezone: str,
    left_out: Container[date] = (),
) -> Iterator[tuple[datetime, datetime]]:
    """Start and end, in UTC, of slots of so many minutes: one after the other from the start of each opening, as long
    as they end within it. `last` is included.

    Where the clocks change within an opening, it has an hour more or less, as those who sit there have.
    """
    zone, length = ZoneInfo(timezone), timedelta(minutes=minutes)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day in left_out:
            continue
        for opening in openings:
            if day.weekday() not in opening.weekdays:
                continue
            start = datetime.combine(day, opening.start, zone).astimezone(UTC)
            end = datetime.combine(day, opening.end, zone).astimezone(UTC)
            while start + length <= end:
                yield start, start + length
                start += length


def public_holidays(first: date, last: date, postal_code: str | None) -> frozenset[date]:
    """The public holidays of France between two days (Code du travail, L. 3133-1), with those of the département where
    the postal code is in Alsace or Moselle."""
    # It takes 0.4 s to load, which nobody has to wait for who leaves none out.
    import holidays

    area = "57" if (postal_code or "")[:2] in ALSACE_MOSELLE else None
    calendar = holidays.country_holidays("FR", subdiv=area, years=range(first.year, last.year + 1))
    return frozenset(day for day in calendar if first <= day <= last)
