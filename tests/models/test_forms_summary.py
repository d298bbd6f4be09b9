"""What still has to be done, the steps, and Le récapitulatif."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.wording import readable_date, readable_moment, readable_number
from models.address import Address
from models.contact import Civility, Contact, ContactMethod
from models.forms import AppointmentLine, AppointmentPolicy, problems, read_definition, step_rows, summary
from tests.models.forms_samples import EVERY_TYPE, every_type

FORM = every_type()
CONTACT = Contact(
    civility=Civility.MADAME,
    first_name="Jeanne",
    last_name="Martin",
    birth_date=date(1980, 1, 1),
    email="jeanne@exemple.fr",
    mobile_phone="+33639981234",
    address=Address(("12 rue des Lilas", "Bâtiment B"), "49000", "Angers"),
    preferred_contact_method=ContactMethod.EMAIL,
)
ANSWERS: dict[str, Any] = {"home": ["house"], "urgent": False, "detail": "kept but hidden"}


def found(
    contact: Contact | None = CONTACT,
    answers: dict[str, Any] = ANSWERS,
    attached: dict[str, int] | None = None,
    policy: AppointmentPolicy = AppointmentPolicy.NONE,
    held: bool = False,
) -> list[str]:
    told = problems(FORM, contact, answers, attached or {}, appointment=policy, appointment_held=held)
    assert all(problem.text.fr and problem.text.en for problem in told)
    return [problem.path for problem in told]


def test_a_complete_draft_has_no_problem() -> None:
    assert found() == []


def test_everything_that_is_missing_in_the_order_of_the_steps() -> None:
    assert found(None, {"home": ["other"], "urgent": True}, policy=AppointmentPolicy.REQUIRED) == [
        "appointment",
        "contact.firstName",
        "contact.lastName",
        "contact.email",
        "detail",
        "proof",
    ]


def test_only_what_is_asked_has_to_be_answered() -> None:
    assert found(answers={}) == ["home", "urgent"]
    assert found(answers=ANSWERS | {"home": ["other"]}) == []
    assert found(answers=ANSWERS | {"urgent": True}) == ["proof"]
    assert found(answers=ANSWERS | {"urgent": True}, attached={"proof": 2}) == []
    assert found(answers=ANSWERS | {"urgent": True}, attached={"proof": 3}) == ["proof"]


@pytest.mark.parametrize(
    ("policy", "held", "paths"),
    [
        (AppointmentPolicy.NONE, False, []),
        (AppointmentPolicy.OPTIONAL, False, []),
        (AppointmentPolicy.REQUIRED, False, ["appointment"]),
        (AppointmentPolicy.REQUIRED, True, []),
    ],
)
def test_appointments(policy: AppointmentPolicy, held: bool, paths: list[str]) -> None:
    assert found(policy=policy, held=held) == paths


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (ContactMethod.EMAIL, "contact.email"),
        (ContactMethod.MOBILE_PHONE, "contact.mobilePhone"),
        (ContactMethod.LANDLINE_PHONE, "contact.landlinePhone"),
        (ContactMethod.POST, "contact.address"),
    ],
)
def test_the_preferred_way_needs_its_means(method: ContactMethod, path: str) -> None:
    assert found(Contact(first_name="A", last_name="B", preferred_contact_method=method)) == [path]


def lines(sections: list[dict[str, Any]], step: str) -> dict[str, str]:
    section = next(section for section in sections if section["step"] == step)
    return {line["label"]: line["value"] for line in section["lines"]}


def test_the_summary_reads_as_people_write() -> None:
    answers = ANSWERS | {
        "days": ["house", "flat"],
        "surface": 12345.5,
        "day": "2026-11-23",
        "phone": "+33639981234",
        "place": Address(("1 Grand-Place",), "1000", "Bruxelles", "BE").to_json(),
        "story": "Un.\nDeux.",
        "urgent": True,
    }
    when = datetime(2026, 11, 24, 9, 5, tzinfo=ZoneInfo("Europe/Paris"))
    sections = summary(
        FORM,
        CONTACT,
        answers,
        language="fr",
        attachments={"proof": ["Facture"], None: ["Plan", "Photo"], "gone": ["x"]},
        appointment=AppointmentLine(when, "Mairie"),
    )
    assert [(section["step"], section["title"]) for section in sections] == [
        ("APPOINTMENT", "Mon rendez-vous"),
        ("CONTACT", "Mes informations"),
        ("FORM", "Ma demande"),
    ]
    assert lines(sections, "APPOINTMENT") == {
        "Date et heure": "24 novembre 2026 à 9\u00a0h\u00a005",
        "Lieu": "Mairie",
    }
    assert lines(sections, "CONTACT") == {
        "Civilité": "Madame",
        "Prénom": "Jeanne",
        "Nom": "Martin",
        "Date de naissance": "1er janvier 1980",
        "Courriel": "jeanne@exemple.fr",
        "Téléphone mobile": "06 39 98 12 34",
        "Adresse postale": "12 rue des Lilas\nBâtiment B\n49000 Angers",
        "Moyen de contact préféré": "Courriel",
    }
    assert lines(sections, "FORM") == {
        "Logement": "Maison",
        "Jours": "Maison\nAppartement",
        "Récit": "Un.\nDeux.",
        "Surface": "12\u202f345,5",
        "Jour": "23 novembre 2026",
        "Urgent ?": "Oui",
        "Téléphone": "06 39 98 12 34",
        "Adresse": "1 Grand-Place\n1000 Bruxelles\nBE",
        "Justificatif": "Facture",
        "Autres pièces jointes": "Plan\nPhoto",
    }
    answered = {
        line["label"]: line["field"] for section in sections for line in section["lines"] if line["field"]
    }
    assert answered == {field.label: field.key for field in FORM.fields if field.label in answered}
    assert list(answered) == [label for label in lines(sections, "FORM") if label != "Autres pièces jointes"]


def test_the_summary_in_english_leaves_out_what_is_hidden_or_empty() -> None:
    sections = summary(FORM, None, ANSWERS, language="en", attachments={"proof": ["Bill"]}, appointment=None)
    assert [section["step"] for section in sections] == ["FORM"]
    assert lines(sections, "FORM") == {"Logement": "Maison", "Urgent ?": "No"}


def test_numbers_and_dates() -> None:
    assert [readable_number(n, "fr") for n in (0, 3.0, -1234.25, 1e15)] == [
        "0", "3", "-1\u202f234,25", "1\u202f000\u202f000\u202f000\u202f000\u202f000",
    ]  # fmt: skip
    assert [readable_number(n, "en") for n in (0.1, 1234567)] == ["0.1", "1,234,567"]
    assert readable_date(date(2026, 8, 1), "fr") == "1er août 2026"
    assert readable_date(date(2026, 8, 15), "fr") == "15 août 2026"
    assert readable_date(date(2026, 8, 1), "en") == "1 August 2026"
    midnight = datetime(2027, 1, 1, 0, 5, tzinfo=ZoneInfo("Europe/Paris"))
    assert readable_moment(midnight, "fr") == "1er janvier 2027 à 0\u00a0h\u00a005"
    assert readable_moment(midnight, "en") == "1 January 2027 at 00:05"


def test_steps_in_order_with_their_fields() -> None:
    definition, mistakes = read_definition(
        {"body": "**Corps**", "step_help": {"FORM": "Aide", "SUMMARY": "Relisez"}, "fields": EVERY_TYPE}
    )
    assert definition is not None, mistakes
    rows = step_rows(definition, AppointmentPolicy.OPTIONAL, "en")
    assert [(row["kind"], row["title"], row["help"], row["body"]) for row in rows] == [
        ("PROCEDURE", "About this procedure", None, "**Corps**"),
        ("APPOINTMENT", "My appointment", None, None),
        ("CONTACT", "My details", None, None),
        ("FORM", "My request", "Aide", None),
        ("SUMMARY", "Summary", "Relisez", None),
    ]
    assert [row["kind"] for row in step_rows(definition, AppointmentPolicy.NONE, "fr")] == [
        "PROCEDURE", "CONTACT", "FORM", "SUMMARY",
    ]  # fmt: skip
    contact, form = rows[2]["fields"], rows[3]["fields"]
    assert [(field["key"], field["__typename"], field["required"]) for field in contact] == [
        ("civility", "ChoiceField", False),
        ("firstName", "TextField", True),
        ("lastName", "TextField", True),
        ("birthDate", "DateField", False),
        ("email", "EmailField", False),
        ("mobilePhone", "PhoneField", False),
        ("landlinePhone", "PhoneField", False),
        ("address", "AddressField", False),
        ("preferredContactMethod", "ChoiceField", True),
    ]
    assert [option["value"] for option in contact[8]["options"]] == list(ContactMethod)
    assert form[1] == {
        "__typename": "TextField",
        "key": "detail",
        "label": "Précisez",
        "help": None,
        "required": True,
        "visible_when": [{"field": "home", "operator": "EQUALS", "values": ["other"]}],
        "multiline": False,
        "max_length": 20,
        "pattern": None,
    }
    assert form[7]["earliest"] == date(2026, 1, 1)
    assert form[12]["accepted_media_types"] == []
    assert form[12]["max_files"] == 2
    assert {row["__typename"] for row in form} == {
        f"{kind}Field"
        for kind in ("Text", "Number", "Date", "Boolean", "Choice", "Email", "Phone", "Address", "File")
    }
