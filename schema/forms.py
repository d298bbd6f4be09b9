"""What a procedure asks, step by step, and how an administrator writes it."""

from datetime import date
from enum import StrEnum

import strawberry

from schema.declare import enumeration, input_object, interface, output


@enumeration
class StepKind(StrEnum):
    """The steps of a request, in order."""

    PROCEDURE = "PROCEDURE"
    """La démarche"""
    APPOINTMENT = "APPOINTMENT"
    """Mon rendez-vous"""
    CONTACT = "CONTACT"
    """Mes informations"""
    FORM = "FORM"
    """Ma demande"""
    SUMMARY = "SUMMARY"
    """Le récapitulatif"""


@enumeration
class ConditionOperator(StrEnum):
    """How an answer is compared with the values of a condition."""

    EQUALS = "EQUALS"
    NOT_EQUALS = "NOT_EQUALS"
    IN = "IN"
    GREATER_THAN = "GREATER_THAN"
    LESS_THAN = "LESS_THAN"
    IS_ANSWERED = "IS_ANSWERED"


@output
class Condition:
    """Something that holds, or does not, of the answer to another field."""

    field: str
    """Key of the field whose answer decides."""
    operator: ConditionOperator
    values: list[str]
    """Text, number, YYYY-MM-DD, `true` or `false`, or values of options, as the field's type has it."""


@interface
class FormField:
    """Something that a form asks."""

    key: str
    """Its name in answers and problems; unique in the procedure."""
    label: str
    help: str | None
    """Aide à la saisie, in Markdown."""
    required: bool
    """True where it must be answered whenever it is asked."""
    visible_when: list[Condition]
    """All of them hold where the field is asked; empty: always asked."""


@output
class TextField(FormField):
    """Answered with text."""

    multiline: bool
    max_length: int | None
    """In characters."""
    pattern: str | None
    """Regular expression that the whole answer matches."""


@output
class NumberField(FormField):
    """Answered with a number."""

    minimum: float | None
    maximum: float | None
    integer: bool


@output
class DateField(FormField):
    """Answered with a day."""

    earliest: date | None
    latest: date | None


@output
class BooleanField(FormField):
    """Answered with yes or no."""


@output
class ChoiceOption:
    """One of the options of a choice."""

    value: str
    label: str


@output
class ChoiceField(FormField):
    """Answered with one of some options, or with several."""

    options: list[ChoiceOption]
    multiple: bool


@output
class EmailField(FormField):
    """Answered, as text, with an e-mail address."""


@output
class PhoneField(FormField):
    """Answered, as text, with a telephone number."""


@output
class AddressField(FormField):
    """Answered with a postal address."""


@output
class FileField(FormField):
    """Answered with files: attachments that name its key."""

    accepted_media_types: list[str]
    max_files: int


@output
class Step:
    """One step of a request."""

    kind: StepKind
    title: str
    help: str | None
    """Aide à la saisie, in Markdown."""
    body: str | None
    """What La démarche says, in Markdown. Null in other steps."""
    fields: list[FormField]
    """What CONTACT and FORM ask; empty in other steps."""


FORM_FIELD_TYPES = (
    TextField,
    NumberField,
    DateField,
    BooleanField,
    ChoiceField,
    EmailField,
    PhoneField,
    AddressField,
    FileField,
)


@input_object()
class ConditionInput:
    field: str
    operator: ConditionOperator
    values: list[str] = strawberry.field(default=())


@input_object()
class TextTypeInput:
    multiline: bool = False
    max_length: int | None = strawberry.UNSET
    pattern: str | None = strawberry.UNSET


@input_object()
class NumberTypeInput:
    minimum: float | None = strawberry.UNSET
    maximum: float | None = strawberry.UNSET
    integer: bool = False


@input_object()
class DateTypeInput:
    earliest: date | None = strawberry.UNSET
    latest: date | None = strawberry.UNSET


@input_object()
class ChoiceOptionInput:
    value: str
    label: str


@input_object()
class ChoiceTypeInput:
    options: list[ChoiceOptionInput]
    multiple: bool = False


@input_object()
class FileTypeInput:
    accepted_media_types: list[str] = strawberry.field(default=())
    max_files: int = 1


@input_object(one_of=True)
class FieldTypeInput:
    """Exactly one: how the field is answered."""

    text: TextTypeInput | None = strawberry.UNSET
    number: NumberTypeInput | None = strawberry.UNSET
    date: DateTypeInput | None = strawberry.UNSET
    boolean: bool | None = strawberry.UNSET
    choice: ChoiceTypeInput | None = strawberry.UNSET
    email: bool | None = strawberry.UNSET
    phone: bool | None = strawberry.UNSET
    address: bool | None = strawberry.UNSET
    file: FileTypeInput | None = strawberry.UNSET


@input_object()
class FormFieldInput:
    key: str
    label: str
    help: str | None = strawberry.UNSET
    required: bool = False
    visible_when: list[ConditionInput] = strawberry.field(default=())
    type: FieldTypeInput
