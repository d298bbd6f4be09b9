"""Telephone numbers: typed as people do in France, stored in E.164, shown as people read them."""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from core.i18n import Text

PHONE_ADVICE = Text(
    fr="Indiquez un numéro à dix chiffres, ou commençant par + et l’indicatif du pays.",
    en="Give a number of ten digits, or one that starts with + and the country’s code.",
)
MOBILE_PHONE_ADVICE = Text(
    fr="Indiquez un numéro de mobile : en France, il commence par 06 ou 07.",
    en="Give a mobile number: in France it starts with 06 or 07.",
)
_FRANCE = 33


def _parsed(number: str) -> PhoneNumber | None:
    if len(number) > 40:
        return None
    try:
        parsed = phonenumbers.parse(number, "FR")
    except NumberParseException:
        return None
    # Possible rather than valid: the ranges that ARCEP keeps for fiction (06 39 98 …) have no subscriber, and
    # those it opens next year are not in the library's tables yet.
    if not phonenumbers.is_possible_number(parsed) or parsed.italian_leading_zero or parsed.extension:
        return None
    if parsed.country_code == _FRANCE and not 100_000_000 <= (parsed.national_number or 0) <= 999_999_999:
        return None
    return parsed


def normalised_phone(typed: str) -> str | None:
    """The number in E.164 (`+33612345678`), or None. A number without a country code is a French one."""
    parsed = _parsed(typed)
    return None if parsed is None else phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def may_be_mobile(number: str) -> bool:
    """Whether an E.164 number may ring a mobile: in France 06 and 07; abroad nobody can tell by the digits
    alone.
    """
    return not number.startswith(f"+{_FRANCE}") or number[3] in "67"


def readable_phone(number: str) -> str:
    """An E.164 number as people read it: `06 12 34 56 78`, `+32 470 12 34 56`."""
    parsed = _parsed(number)
    if parsed is None:
        return number
    if parsed.country_code == _FRANCE:
        digits = f"0{parsed.national_number}"
        return " ".join(digits[i : i + 2] for i in range(0, 10, 2))
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
