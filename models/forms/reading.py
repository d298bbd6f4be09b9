"""Reads a definition that comes from outside, whole: every mistake is told, each at its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

from pydantic import ValidationError

from core.i18n import Text
from models.forms.definition import (
    FIELD_TYPES,
    LONGEST_TEXT_ANSWER,
    ChoiceField,
    Condition,
    DateField,
    FileField,
    FormDefinition,
    FormField,
    NumberField,
    TextField,
)
from models.forms.kinds import ConditionOperator
from models.forms.patterns import PatternError, check_pattern
from models.mistakes import Mistake, Path, mistakes_of

RESERVED_KEYS = frozenset({"contact", "appointment", "answers"})
"""Paths that `ServiceRequest.problems` uses for what is not a field of the form."""

_OPERATORS = {
    "text": {ConditionOperator.EQUALS, ConditionOperator.NOT_EQUALS, ConditionOperator.IN},
    "number": {
        ConditionOperator.EQUALS,
        ConditionOperator.NOT_EQUALS,
        ConditionOperator.IN,
        ConditionOperator.GREATER_THAN,
        ConditionOperator.LESS_THAN,
    },
    "date": {
        ConditionOperator.EQUALS,
        ConditionOperator.NOT_EQUALS,
        ConditionOperator.IN,
        ConditionOperator.GREATER_THAN,
        ConditionOperator.LESS_THAN,
    },
    "boolean": {ConditionOperator.EQUALS, ConditionOperator.NOT_EQUALS},
    "choice": {ConditionOperator.EQUALS, ConditionOperator.NOT_EQUALS, ConditionOperator.IN},
    "email": set(),
    "phone": set(),
    "address": set(),
}
"""Beside IS_ANSWERED, which suits every type but `file`: attachments are no answers."""


def read_definition(raw: Mapping[str, Any]) -> tuple[FormDefinition | None, list[Mistake]]:
    """The definition, or None and every mistake. `raw` is what JSON can hold; nothing is converted
    silently.
    """
    try:
        definition = FormDefinition.model_validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        return None, mistakes_of(error, FIELD_TYPES)
    mistakes = check_definition(definition)
    return (None, mistakes) if mistakes else (definition, [])


def check_definition(definition: FormDefinition) -> list[Mistake]:
    """Every mistake that no single field shows: what refers to what, and what contradicts what."""
    by_key: dict[str, FormField] = {}
    mistakes: list[Mistake] = []
    for position, field in enumerate(definition.fields):
        path: Path = ("fields", position)
        if field.key in RESERVED_KEYS:
            mistakes.append(
                Mistake(
                    (*path, "key"),
                    Text(
                        fr=f"La clé « {field.key} » est réservée : choisissez-en une autre.",
                        en=f"The key “{field.key}” is reserved: choose another one.",
                    ),
                )
            )
        if field.key in by_key:
            mistakes.append(
                Mistake(
                    (*path, "key"),
                    Text(
                        fr=f"La clé « {field.key} » sert déjà à un autre champ.",
                        en=f"The key “{field.key}” is already used by another field.",
                    ),
                )
            )
        by_key.setdefault(field.key, field)
    for position, field in enumerate(definition.fields):
        path = ("fields", position)
        mistakes.extend(_check_limits(field, path))
        for place, condition in enumerate(field.visible_when):
            mistakes.extend(_check_condition(condition, by_key, (*path, "visible_when", place)))
    mistakes.extend(_check_cycles(definition, by_key))
    return mistakes


def _check_limits(field: FormField, path: Path) -> Iterator[Mistake]:
    if isinstance(field, NumberField) and _reversed(field.minimum, field.maximum):
        yield Mistake(
            (*path, "maximum"),
            Text(fr="Le maximum est inférieur au minimum.", en="The maximum is below the minimum."),
        )
    elif isinstance(field, DateField) and _reversed(field.earliest, field.latest):
        yield Mistake(
            (*path, "latest"),
            Text(
                fr="La date la plus tardive précède la plus ancienne.",
                en="The latest date is before the earliest.",
            ),
        )
    elif isinstance(field, ChoiceField):
        yield from _repeated([o.value for o in field.options], path, "options", "value")
    elif isinstance(field, FileField):
        yield from _repeated(field.accepted_media_types, path, "accepted_media_types")
    elif isinstance(field, TextField) and field.pattern is not None:
        if field.multiline:
            yield Mistake(
                (*path, "pattern"),
                Text(
                    fr="Un texte de plusieurs lignes n’a pas de motif.",
                    en="A text of several lines takes no pattern.",
                ),
            )
        try:
            check_pattern(field.pattern, field.max_length or LONGEST_TEXT_ANSWER)
        except PatternError as error:
            yield Mistake((*path, "pattern"), error.text)


def _reversed(least: float | date | None, most: float | date | None) -> bool:
    return least is not None and most is not None and most < least  # type: ignore[operator]


def _repeated(values: Sequence[str], path: Path, name: str, part: str | None = None) -> Iterator[Mistake]:
    for position, value in enumerate(values):
        if value in values[:position]:
            place: Path = (*path, name, position)
            yield Mistake(
                place if part is None else (*place, part),
                Text(fr=f"« {value} » est déjà dans la liste.", en=f"“{value}” is already in the list."),
            )


def _check_condition(condition: Condition, by_key: Mapping[str, FormField], path: Path) -> Iterator[Mistake]:
    field = by_key.get(condition.field)
    if field is None:
        yield Mistake(
            (*path, "field"),
            Text(
                fr=f"Aucun champ n’a la clé « {condition.field} ».",
                en=f"No field has the key “{condition.field}”.",
            ),
        )
        return
    if isinstance(field, FileField):
        yield Mistake(
            (*path, "field"),
            Text(
                fr=f"« {field.key} » attend des fichiers : une condition ne peut pas en dépendre.",
                en=f"“{field.key}” takes files: no condition can depend on it.",
            ),
        )
        return
    if (
        condition.operator is not ConditionOperator.IS_ANSWERED
        and condition.operator not in _OPERATORS[field.type]
    ):
        yield Mistake(
            (*path, "operator"),
            Text(
                fr=f"{condition.operator} ne convient pas à « {field.key} », de type {field.type}.",
                en=f"{condition.operator} does not suit “{field.key}”, of type {field.type}.",
            ),
        )
        return
    least, most = {ConditionOperator.IS_ANSWERED: (0, 0), ConditionOperator.IN: (1, 50)}.get(
        condition.operator, (1, 1)
    )
    if not least <= len(condition.values) <= most:
        yield Mistake(
            (*path, "values"),
            {
                0: Text(fr="IS_ANSWERED ne prend aucune valeur.", en="IS_ANSWERED takes no value."),
                1: Text(
                    fr=f"{condition.operator} prend une seule valeur.",
                    en=f"{condition.operator} takes exactly one value.",
                ),
            }.get(most, Text(fr="IN prend au moins une valeur.", en="IN takes at least one value.")),
        )
    for position, value in enumerate(condition.values):
        text = _wrong_value(field, value)
        if text is not None:
            yield Mistake((*path, "values", position), text)


def _wrong_value(field: FormField, value: str) -> Text | None:
    if isinstance(field, ChoiceField) and value not in {option.value for option in field.options}:
        return Text(
            fr=f"« {value} » n’est pas une option de « {field.key} ».",
            en=f"“{value}” is not an option of “{field.key}”.",
        )
    if field.type == "boolean" and value not in {"true", "false"}:
        return Text(fr="« true » ou « false » est attendu.", en="“true” or “false” is expected.")
    try:
        if field.type == "number" and not isfinite(float(value)):
            raise ValueError
        if field.type == "date":
            date.fromisoformat(value)
    except ValueError:
        return (
            Text(fr="Un nombre est attendu.", en="A number is expected.")
            if field.type == "number"
            else Text(fr="Une date AAAA-MM-JJ est attendue.", en="A date YYYY-MM-DD is expected.")
        )
    return None


def _check_cycles(definition: FormDefinition, by_key: Mapping[str, FormField]) -> Iterator[Mistake]:
    """Takes away, again and again, the fields that depend on none left: what stays depends on itself."""
    left = {
        key: {condition.field for condition in field.visible_when if condition.field in by_key}
        for key, field in by_key.items()
    }
    while free := {key for key, needed in left.items() if not needed & left.keys()}:
        for key in free:
            del left[key]
    # Of what stays, only what somebody else left depends on is part of a circle or leads from one to another.
    while dangling := left.keys() - set().union(*left.values()):
        for key in dangling:
            del left[key]
    for position, field in enumerate(definition.fields):
        if field.key in left and by_key[field.key] is field:
            yield Mistake(
                ("fields", position, "visible_when"),
                Text(
                    fr=f"La condition de « {field.key} » finit par dépendre d’elle-même : {_among(left)}.",
                    en=f"The condition of “{field.key}” ends up depending on itself: {_among(left)}.",
                ),
            )


def _among(keys: Mapping[str, object]) -> str:
    return ", ".join(sorted(keys))
