"""Who somebody is and how to reach them: an account's profile, and Mes informations of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from core.errors import FieldProblem
from core.i18n import Text
from models.address import Address, check_address
from models.email_address import EMAIL_ADVICE, normalised_email
from models.phone_number import MOBILE_PHONE_ADVICE, PHONE_ADVICE, may_be_mobile, normalised_phone
from models.plain_text import has_unprintable, one_line

LONGEST_NAME = 100
EARLIEST_BIRTH = date(1900, 1, 1)


class Civility(StrEnum):
    MADAME = "MADAME"
    MONSIEUR = "MONSIEUR"


class ContactMethod(StrEnum):
    EMAIL = "EMAIL"
    MOBILE_PHONE = "MOBILE_PHONE"
    LANDLINE_PHONE = "LANDLINE_PHONE"
    POST = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Phones in E.164. What comes out of `check_contact` holds to every rule; what is typed need not, and what a
    draft holds may be incomplete.
    """

    first_name: str
    last_name: str
    preferred_contact_method: ContactMethod
    civility: Civility | None = None
    birth_date: date | None = None
    email: str | None = None
    mobile_phone: str | None = None
    landline_phone: str | None = None
    address: Address | None = None

    def to_json(self) -> dict[str, Any]:
        """For JSONB, and for the rows of the type Contact: snake_case keys, the birth date as YYYY-MM-DD."""
        return {
            "civility": None if self.civility is None else self.civility.value,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "birth_date": None if self.birth_date is None else self.birth_date.isoformat(),
            "email": self.email,
            "mobile_phone": self.mobile_phone,
            "landline_phone": self.landline_phone,
            "address": None if self.address is None else self.address.to_json(),
            "preferred_contact_method": self.preferred_contact_method.value,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Contact:
        return cls(
            civility=Civility(value["civility"]) if value.get("civility") else None,
            first_name=value["first_name"],
            last_name=value["last_name"],
            birth_date=date.fromisoformat(value["birth_date"]) if value.get("birth_date") else None,
            email=value.get("email"),
            mobile_phone=value.get("mobile_phone"),
            landline_phone=value.get("landline_phone"),
            address=Address.from_json(value["address"]) if value.get("address") else None,
            preferred_contact_method=ContactMethod(value["preferred_contact_method"]),
        )

    def reached_by(self, method: ContactMethod) -> str | Address | None:
        """What this way of contact needs, or None where the contact lacks it."""
        return {
            ContactMethod.EMAIL: self.email,
            ContactMethod.MOBILE_PHONE: self.mobile_phone,
            ContactMethod.LANDLINE_PHONE: self.landline_phone,
            ContactMethod.POST: self.address,
        }[method]


NOTHING_TYPED = Contact(first_name="", last_name="", preferred_contact_method=ContactMethod.EMAIL)
"""Mes informations before anything is: e-mail is what is proposed."""

REACHED_THROUGH = {
    ContactMethod.EMAIL: "email",
    ContactMethod.MOBILE_PHONE: "mobilePhone",
    ContactMethod.LANDLINE_PHONE: "landlinePhone",
    ContactMethod.POST: "address",
}
"""The input field that each way of contact needs."""

LACKS_PREFERRED = {
    ContactMethod.EMAIL: Text(
        fr="Vous préférez être contacté par courriel : indiquez votre adresse de courriel.",
        en="You prefer to be contacted by e-mail: give your e-mail address.",
    ),
    ContactMethod.MOBILE_PHONE: Text(
        fr="Vous préférez être contacté sur votre mobile : indiquez son numéro.",
        en="You prefer to be contacted on your mobile: give its number.",
    ),
    ContactMethod.LANDLINE_PHONE: Text(
        fr="Vous préférez être contacté sur votre téléphone fixe : indiquez son numéro.",
        en="You prefer to be contacted on your landline: give its number.",
    ),
    ContactMethod.POST: Text(
        fr="Vous préférez être contacté par courrier : indiquez votre adresse postale.",
        en="You prefer to be contacted by post: give your postal address.",
    ),
}


def check_contact(
    typed: Contact, *, today: date, prefix: str = "", email_required: bool = False, draft: bool = False
) -> tuple[Contact | None, list[FieldProblem]]:
    """The contact as it is to be stored, or None and every problem at once.

    Blank optional values count as absent. Problems stand at the input's names, `prefix` in front: with
    `profile`, `profile.mobilePhone`. A preferred method that the contact has no means for is a problem of
    `preferredContactMethod`. In a draft nothing is missing yet: `models.forms.problems` tells what is.
    """
    problems: list[FieldProblem] = []

    def at(name: str) -> str:
        return f"{prefix}.{name}" if prefix else name

    def refuse(name: str, text: Text) -> None:
        problems.append(FieldProblem(at(name), text))

    def name_of(name: str, value: str, missing: Text) -> str:
        cleaned = one_line(value[: 4 * LONGEST_NAME])
        if has_unprintable(value[: 4 * LONGEST_NAME]):
            refuse(
                name,
                Text(
                    fr="Ce nom contient un caractère invisible : saisissez-le de nouveau.",
                    en="This name holds an invisible character: type it again.",
                ),
            )
        elif not cleaned and not draft:
            refuse(name, missing)
        elif len(cleaned) > LONGEST_NAME:
            refuse(
                name,
                Text(
                    fr=f"Raccourcissez ce nom : {LONGEST_NAME} caractères au plus.",
                    en=f"Shorten this name: at most {LONGEST_NAME} characters.",
                ),
            )
        return cleaned

    def phone_of(name: str, value: str | None, *, mobile: bool) -> str | None:
        if value is None or not value.strip():
            return None
        number = normalised_phone(value)
        if number is None:
            refuse(name, PHONE_ADVICE)
        elif mobile and not may_be_mobile(number):
            refuse(name, MOBILE_PHONE_ADVICE)
        return number

    first_name = name_of(
        "firstName", typed.first_name, Text(fr="Indiquez votre prénom.", en="Give your first name.")
    )
    last_name = name_of(
        "lastName", typed.last_name, Text(fr="Indiquez votre nom.", en="Give your last name.")
    )

    if typed.birth_date is not None and not EARLIEST_BIRTH <= typed.birth_date <= today:
        refuse(
            "birthDate",
            Text(
                fr="Vérifiez la date de naissance : elle doit être passée et postérieure à 1900.",
                en="Check the date of birth: it has to be in the past and after 1900.",
            ),
        )

    email = None
    if typed.email is not None and typed.email.strip():
        email = normalised_email(typed.email)
        if email is None:
            refuse("email", EMAIL_ADVICE)
    elif email_required:
        refuse("email", EMAIL_ADVICE)

    mobile_phone = phone_of("mobilePhone", typed.mobile_phone, mobile=True)
    landline_phone = phone_of("landlinePhone", typed.landline_phone, mobile=False)

    address = None
    if typed.address is not None:
        address, address_problems = check_address(typed.address, at("address"))
        problems.extend(address_problems)

    contact = Contact(
        civility=typed.civility,
        first_name=first_name,
        last_name=last_name,
        birth_date=typed.birth_date,
        email=email,
        mobile_phone=mobile_phone,
        landline_phone=landline_phone,
        address=address,
        preferred_contact_method=typed.preferred_contact_method,
    )
    # What was typed badly is already told at its own place.
    needed = at(REACHED_THROUGH[typed.preferred_contact_method])
    told = any(problem.path == needed or problem.path.startswith(f"{needed}.") for problem in problems)
    if contact.reached_by(typed.preferred_contact_method) is None and not told and not draft:
        refuse("preferredContactMethod", LACKS_PREFERRED[typed.preferred_contact_method])
    return (None, problems) if problems else (contact, [])
