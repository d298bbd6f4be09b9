"""The form of one version of a procedure, as it stands in `procedure_version.definition`.

A definition that comes from outside (a data file, `saveProcedure`) goes through `read_definition` in
`models/forms/reading.py`, which names every mistake. One that comes back from the database was checked when
it was written: `FormDefinition.model_validate` is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from core.i18n import Text
from models.forms.kinds import ConditionOperator, StepKind
from models.mistakes import written_as

LONGEST_TEXT_ANSWER = 4_000
"""Characters of a text answer whose field names no limit of its own."""

MOST_FIELDS = 100
MOST_OPTIONS = 300
MOST_CONDITIONS = 10

Key = Annotated[
    str,
    StringConstraints(min_length=1),
    written_as(
        r"[a-z][a-z0-9_-]{0,59}",
        Text(
            fr="une lettre minuscule d’abord, puis des lettres minuscules sans accent, des chiffres, « _ » et « - », "
            "60 signes au plus",
            en="a small letter first, then small letters without accents, digits, “_” and “-”, at most 60 in all",
        ),
    ),
]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Help = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]


def _as_condition_value(value: Any) -> Any:
    """Conditions compare with text; data files may write `true` or `18` bare."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


ConditionValue = Annotated[
    str, BeforeValidator(_as_condition_value), StringConstraints(min_length=1, max_length=200)
]
MediaType = Annotated[
    str,
    written_as(
        r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,99}",
        Text(fr="un type de fichier, comme application/pdf", en="a type of file, like application/pdf"),
    ),
]
OptionValue = Annotated[
    str,
    StringConstraints(min_length=1),
    written_as(
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,59}",
        Text(
            fr="une lettre ou un chiffre d’abord, puis des lettres sans accent, des chiffres, « _ » et « - », "
            "60 signes au plus",
            en="a letter or a digit first, then letters without accents, digits, “_” and “-”, at most 60 in all",
        ),
    ),
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Condition(_Frozen):
    """What must hold for a field to be asked. On a field without an answer (or not asked itself) none holds.

    `values` as text: numbers in decimal, dates as YYYY-MM-DD, booleans as `true` or `false`, options by their
    value. IN takes several, IS_ANSWERED none, the others one. Where several options may be chosen, EQUALS and
    IN ask for one of them to be among `values`, NOT_EQUALS for none.
    """

    field: Key
    operator: ConditionOperator
    values: tuple[ConditionValue, ...] = Field(default=(), max_length=50)


class ChoiceOption(_Frozen):
    value: OptionValue
    label: Label


class _AnyField(_Frozen):
    key: Key
    label: Label
    help: Help | None = None
    required: bool = False
    visible_when: tuple[Condition, ...] = Field(default=(), max_length=MOST_CONDITIONS)


class TextField(_AnyField):
    type: Literal["text"] = "text"
    multiline: bool = False
    max_length: int | None = Field(default=None, ge=1, le=LONGEST_TEXT_ANSWER)
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """The whole answer matches it; see `models/forms/patterns.py` for what it may hold."""


class NumberField(_AnyField):
    type: Literal["number"] = "number"
    minimum: float | None = None
    maximum: float | None = None
    integer: bool = False


class DateField(_AnyField):
    type: Literal["date"] = "date"
    earliest: date | None = None
    latest: date | None = None


class BooleanField(_AnyField):
    """Required: it has to be answered, with yes or with no."""

    type: Literal["boolean"] = "boolean"


class ChoiceField(_AnyField):
    type: Literal["choice"] = "choice"
    options: tuple[ChoiceOption, ...] = Field(min_length=1, max_length=MOST_OPTIONS)
    multiple: bool = False


class EmailField(_AnyField):
    type: Literal["email"] = "email"


class PhoneField(_AnyField):
    type: Literal["phone"] = "phone"


class AddressField(_AnyField):
    type: Literal["address"] = "address"


class FileField(_AnyField):
    """Answered by attachments that name its key. No media type listed: every type that the municipality
    accepts.
    """

    type: Literal["file"] = "file"
    accepted_media_types: tuple[MediaType, ...] = Field(default=(), max_length=30)
    max_files: int = Field(default=1, ge=1, le=20)


FormField = Annotated[
    TextField
    | NumberField
    | DateField
    | BooleanField
    | ChoiceField
    | EmailField
    | PhoneField
    | AddressField
    | FileField,
    Field(discriminator="type"),
]

FIELD_TYPES = ("text", "number", "date", "boolean", "choice", "email", "phone", "address", "file")


class FormDefinition(_Frozen):
    """`body` is what La démarche says, `step_help` the Aide à la saisie of each step, both in Markdown."""

    body: Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
    step_help: Mapping[StepKind, Help] = Field(default_factory=dict)
    fields: tuple[FormField, ...] = Field(default=(), max_length=MOST_FIELDS)

    def field(self, key: str) -> FormField | None:
        return next((field for field in self.fields if field.key == key), None)

    def to_json(self) -> dict[str, Any]:
        """For JSONB. What equals its default is left out, so that equal definitions are equal JSON."""
        return self.model_dump(mode="json", exclude_defaults=True) | {
            "fields": [
                {"type": field.type} | field.model_dump(mode="json", exclude_defaults=True)
                for field in self.fields
            ]
        }
