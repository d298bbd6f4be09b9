"""What still keeps a draft from being submitted."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import FieldProblem
from core.i18n import Text
from models.contact import LACKS_PREFERRED, NOTHING_TYPED, REACHED_THROUGH, Contact
from models.forms.conditions import visible_fields
from models.forms.definition import FileField, FormDefinition, FormField
from models.forms.kinds import AppointmentPolicy
from models.forms.values import Answers

_FIRST_NAME = Text(fr="Indiquez votre prénom.", en="Give your first name.")
_LAST_NAME = Text(fr="Indiquez votre nom.", en="Give your last name.")
_APPOINTMENT = Text(
    fr="Choisissez un créneau de rendez-vous : cette démarche l’exige.",
    en="Choose an appointment slot: this procedure needs one.",
)


def problems(
    definition: FormDefinition,
    contact: Contact | None,
    answers: Answers,
    attached: Mapping[str, int],
    *,
    appointment: AppointmentPolicy,
    appointment_held: bool,
) -> list[FieldProblem]:
    """Every problem in the order of the steps; empty: the request can be submitted.

    `attached` is the number of attachments of each file field; answers were checked when they were taken in.
    Paths: `appointment`, `contact.…` with the names of ContactInput, and the keys of the form's fields.
    """
    found = []
    if appointment is AppointmentPolicy.REQUIRED and not appointment_held:
        found.append(FieldProblem("appointment", _APPOINTMENT))
    found += _contact_problems(contact)
    for field in visible_fields(definition, answers):
        problem = _field_problem(field, answers, attached)
        if problem is not None:
            found.append(FieldProblem(field.key, problem))
    return found


def _contact_problems(contact: Contact | None) -> list[FieldProblem]:
    found = []
    contact = contact or NOTHING_TYPED
    if not contact.first_name:
        found.append(FieldProblem("contact.firstName", _FIRST_NAME))
    if not contact.last_name:
        found.append(FieldProblem("contact.lastName", _LAST_NAME))
    method = contact.preferred_contact_method
    if contact.reached_by(method) is None:
        found.append(FieldProblem(f"contact.{REACHED_THROUGH[method]}", LACKS_PREFERRED[method]))
    return found


def _field_problem(field: FormField, answers: Answers, attached: Mapping[str, int]) -> Text | None:
    if isinstance(field, FileField):
        count = attached.get(field.key, 0)
        if field.required and count == 0:
            return Text(fr=f"Joignez la pièce « {field.label} ».", en=f"Join the document “{field.label}”.")
        if count > field.max_files:
            return Text(
                fr=f"Gardez {field.max_files} fichier(s) au plus pour « {field.label} ».",
                en=f"Keep at most {field.max_files} file(s) for “{field.label}”.",
            )
        return None
    if field.required and field.key not in answers:
        return Text(fr=f"Répondez à « {field.label} ».", en=f"Answer “{field.label}”.")
    return None
