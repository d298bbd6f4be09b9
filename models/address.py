"""A postal address, and the rules that it must hold to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import FieldProblem
from core.i18n import Text
from models.plain_text import has_unprintable, one_line

MOST_LINES = 6
LONGEST_LINE = 100
_FRENCH_POSTAL_CODE = re.compile(r"(?:0[1-9]|[1-8]\d|9[0-8])\d{3}", re.ASCII)
_FOREIGN_POSTAL_CODE = re.compile(r"[0-9A-Z][0-9A-Z -]{1,11}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """`lines` from the narrowest to the widest, without postal code and city; `country` as ISO 3166-1
    alpha-2.
    """

    lines: tuple[str, ...]
    postal_code: str
    city: str
    country: str = "FR"

    def to_json(self) -> dict[str, Any]:
        return {
            "lines": list(self.lines),
            "postal_code": self.postal_code,
            "city": self.city,
            "country": self.country,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Address:
        return cls(tuple(value["lines"]), value["postal_code"], value["city"], value["country"])

    def to_lines(self) -> list[str]:
        """As on an envelope. The country stands only where it is not France."""
        abroad = [] if self.country == "FR" else [self.country]
        return [*self.lines, f"{self.postal_code} {self.city}", *abroad]


def check_address(typed: Address, path: str) -> tuple[Address | None, list[FieldProblem]]:
    """The address as it is to be stored, or None and every problem, each under `path` with the input's names
    (`lines.0`, `postalCode`, `city`, `country`)."""
    problems: list[FieldProblem] = []

    def refuse(part: str, fr: str, en: str) -> None:
        problems.append(FieldProblem(f"{path}.{part}", Text(fr=fr, en=en)))

    lines: list[str] = []
    for position, line in enumerate(typed.lines[: MOST_LINES + 1]):
        if has_unprintable(line):
            refuse(
                f"lines.{position}",
                "Cette ligne contient un caractère invisible : saisissez-la de nouveau.",
                "This line holds an invisible character: type it again.",
            )
        elif len(line) > 4 * LONGEST_LINE or len(one_line(line)) > LONGEST_LINE:
            refuse(
                f"lines.{position}",
                f"Raccourcissez cette ligne : {LONGEST_LINE} caractères au plus.",
                f"Shorten this line: at most {LONGEST_LINE} characters.",
            )
        elif one_line(line):
            lines.append(one_line(line))
    if len(typed.lines) > MOST_LINES:
        refuse(
            "lines",
            f"Indiquez l’adresse en {MOST_LINES} lignes au plus.",
            f"Give the address in at most {MOST_LINES} lines.",
        )
    elif not lines and not problems:
        refuse("lines", "Indiquez le numéro et la voie.", "Give the number and the street.")

    country = typed.country.strip().upper() if len(typed.country) < 10 else ""
    if not _COUNTRY.fullmatch(country):
        refuse(
            "country",
            "Indiquez le pays par son code à deux lettres, par exemple FR.",
            "Give the country as its two-letter code, for example FR.",
        )

    postal_code = one_line(typed.postal_code[:50]).upper()
    if country == "FR":
        postal_code = postal_code.replace(" ", "")
        if not _FRENCH_POSTAL_CODE.fullmatch(postal_code):
            refuse(
                "postalCode",
                "Indiquez un code postal à cinq chiffres, par exemple 35000.",
                "Give a postal code of five digits, for example 35000.",
            )
    elif not _FOREIGN_POSTAL_CODE.fullmatch(postal_code):
        refuse(
            "postalCode",
            "Indiquez le code postal en lettres et en chiffres, 12 caractères au plus.",
            "Give the postal code in letters and digits, at most 12 characters.",
        )

    city = one_line(typed.city[: 4 * LONGEST_LINE])
    if has_unprintable(typed.city[: 4 * LONGEST_LINE]):
        refuse(
            "city",
            "Le nom de la commune contient un caractère invisible : saisissez-le de nouveau.",
            "The name of the town holds an invisible character: type it again.",
        )
    elif not city:
        refuse("city", "Indiquez la commune.", "Give the town.")
    elif len(city) > LONGEST_LINE:
        refuse(
            "city",
            f"Raccourcissez le nom de la commune : {LONGEST_LINE} caractères au plus.",
            f"Shorten the name of the town: at most {LONGEST_LINE} characters.",
        )

    if problems:
        return None, problems
    return Address(tuple(lines), postal_code, city, country), []
