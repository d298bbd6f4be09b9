"""Ma demande: what was answered to the fields of a form."""

import datetime as dt
from typing import Annotated

import strawberry

from models import forms
from schema.contact import Address, AddressInput, address_of
from schema.declare import input_object, output
from schema.forms import ChoiceOption


@output
class TextAnswer:
    field: str
    """Key of the field; so in every kind of answer."""
    text: str


@output
class NumberAnswer:
    field: str
    number: float


@output
class BooleanAnswer:
    field: str
    boolean: bool


@output
class DateAnswer:
    field: str
    date: dt.date


@output
class ChoiceAnswer:
    field: str
    choices: list[ChoiceOption]
    """What was chosen, with the labels of the form it was started with."""


@output
class AddressAnswer:
    field: str
    address: Address


Answer = Annotated[
    TextAnswer | NumberAnswer | BooleanAnswer | DateAnswer | ChoiceAnswer | AddressAnswer,
    strawberry.union("Answer", description="What was answered to one field. Files are attachments instead."),
]


@input_object(one_of=True)
class AnswerValue:
    """Exactly one, as the type of the field has it: text, e-mail and telephone take `text`."""

    text: str | None = strawberry.UNSET
    number: float | None = strawberry.UNSET
    boolean: bool | None = strawberry.UNSET
    date: dt.date | None = strawberry.UNSET
    choices: list[str] | None = strawberry.UNSET
    """Values of options: one, or several where the field takes several."""
    address: AddressInput | None = strawberry.UNSET


@input_object()
class AnswerInput:
    field: str
    """Key of the field."""
    value: AnswerValue | None = strawberry.UNSET
    """Null takes the answer back."""


def answer_of(typed: AnswerInput) -> tuple[str, forms.AnswerValue | None]:
    """The key of a field, and what was answered; None takes the answer back."""
    return typed.field, value_of(typed.value) if typed.value else None


def value_of(typed: AnswerValue) -> forms.AnswerValue:
    match typed:
        case AnswerValue(text=str(text)):
            return forms.TextValue(text)
        case AnswerValue(boolean=bool(boolean)):
            return forms.BooleanValue(boolean)
        case AnswerValue(number=int() | float() as number):
            return forms.NumberValue(number)
        case AnswerValue(date=dt.date() as date):
            return forms.DateValue(date)
        case AnswerValue(choices=list(choices)):
            return forms.ChoicesValue(tuple(choices))
        case AnswerValue(address=AddressInput() as address):
            return forms.AddressValue(address_of(address))
    raise AssertionError("exactly one value is given: graphql-core checks @oneOf inputs")
