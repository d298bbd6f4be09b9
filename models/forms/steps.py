"""The steps of a procedure, as rows of the type Step."""

from __future__ import annotations

from typing import Any

from core.i18n import Language, Text
from models.forms.contact_step import ContactField, contact_fields
from models.forms.definition import (
    AddressField,
    BooleanField,
    ChoiceField,
    DateField,
    EmailField,
    FileField,
    FormDefinition,
    FormField,
    NumberField,
    PhoneField,
    TextField,
)
from models.forms.kinds import AppointmentPolicy, StepKind

Row = dict[str, Any]

STEP_TITLES = {
    StepKind.PROCEDURE: Text(fr="La démarche", en="About this procedure"),
    StepKind.APPOINTMENT: Text(fr="Mon rendez-vous", en="My appointment"),
    StepKind.CONTACT: Text(fr="Mes informations", en="My details"),
    StepKind.FORM: Text(fr="Ma demande", en="My request"),
    StepKind.SUMMARY: Text(fr="Le récapitulatif", en="Summary"),
}


def step_rows(definition: FormDefinition, appointment: AppointmentPolicy, language: Language) -> list[Row]:
    """The steps in order, APPOINTMENT only where the procedure has one."""
    asked: dict[StepKind, tuple[ContactField, ...] | tuple[FormField, ...]] = {
        StepKind.CONTACT: contact_fields(language),
        StepKind.FORM: definition.fields,
    }
    return [
        {
            "kind": kind.value,
            "title": STEP_TITLES[kind].in_(language),
            "help": definition.step_help.get(kind),
            "body": definition.body if kind is StepKind.PROCEDURE else None,
            "fields": [_field_row(field) for field in asked.get(kind, ())],
        }
        for kind in StepKind
        if kind is not StepKind.APPOINTMENT or appointment is not AppointmentPolicy.NONE
    ]


def _field_row(field: FormField | ContactField) -> Row:
    return {
        "key": field.key,
        "label": field.label,
        "help": field.help,
        "required": field.required,
        "visible_when": [
            {"field": each.field, "operator": each.operator.value, "values": list(each.values)}
            for each in field.visible_when
        ],
    } | _own_columns(field)


def _own_columns(field: FormField | ContactField) -> Row:
    match field:
        case TextField():
            return {
                "__typename": "TextField",
                "multiline": field.multiline,
                "max_length": field.max_length,
                "pattern": field.pattern,
            }
        case NumberField():
            return {
                "__typename": "NumberField",
                "minimum": field.minimum,
                "maximum": field.maximum,
                "integer": field.integer,
            }
        case DateField():
            return {"__typename": "DateField", "earliest": field.earliest, "latest": field.latest}
        case BooleanField():
            return {"__typename": "BooleanField"}
        case ChoiceField():
            return {
                "__typename": "ChoiceField",
                "options": [{"value": option.value, "label": option.label} for option in field.options],
                "multiple": field.multiple,
            }
        case EmailField():
            return {"__typename": "EmailField"}
        case PhoneField():
            return {"__typename": "PhoneField"}
        case AddressField():
            return {"__typename": "AddressField"}
        case FileField():
            return {
                "__typename": "FileField",
                "accepted_media_types": list(field.accepted_media_types),
                "max_files": field.max_files,
            }
