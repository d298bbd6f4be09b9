"""Answers in their two shapes.

What a caller sends is one of the narrow values below, one for each member of the input AnswerValue. What is
kept, in `service_request.answers`, is canonical JSON: text, email and phone a string (a phone in E.164), a
number an int or a float, a boolean, a date `YYYY-MM-DD`, a choice the list of its options' values, an address
an object with the keys `lines`, `postal_code`, `city` and `country`. A field without an answer has no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.address import Address

Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TextValue:
    text: str


@dataclass(frozen=True, slots=True)
class NumberValue:
    number: float


@dataclass(frozen=True, slots=True)
class BooleanValue:
    boolean: bool


@dataclass(frozen=True, slots=True)
class DateValue:
    date: date


@dataclass(frozen=True, slots=True)
class ChoicesValue:
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressValue:
    address: Address


AnswerValue = TextValue | NumberValue | BooleanValue | DateValue | ChoicesValue | AddressValue
