"""Days, instants and numbers as people read them, in either language."""

from __future__ import annotations

from datetime import date, datetime

from core.i18n import Language

_MONTHS: dict[Language, list[str]] = {
    "fr": [
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
    ],
    "en": [
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
    ],
}

_WEEKDAYS: dict[Language, list[str]] = {
    "fr": ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
}


def readable_date(day: date, language: Language) -> str:
    """`23 novembre 2026`, `1er janvier 2026`; `23 November 2026`."""
    number = "1er" if day.day == 1 and language == "fr" else str(day.day)
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"


def readable_moment(moment: datetime, language: Language) -> str:
    """`23 novembre 2026 à 9 h 05`, the hour unbroken; `23 November 2026 at 09:05`. In the moment's own time zone."""
    day = readable_date(moment.date(), language)
    if language == "fr":
        return f"{day} à {moment.hour}\u00a0h\u00a0{moment.minute:02}"
    return f"{day} at {moment:%H:%M}"


def readable_appointment(moment: datetime, language: Language) -> str:
    """`lundi 7 décembre 2026 à 9 h 00`; `Monday 7 December 2026 at 09:00`: a moment that somebody has to be there."""
    return f"{_WEEKDAYS[language][moment.weekday()]} {readable_moment(moment, language)}"


def readable_number(number: float, language: Language) -> str:
    """`12 345,5`; `12,345.5`. As many decimals as there are, no exponent. A narrow no-break space groups
    thousands in French.
    """
    whole, _, decimals = f"{number:,.10f}".partition(".")
    decimals = decimals.rstrip("0")
    if language == "fr":
        return whole.replace(",", "\u202f") + ("," + decimals if decimals else "")
    return whole + ("." + decimals if decimals else "")


def readable_boolean(boolean: bool, language: Language) -> str:
    if language == "fr":
        return "Oui" if boolean else "Non"
    return "Yes" if boolean else "No"
