"""What Mes informations asks: the same of every procedure. Keys are the names of ContactInput."""

from __future__ import annotations

from core.i18n import Language, Text
from core.wording import readable_date
from models.contact import EARLIEST_BIRTH, LONGEST_NAME, Civility, Contact, ContactMethod
from models.forms.definition import (
    AddressField,
    ChoiceField,
    ChoiceOption,
    DateField,
    EmailField,
    PhoneField,
    TextField,
)
from models.phone_number import readable_phone

CIVILITIES = {
    Civility.MADAME: Text(fr="Madame", en="Ms"),
    Civility.MONSIEUR: Text(fr="Monsieur", en="Mr"),
}
METHODS = {
    ContactMethod.EMAIL: Text(fr="Courriel", en="E-mail"),
    ContactMethod.MOBILE_PHONE: Text(fr="Téléphone mobile", en="Mobile phone"),
    ContactMethod.LANDLINE_PHONE: Text(fr="Téléphone fixe", en="Landline phone"),
    ContactMethod.POST: Text(fr="Courrier", en="Post"),
}
LABELS = {
    "civility": Text(fr="Civilité", en="Title"),
    "firstName": Text(fr="Prénom", en="First name"),
    "lastName": Text(fr="Nom", en="Last name"),
    "birthDate": Text(fr="Date de naissance", en="Date of birth"),
    "email": Text(fr="Courriel", en="E-mail"),
    "mobilePhone": Text(fr="Téléphone mobile", en="Mobile phone"),
    "landlinePhone": Text(fr="Téléphone fixe", en="Landline phone"),
    "address": Text(fr="Adresse postale", en="Postal address"),
    "preferredContactMethod": Text(fr="Moyen de contact préféré", en="Preferred contact method"),
}
_EMAIL_HELP = Text(
    fr="L’accusé de réception et le numéro de ticket y sont envoyés.",
    en="The acknowledgement and the ticket number are sent there.",
)
_PHONE_HELP = Text(
    fr="Dix chiffres, ou + et l’indicatif du pays.", en="Ten digits, or + and the country’s code."
)
_METHOD_HELP = Text(
    fr="La mairie vous contactera de préférence par ce moyen : remplissez la case correspondante.",
    en="The mairie will contact you this way if it can: fill in the matching box.",
)

ContactField = TextField | DateField | ChoiceField | EmailField | PhoneField | AddressField


def contact_fields(language: Language) -> tuple[ContactField, ...]:
    # These keys are in camel case, which those of a form never are: nothing here has to be checked again.
    label = {key: text.in_(language) for key, text in LABELS.items()}
    phone_help = _PHONE_HELP.in_(language)
    fields: tuple[ContactField, ...] = (
        ChoiceField.model_construct(
            key="civility", label=label["civility"], options=_options(CIVILITIES, language), multiple=False
        ),
        TextField.model_construct(
            key="firstName", label=label["firstName"], required=True, max_length=LONGEST_NAME
        ),
        TextField.model_construct(
            key="lastName", label=label["lastName"], required=True, max_length=LONGEST_NAME
        ),
        DateField.model_construct(key="birthDate", label=label["birthDate"], earliest=EARLIEST_BIRTH),
        EmailField.model_construct(key="email", label=label["email"], help=_EMAIL_HELP.in_(language)),
        PhoneField.model_construct(key="mobilePhone", label=label["mobilePhone"], help=phone_help),
        PhoneField.model_construct(key="landlinePhone", label=label["landlinePhone"], help=phone_help),
        AddressField.model_construct(key="address", label=label["address"]),
        ChoiceField.model_construct(
            key="preferredContactMethod",
            label=label["preferredContactMethod"],
            help=_METHOD_HELP.in_(language),
            required=True,
            options=_options(METHODS, language),
            multiple=False,
        ),
    )
    return fields


def _options(
    labels: dict[Civility, Text] | dict[ContactMethod, Text], language: Language
) -> tuple[ChoiceOption, ...]:
    return tuple(ChoiceOption(value=value.value, label=text.in_(language)) for value, text in labels.items())


def contact_lines(contact: Contact, language: Language) -> list[tuple[str, str]]:
    """Labels and values for Le récapitulatif; what is absent is left out."""
    values = {
        "civility": contact.civility and CIVILITIES[contact.civility].in_(language),
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "birthDate": contact.birth_date and readable_date(contact.birth_date, language),
        "email": contact.email,
        "mobilePhone": contact.mobile_phone and readable_phone(contact.mobile_phone),
        "landlinePhone": contact.landline_phone and readable_phone(contact.landline_phone),
        "address": contact.address and "\n".join(contact.address.to_lines()),
        "preferredContactMethod": METHODS[contact.preferred_contact_method].in_(language),
    }
    return [(LABELS[key].in_(language), value) for key, value in values.items() if value]
