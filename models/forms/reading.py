"""Reads a definition that comes from outside, whole: every mistake is told, each at its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

from pydantic import TypeAdapter, ValidationError

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
    Key,
    NumberField,
    TextField,
)
from models.forms.kinds import ConditionOperator
from models.forms.patterns import PatternError, check_pattern
from models.mistakes import Mistake, Path, mistakes_of
from models.readable_parts import read_alone, readable_elements, without_unknown_keys

_FIELD: TypeAdapter[FormField] = TypeAdapter(FormField)
_CONDITION = TypeAdapter(Condition)
_KEY: TypeAdapter[str] = TypeAdapter(Key)

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


@dataclass(frozen=True, slots=True)
class _Part:
    """What could be read of the field at `position`. None: its key is wrong, or so much else that no more than its
    key and conditions are known."""

    position: int
    key: str | None
    field: FormField | None
    conditions: Sequence[tuple[int, Condition]]

    @property
    def path(self) -> Path:
        return ("fields", self.position)


def read_definition(raw: Mapping[str, Any]) -> tuple[FormDefinition | None, list[Mistake]]:
    """The definition, or None and every mistake. `raw` is what JSON can hold; nothing is converted
    silently.
    """
    try:
        definition = FormDefinition.model_validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        known = without_unknown_keys(raw, error, FIELD_TYPES)
        return None, mistakes_of(error, FIELD_TYPES) + check_readable_fields(known.get("fields"))
    mistakes = check_definition(definition)
    return (None, mistakes) if mistakes else (definition, [])


def check_definition(definition: FormDefinition) -> list[Mistake]:
    """Every mistake that no single field shows: what refers to what, and what contradicts what."""
    return _check_parts(
        [
            _Part(position, field.key, field, list(enumerate(field.visible_when)))
            for position, field in enumerate(definition.fields)
        ]
    )


def check_readable_fields(raw: Any) -> list[Mistake]:
    """What `check_definition` says, of a list of fields in which some are wrong in themselves: of each, what can be
    read is checked. Their keys are known ones."""
    return _check_parts(
        [_read_part(position, field) for position, field in enumerate(raw)] if isinstance(raw, list) else []
    )


def _read_part(position: int, raw: Any) -> _Part:
    if not isinstance(raw, dict):
        return _Part(position, None, None, ())
    key = read_alone(_KEY, raw.get("key"))
    conditions = list(readable_elements(_CONDITION, raw.get("visible_when")))
    try:
        _FIELD.validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        # The first part is the type's name, unless the type is what is wrong.
        wrong = {entry["loc"][1] for entry in error.errors() if len(entry["loc"]) > 1}
        raw = {"key": "unknown", "label": "?"} | {name: raw[name] for name in raw.keys() - wrong}
    read = read_alone(_FIELD, raw)
    return _Part(position, key and key[0], read and read[0], conditions)


def _check_parts(parts: Sequence[_Part]) -> list[Mistake]:
    by_key: dict[str, _Part] = {}
    mistakes: list[Mistake] = []
    for part in parts:
        if part.key is None:
            continue
        if part.key in RESERVED_KEYS:
            mistakes.append(
                Mistake(
                    (*part.path, "key"),
                    Text(
                        fr=f"La clé « {part.key} » est réservée : choisissez-en une autre.",
                        en=f"The key “{part.key}” is reserved: choose another one.",
                    ),
                )
            )
        if part.key in by_key:
            mistakes.append(
                Mistake(
                    (*part.path, "key"),
                    Text(
                        fr=f"La clé « {part.key} » sert déjà à un autre champ.",
                        en=f"The key “{part.key}” is already used by another field.",
                    ),
                )
            )
        by_key.setdefault(part.key, part)
    # A condition on a field whose key is wrong is not wrong itself.
    complete = all(part.key is not None for part in parts)
    for part in parts:
        if part.field is not None:
            mistakes.extend(_check_limits(part.field, part.path))
        for place, condition in part.conditions:
            path = (*part.path, "visible_when", place)
            target = by_key.get(condition.field)
            if target is None and complete:
                mistakes.append(
                    Mistake(
                        (*path, "field"),
                        Text(
                            fr=f"Aucun champ n’a la clé « {condition.field} ».",
                            en=f"No field has the key “{condition.field}”.",
                        ),
                    )
                )
            elif target is not None and target.field is not None:
                mistakes.extend(_check_condition(condition, target.field, path))
    mistakes.extend(_check_cycles(by_key))
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


def _check_condition(condition: Condition, field: FormField, path: Path) -> Iterator[Mistake]:
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


def _check_cycles(by_key: Mapping[str, _Part]) -> Iterator[Mistake]:
    """Takes away, again and again, the fields that depend on none left: what stays depends on itself."""
    left = {
        key: {condition.field for _, condition in part.conditions if condition.field in by_key}
        for key, part in by_key.items()
    }
    while free := {key for key, needed in left.items() if not needed & left.keys()}:
        for key in free:
            del left[key]
    # Of what stays, only what somebody else left depends on is part of a circle or leads from one to another.
    while dangling := left.keys() - set().union(*left.values()):
        for key in dangling:
            del left[key]
    for key, part in by_key.items():
        if key in left:
            yield Mistake(
                (*part.path, "visible_when"),
                Text(
                    fr=f"La condition de « {key} » finit par dépendre d’elle-même : {_among(left)}.",
                    en=f"The condition of “{key}” ends up depending on itself: {_among(left)}.",
                ),
            )


def _among(keys: Mapping[str, object]) -> str:
    return ", ".join(sorted(keys))
