"""From a rule (weekdays 9:00 to 12:00, every 20 minutes) to the slots of a span of days."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")

ALSACE_MOSELLE = {"57", "67", "68"}
"""Départements with two public holidays more: Good Friday and the day after Christmas (ordonnance du 16 août 1892)."""

OVERSEAS = {
    "971": (5, 27),
    "972": (5, 22),
    "973": (6, 10),
    "974": (12, 20),
    "976": (4, 27),
    "97133": (10, 9),
    "97150": (5, 28),
}
"""Month and day of one more, where slavery is remembered to have ended, by how postal codes begin: the longest that
fits counts (Code du travail, L. 3422-2; Guadeloupe, Martinique, Guyane, La Réunion, Mayotte, Saint-Barthélemy,
Saint-Martin)."""


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
    """The public holidays of France between two days (Code du travail, L. 3133-1), with those of the place where the
    postal code is in Alsace, Moselle or overseas."""
    # It takes 0.4 s to load, which nobody has to wait for who leaves none out.
    import holidays

    code, years = postal_code or "", range(first.year, last.year + 1)
    area = "57" if code[:2] in ALSACE_MOSELLE else None
    days = set(holidays.country_holidays("FR", subdiv=area, years=years))
    if overseas := OVERSEAS.get(code) or OVERSEAS.get(code[:3]):
        days |= {date(year, *overseas) for year in years}
    return frozenset(day for day in days if first <= day <= last)
