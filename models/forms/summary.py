"""Le récapitulatif, ready to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from core.i18n import Language, Text
from core.wording import readable_boolean, readable_date, readable_moment, readable_number
from models.address import Address
from models.contact import Contact
from models.forms.conditions import visible_fields
from models.forms.contact_step import contact_lines
from models.forms.definition import (
    AddressField,
    BooleanField,
    ChoiceField,
    DateField,
    FileField,
    FormDefinition,
    FormField,
    NumberField,
    PhoneField,
)
from models.forms.kinds import StepKind
from models.forms.steps import STEP_TITLES
from models.forms.values import Answers
from models.phone_number import readable_phone

Row = dict[str, Any]

_WHEN = Text(fr="Date et heure", en="Date and time")
_WHERE = Text(fr="Lieu", en="Place")
_OTHER_ATTACHMENTS = Text(fr="Autres pièces jointes", en="Other attachments")


class Line(NamedTuple):
    """`field` is the key of the form's field that it answers; None where it answers none."""

    label: str
    value: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class AppointmentLine:
    """`start` in the municipality's own time zone."""

    start: datetime
    place: str


def summary(
    definition: FormDefinition,
    contact: Contact | None,
    answers: Answers,
    *,
    language: Language,
    attachments: Mapping[str | None, Sequence[str]],
    appointment: AppointmentLine | None,
) -> list[Row]:
    """Rows of the type SummarySection, in the order of the steps; a section without a line is left out.

    `attachments` are the titles under each file field's key, and under None those joined freely. Fields that
    are not asked are left out, even where an answer from before is kept. A value may hold line ends.
    """
    sections = (
        (StepKind.APPOINTMENT, [] if appointment is None else _appointment_lines(appointment, language)),
        (
            StepKind.CONTACT,
            [] if contact is None else [Line(*line) for line in contact_lines(contact, language)],
        ),
        (StepKind.FORM, _form_lines(definition, answers, attachments, language)),
    )
    return [
        {
            "step": step.value,
            "title": STEP_TITLES[step].in_(language),
            "lines": [line._asdict() for line in lines],
        }
        for step, lines in sections
        if lines
    ]


def _appointment_lines(appointment: AppointmentLine, language: Language) -> list[Line]:
    return [
        Line(_WHEN.in_(language), readable_moment(appointment.start, language)),
        Line(_WHERE.in_(language), appointment.place),
    ]


def _form_lines(
    definition: FormDefinition,
    answers: Answers,
    attachments: Mapping[str | None, Sequence[str]],
    language: Language,
) -> list[Line]:
    lines = []
    for field in visible_fields(definition, answers):
        if isinstance(field, FileField):
            if titles := attachments.get(field.key):
                lines.append(Line(field.label, "\n".join(titles), field.key))
        elif field.key in answers:
            answer = readable_answer(field, answers[field.key], language)
            lines.append(Line(field.label, answer, field.key))
    if titles := attachments.get(None):
        lines.append(Line(_OTHER_ATTACHMENTS.in_(language), "\n".join(titles)))
    return lines


def readable_answer(field: FormField, answer: Any, language: Language) -> str:
    """A stored answer as people read it."""
    match field:
        case NumberField():
            return readable_number(answer, language)
        case BooleanField():
            return readable_boolean(answer, language)
        case DateField():
            return readable_date(date.fromisoformat(answer), language)
        case ChoiceField():
            return "\n".join(option.label for option in field.options if option.value in answer)
        case AddressField():
            return "\n".join(Address.from_json(answer).to_lines())
        case PhoneField():
            return readable_phone(answer)
        case _:
            return str(answer)
