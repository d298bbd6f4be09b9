"""Who somebody is and how to reach them."""

from datetime import date
from enum import StrEnum

import strawberry

from models import address as addresses
from models import contact as contacts
from schema.declare import enumeration, input_object, output


@enumeration
class Civility(StrEnum):
    """How letters address somebody."""

    MADAME = "MADAME"
    MONSIEUR = "MONSIEUR"


@enumeration
class ContactMethod(StrEnum):
    """How somebody prefers to be reached (moyen de contact préféré)."""

    EMAIL = "EMAIL"
    MOBILE_PHONE = "MOBILE_PHONE"
    LANDLINE_PHONE = "LANDLINE_PHONE"
    POST = "POST"


@output
class Address:
    """A postal address."""

    lines: list[str]
    """Street and whatever else the letter needs, as on the envelope."""
    postal_code: str
    city: str
    country: str
    """ISO 3166-1, two letters."""


@output
class Contact:
    """Who somebody is and how to reach them: an account's profile, and Mes informations of a request."""

    civility: Civility | None
    first_name: str
    last_name: str
    birth_date: date | None
    email: str | None
    mobile_phone: str | None
    """International form, E.164: `+33612345678`."""
    landline_phone: str | None
    """International form, E.164: `+33112345678`."""
    address: Address | None
    preferred_contact_method: ContactMethod


@input_object()
class AddressInput:
    """A postal address."""

    lines: list[str]
    """One to six lines, as on the envelope, without postal code and city; at most 100 characters each."""
    postal_code: str
    """Five digits where the country is FR."""
    city: str
    country: str = "FR"
    """ISO 3166-1, two letters."""


@input_object()
class ContactInput:
    """Mes informations, as a whole: what is left out or null is emptied."""

    civility: Civility | None = strawberry.UNSET
    first_name: str
    last_name: str
    birth_date: date | None = strawberry.UNSET
    email: str | None = strawberry.UNSET
    mobile_phone: str | None = strawberry.UNSET
    """French or international form, spaces and dots as you like."""
    landline_phone: str | None = strawberry.UNSET
    """French or international form, spaces and dots as you like."""
    address: AddressInput | None = strawberry.UNSET
    preferred_contact_method: ContactMethod
    """The address or number that it needs must be given; in a draft, before it is submitted."""


def address_of(typed: AddressInput) -> addresses.Address:
    """What was typed, not yet checked."""
    return addresses.Address(
        lines=tuple(typed.lines), postal_code=typed.postal_code, city=typed.city, country=typed.country
    )


def contact_of(typed: ContactInput) -> contacts.Contact:
    """What was typed, not yet checked. What was left out, null or empty is None."""
    return contacts.Contact(
        civility=contacts.Civility(typed.civility) if typed.civility else None,
        first_name=typed.first_name,
        last_name=typed.last_name,
        birth_date=typed.birth_date or None,
        email=typed.email or None,
        mobile_phone=typed.mobile_phone or None,
        landline_phone=typed.landline_phone or None,
        address=address_of(typed.address) if typed.address else None,
        preferred_contact_method=contacts.ContactMethod(typed.preferred_contact_method),
    )
