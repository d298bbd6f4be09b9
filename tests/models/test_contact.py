"""Who somebody is and how to reach them: every rule, all at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.address import Address, check_address
from models.contact import Civility, Contact, ContactMethod, check_contact
from models.email_address import normalised_email
from models.phone_number import normalised_phone, readable_phone

TODAY = date(2026, 11, 23)
TYPED = Contact(
    civility=Civility.MONSIEUR,
    first_name="  Jean-Rémi ",
    last_name="d’Orme",
    birth_date=date(1970, 2, 28),
    email="jean@EXEMPLE.fr",
    mobile_phone="06 39 98 12 34",
    landline_phone="",
    address=Address((" 1  rue du Puits ", " "), "49 000", "Angers", "fr"),
    preferred_contact_method=ContactMethod.MOBILE_PHONE,
)


def told(prefix: str = "", email_required: bool = False, draft: bool = False, **changed: Any) -> list[str]:
    contact, problems = check_contact(
        replace(TYPED, **changed), today=TODAY, prefix=prefix, email_required=email_required, draft=draft
    )
    assert (contact is None) == bool(problems)
    assert all(problem.text.fr and problem.text.en for problem in problems)
    return [problem.path for problem in problems]


def test_a_sound_contact_is_put_in_order_and_survives_storage() -> None:
    contact, problems = check_contact(TYPED, today=TODAY)
    assert problems == []
    assert contact == replace(
        TYPED,
        first_name="Jean-Rémi",
        email="jean@exemple.fr",
        mobile_phone="+33639981234",
        landline_phone=None,
        address=Address(("1 rue du Puits",), "49000", "Angers", "FR"),
    )
    assert Contact.from_json(contact.to_json()) == contact


def test_the_least_that_is_enough() -> None:
    least = Contact(
        first_name="A", last_name="B", email="a@exemple.fr", preferred_contact_method=ContactMethod.EMAIL
    )
    contact, problems = check_contact(least, today=TODAY)
    assert (contact, problems) == (least, [])
    assert Contact.from_json(least.to_json()) == least


def test_every_problem_at_once_under_the_prefix() -> None:
    assert told(
        prefix="profile",
        first_name=" ",
        last_name="x" * 101,
        birth_date=date(2030, 1, 1),
        email="nobody",
        mobile_phone="01 99 00 12 34",
        landline_phone="123",
        address=Address((), "?", " ", "France"),
    ) == [
        "profile.firstName",
        "profile.lastName",
        "profile.birthDate",
        "profile.email",
        "profile.mobilePhone",
        "profile.landlinePhone",
        "profile.address.lines",
        "profile.address.country",
        "profile.address.postalCode",
        "profile.address.city",
    ]


@pytest.mark.parametrize(
    ("changed", "paths"),
    [
        ({"first_name": "x" * 100}, []),
        ({"first_name": "x" * 1_000_000}, ["firstName"]),
        ({"last_name": "a\0b"}, ["lastName"]),
        ({"last_name": "\ud800"}, ["lastName"]),
        ({"birth_date": date(1899, 12, 31)}, ["birthDate"]),
        ({"birth_date": TODAY}, []),
        ({"birth_date": None}, []),
        ({"email": None}, []),
        ({"email": "a@b"}, ["email"]),
        ({"mobile_phone": None}, ["preferredContactMethod"]),
        ({"mobile_phone": "abc"}, ["mobilePhone"]),
        ({"mobile_phone": "+32 470 12 34 56"}, []),
        ({"preferred_contact_method": ContactMethod.LANDLINE_PHONE}, ["preferredContactMethod"]),
        ({"preferred_contact_method": ContactMethod.POST}, []),
        ({"preferred_contact_method": ContactMethod.POST, "address": None}, ["preferredContactMethod"]),
        (
            {"preferred_contact_method": ContactMethod.POST, "address": Address(("1 rue",), "x", "Y")},
            ["address.postalCode"],
        ),
        ({"email": None, "preferred_contact_method": ContactMethod.EMAIL}, ["preferredContactMethod"]),
    ],
)
def test_each_rule(changed: dict[str, Any], paths: list[str]) -> None:
    assert told(**changed) == paths


def test_an_account_needs_an_email() -> None:
    assert told(email_required=True, email=" ") == ["email"]


def test_in_a_draft_things_may_be_missing_and_nothing_wrong() -> None:
    assert told(draft=True, first_name=" ", last_name="", mobile_phone=None) == []
    assert told(draft=True, first_name="a\0b", mobile_phone="12") == ["firstName", "mobilePhone"]


@pytest.mark.parametrize(
    ("address", "paths"),
    [
        (Address(("1 rue",), "20000", "Ajaccio"), []),
        (Address(("1 rue",), "97400", "Saint-Denis"), []),
        (Address(("1 rue",), "99123", "Nulle part"), ["a.postalCode"]),
        (Address(("1 rue",), "SW1A 1AA", "London", "GB"), []),
        (Address(("1 rue",), "", "Dublin", "IE"), ["a.postalCode"]),
        (Address(("x",) * 6, "49000", "Angers"), []),
        (Address(("x",) * 7, "49000", "Angers"), ["a.lines"]),
        (Address(("x" * 101,), "49000", "Angers"), ["a.lines.0"]),
        (Address(("x", "\x07"), "49000", "Angers"), ["a.lines.1"]),
        (Address(("x",), "49000", "\x07"), ["a.city"]),
        (Address(("x",), "49000", "x" * 101), ["a.city"]),
    ],
)
def test_addresses(address: Address, paths: list[str]) -> None:
    checked, problems = check_address(address, "a")
    assert [problem.path for problem in problems] == paths
    assert (checked is None) == bool(paths)


@pytest.mark.parametrize(
    ("typed", "number", "shown"),
    [
        ("0639981234", "+33639981234", "06 39 98 12 34"),
        ("+33 (0)6 39 98 12 34", "+33639981234", "06 39 98 12 34"),
        ("0033 6 39 98 12 34", "+33639981234", "06 39 98 12 34"),
        ("02.61.91.04.00", "+33261910400", "02 61 91 04 00"),
        ("+32470123456", "+32470123456", "+32 470 12 34 56"),
    ],
)
def test_phones(typed: str, number: str, shown: str) -> None:
    assert normalised_phone(typed) == number
    assert readable_phone(number) == shown


@pytest.mark.parametrize(
    "typed", ["", "12", "06 39 98 12 3", "06 39 98 12 34 5", "0000000000", "+", "x" * 500]
)
def test_what_is_no_phone(typed: str) -> None:
    assert normalised_phone(typed) is None


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "a",
        "a@",
        "@b.fr",
        "a@b",
        "a b@c.fr",
        "a@b..fr",
        "a@b.fr\nx",
        "a@[1.2.3.4]",
        "x" * 65 + "@b.fr",
        "a" * 999,
    ],
)
def test_what_is_no_email(typed: str) -> None:
    assert normalised_email(typed) is None


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_typed_is_kept_in_order_or_told(name: str, email: str, phone: str) -> None:
    typed = replace(TYPED, first_name=name, email=email, mobile_phone=phone)
    contact, problems = check_contact(typed, today=TODAY)
    assert (contact is None) == bool(problems)
    if contact is not None:
        assert check_contact(contact, today=TODAY) == (contact, [])
