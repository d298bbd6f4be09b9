"""What can be read of a data file's value that is not right as a whole, so that the rest of it is checked, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from models.mistakes import place_of

_Read = TypeVar("_Read")


def without_unknown_keys(value: Any, error: ValidationError, field_types: Sequence[str] = ()) -> Any:
    """A copy of `value`, which `error` is about, without the keys that nobody knows. Positions stay."""
    result = deepcopy(value)
    for entry in error.errors(include_url=False, include_input=False):
        if entry["type"] == "extra_forbidden":
            *around, name = place_of(entry["loc"], field_types)
            holder = result
            for part in around:
                holder = holder[part]
            holder.pop(name, None)
    return result


def readable_parts(shape: type[BaseModel], value: Any) -> dict[str, Any]:
    """By the names of `shape`'s fields, those that are right, and the defaults of those that are absent."""
    if not isinstance(value, dict):
        return {}
    parts: dict[str, Any] = {}
    for name, field in shape.model_fields.items():
        if name in value:
            read = read_alone(_part(shape, name), value[name])
            parts |= {} if read is None else {name: read[0]}
        elif not field.is_required():
            parts[name] = field.get_default(call_default_factory=True)
    return parts


def readable_elements(shape: TypeAdapter[_Read], value: Any) -> Iterator[tuple[int, _Read]]:
    """The elements of a list that are right, each with its position."""
    for position, element in enumerate(value if isinstance(value, list) else ()):
        read = read_alone(shape, element)
        if read is not None:
            yield position, read[0]


def read_alone(shape: TypeAdapter[_Read], value: Any) -> tuple[_Read] | None:
    """The value in a tuple of its own, since it may be None; None where it is wrong."""
    try:
        return (shape.validate_json(json.dumps(value), strict=True),)
    except ValidationError:
        return None


@cache
def _part(shape: type[BaseModel], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(shape.model_fields[name].rebuild_annotation())
