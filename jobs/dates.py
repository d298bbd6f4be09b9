"""Dates in words, as mails show them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from core.i18n import Language

_MONTHS: dict[Language, tuple[str, ...]] = {
    "fr": (
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}


def local(instant: datetime, timezone: str) -> datetime:
    """The instant by the clock of that place, `Europe/Paris` say."""
    return instant.astimezone(ZoneInfo(timezone))


def in_words(day: date, language: Language) -> str:
    """« 1er janvier 2027 », "1 January 2027"."""
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"


def instant_in_words(instant: datetime, language: Language, timezone: str) -> str:
    """« 1er janvier 2027 à 8 h 05 », "1 January 2027 at 08:05", by the clock of that place."""
    there = local(instant, timezone)
    time = f"à {there.hour}\u00a0h\u00a0{there.minute:02}" if language == "fr" else f"at {there:%H:%M}"
    return f"{in_words(there.date(), language)} {time}"


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last one of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
