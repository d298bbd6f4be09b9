"""Checks answers as they come in, and gives them back in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from math import isfinite
from typing import Any

from core.errors import FieldProblem
from core.i18n import Text
from core.wording import readable_date, readable_number
from models.address import check_address
from models.email_address import EMAIL_ADVICE, normalised_email
from models.forms.definition import (
    LONGEST_TEXT_ANSWER,
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
from models.forms.patterns import matches
from models.forms.values import (
    AddressValue,
    Answers,
    AnswerValue,
    BooleanValue,
    ChoicesValue,
    DateValue,
    NumberValue,
    TextValue,
)
from models.phone_number import PHONE_ADVICE, normalised_phone
from models.plain_text import has_unprintable, one_line, several_lines

LARGEST_NUMBER = 1e15
"""Beyond it a float no longer tells whole numbers apart."""

Row = dict[str, Any]


class _RefusedAnswer(Exception):
    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__()
        self.problems = problems


def _refusal(key: str, fr: str, en: str) -> _RefusedAnswer:
    return _RefusedAnswer([FieldProblem(key, Text(fr=fr, en=en))])


def parse_answers(
    definition: FormDefinition, raw: Iterable[tuple[str, AnswerValue | None]]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """What a caller sends for some fields, as canonical JSON, and every problem with it at the field's key.

    In the changes None takes an answer back; so does a text that is blank, and a choice of nothing. Fields
    that are not asked now may be answered: what they hold comes back when they are asked again.
    """
    changes: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    seen: set[str] = set()
    for key, value in raw:
        field = definition.field(key)
        try:
            if field is None:
                raise _refusal(
                    _shown(key),
                    "Cette démarche n’a pas de champ de ce nom : retirez cette réponse.",
                    "This procedure has no field of this name: remove this answer.",
                )
            if key in seen:
                raise _refusal(
                    key,
                    "Ce champ a plusieurs réponses : envoyez-en une seule.",
                    "This field has several answers: send only one.",
                )
            seen.add(key)
            changes[key] = None if value is None else _stored(field, value)
        except _RefusedAnswer as refused:
            problems.extend(refused.problems)
    return {key: value for key, value in changes.items() if key in seen}, problems


def merge_answers(answers: Answers, changes: Answers) -> dict[str, Any]:
    """The answers after `changes`, as they are to be stored."""
    return {key: value for key, value in {**answers, **changes}.items() if value is not None}


def _shown(key: str) -> str:
    """A key that nobody defined, made safe to send back."""
    return key[:60].encode("ascii", "backslashreplace").decode("ascii")


def _stored(field: FormField, value: AnswerValue) -> Any:
    match field, value:
        case TextField(), TextValue(text=text):
            return _text(field, text)
        case EmailField(), TextValue(text=text):
            return _normalised(field.key, text, normalised_email, EMAIL_ADVICE)
        case PhoneField(), TextValue(text=text):
            return _normalised(field.key, text, normalised_phone, PHONE_ADVICE)
        case NumberField(), NumberValue(number=number):
            return _number(field, number)
        case DateField(), DateValue(date=day):
            return _date(field, day)
        case BooleanField(), BooleanValue(boolean=boolean):
            return boolean
        case ChoiceField(), ChoicesValue(choices=choices):
            return _choices(field, choices)
        case AddressField(), AddressValue(address=typed):
            address, problems = check_address(typed, field.key)
            if address is None:
                raise _RefusedAnswer(problems)
            return address.to_json()
        case FileField(), _:
            raise _refusal(
                field.key,
                "Ce champ attend un fichier : joignez-le en pièce jointe à la demande.",
                "This field takes a file: join it to the request as an attachment.",
            )
        case _:
            raise _RefusedAnswer([FieldProblem(field.key, _EXPECTED[field.type])])


_EXPECTED = {
    "text": Text(fr="Répondez par un texte.", en="Answer with a text."),
    "email": Text(
        fr="Répondez par un texte : une adresse de courriel.", en="Answer with a text: an e-mail address."
    ),
    "phone": Text(
        fr="Répondez par un texte : un numéro de téléphone.", en="Answer with a text: a phone number."
    ),
    "number": Text(fr="Répondez par un nombre.", en="Answer with a number."),
    "date": Text(fr="Répondez par une date.", en="Answer with a date."),
    "boolean": Text(fr="Répondez par oui ou par non.", en="Answer yes or no."),
    "choice": Text(fr="Choisissez parmi les options proposées.", en="Choose among the options offered."),
    "address": Text(fr="Répondez par une adresse postale.", en="Answer with a postal address."),
}


def _normalised(key: str, text: str, normalise: Callable[[str], str | None], advice: Text) -> str | None:
    if not text.strip():
        return None
    normal = normalise(text)
    if normal is None:
        raise _RefusedAnswer([FieldProblem(key, advice)])
    return normal


def _text(field: TextField, typed: str) -> str | None:
    longest = field.max_length or LONGEST_TEXT_ANSWER
    if len(typed) > 4 * LONGEST_TEXT_ANSWER:
        raise _too_long(field.key, longest)
    if has_unprintable(typed):
        raise _refusal(
            field.key,
            "Le texte contient un caractère invisible : saisissez-le de nouveau.",
            "The text holds an invisible character: type it again.",
        )
    text = several_lines(typed) if field.multiline else one_line(typed)
    if not text:
        return None
    if len(text) > longest:
        raise _too_long(field.key, longest)
    if field.pattern is not None and not matches(field.pattern).fullmatch(text):
        raise _refusal(
            field.key,
            f"Vérifiez le format de cette réponse. {field.help or ''}".strip(),
            f"Check how this answer is written. {field.help or ''}".strip(),
        )
    return text


def _too_long(key: str, longest: int) -> _RefusedAnswer:
    return _refusal(
        key,
        f"Raccourcissez le texte : {longest} caractères au plus.",
        f"Shorten the text: at most {longest} characters.",
    )


def _number(field: NumberField, number: float) -> int | float:
    if not isfinite(number) or abs(number) > LARGEST_NUMBER:
        raise _RefusedAnswer([FieldProblem(field.key, _EXPECTED["number"])])
    if field.integer and not float(number).is_integer():
        raise _refusal(
            field.key, "Indiquez un nombre entier, sans virgule.", "Give a whole number, without decimals."
        )
    if field.minimum is not None and number < field.minimum:
        raise _RefusedAnswer([FieldProblem(field.key, _limit(_AT_LEAST, field.minimum))])
    if field.maximum is not None and number > field.maximum:
        raise _RefusedAnswer([FieldProblem(field.key, _limit(_AT_MOST, field.maximum))])
    return int(number) if float(number).is_integer() else float(number)


_AT_LEAST = Text(fr="Indiquez un nombre d’au moins {limit}.", en="Give a number of at least {limit}.")
_AT_MOST = Text(fr="Indiquez un nombre d’au plus {limit}.", en="Give a number of at most {limit}.")
_FROM_DAY = Text(fr="Indiquez une date à partir du {limit}.", en="Give a date from {limit} on.")
_TO_DAY = Text(fr="Indiquez une date jusqu’au {limit}.", en="Give a date up to {limit}.")


def _limit(text: Text, limit: float | date) -> Text:
    if isinstance(limit, date):
        return text.format(limit=Text(fr=readable_date(limit, "fr"), en=readable_date(limit, "en")))
    return text.format(limit=Text(fr=readable_number(limit, "fr"), en=readable_number(limit, "en")))


def _date(field: DateField, day: date) -> str:
    if field.earliest is not None and day < field.earliest:
        raise _RefusedAnswer([FieldProblem(field.key, _limit(_FROM_DAY, field.earliest))])
    if field.latest is not None and day > field.latest:
        raise _RefusedAnswer([FieldProblem(field.key, _limit(_TO_DAY, field.latest))])
    return day.isoformat()


def _choices(field: ChoiceField, choices: tuple[str, ...]) -> list[str] | None:
    """In the order of the options, each once: two people who chose the same have the same answer."""
    chosen = set(choices)
    if chosen - {option.value for option in field.options}:
        raise _RefusedAnswer([FieldProblem(field.key, _EXPECTED["choice"])])
    if len(chosen) > 1 and not field.multiple:
        raise _refusal(field.key, "Choisissez une seule option.", "Choose only one option.")
    return [option.value for option in field.options if option.value in chosen] or None


def answer_rows(definition: FormDefinition, answers: Answers) -> list[Row]:
    """Every answer kept, in the form's order, as rows of the union Answer."""
    return [_answer_row(field, answers[field.key]) for field in definition.fields if field.key in answers]


def _answer_row(field: FormField, answer: Any) -> Row:
    match field:
        case NumberField():
            return {"__typename": "NumberAnswer", "field": field.key, "number": float(answer)}
        case BooleanField():
            return {"__typename": "BooleanAnswer", "field": field.key, "boolean": answer}
        case DateField():
            return {"__typename": "DateAnswer", "field": field.key, "date": date.fromisoformat(answer)}
        case ChoiceField():
            return {
                "__typename": "ChoiceAnswer",
                "field": field.key,
                "choices": [
                    {"value": option.value, "label": option.label}
                    for option in field.options
                    if option.value in answer
                ],
            }
        case AddressField():
            return {"__typename": "AddressAnswer", "field": field.key, "address": answer}
        case _:
            return {"__typename": "TextAnswer", "field": field.key, "text": answer}
